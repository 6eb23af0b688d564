using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers.Torch;

namespace DCCL.Trainers.MetaPatch;

/// <summary>The events that a device has, put behind what the cloud model remembers of its user, and which of them are new to it.</summary>
internal sealed class DeviceEvents
{
    private readonly int[] _firstNew;
    private readonly int[] _firstOfLog;

    private DeviceEvents(InteractionLog log, int[] firstNew, int[] firstOfLog)
    {
        Log = log;
        _firstNew = firstNew;
        _firstOfLog = firstOfLog;
    }

    /// <summary>Gets what is remembered, then the device's events.</summary>
    public InteractionLog Log { get; }

    /// <summary>Whether a patch learns from an event: it is the device's, and the cloud model was not fitted to it.</summary>
    public bool IsNew(int user, int index) => index >= _firstNew[user];

    /// <summary>Whether an event stands in the device's log, and not only in what is remembered.</summary>
    public bool IsFromLog(int user, int index) => index >= _firstOfLog[user];

    /// <summary>Leaves out the last events of each user.</summary>
    /// <param name="fraction">The share of the log's own events to leave out, 0 to less than 1.</param>
    public InteractionLog HoldBack(double fraction) => fraction == 0
        ? Log
        : Log.Where((user, index) =>
        {
            int count = Log.GetItems(user).Length;
            return index < count - TrainingLog.CountHeldBack(count - _firstOfLog[user], fraction);
        });

    /// <summary>Gets the number of new events; if there are none, all of the device's events count as new all the same.</summary>
    public required int NumberOfNewEvents { get; init; }

    /// <summary>Joins a device log to what a model remembers.</summary>
    /// <param name="model">The model.</param>
    /// <param name="device">The device log, in the model's key values; it may repeat events that the model remembers.</param>
    public static DeviceEvents Create(DeviceCloudPredictionTransformer model, InteractionLog device)
    {
        BehaviorHistory history = model.History;
        (InteractionLog remembered, bool[] isRepeated) = Remember(history, device, model.Parameters.Architecture);
        InteractionLog log = remembered.Merge(device);
        int[] firstNew = new int[log.NumberOfUsers + 1];
        int[] firstOfLog = new int[log.NumberOfUsers + 1];
        int newEvents = 0;
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            int first = user <= remembered.NumberOfUsers ? remembered.GetItems(user).Length : 0;
            firstOfLog[user] = first;
            ReadOnlySpan<double> times = log.GetTimestamps(user);
            double cutoff = GetCutoff(history, user);

            // Events at the very time of the cut-off belong to the device, unless the log goes further back or the model remembers some
            // of them: then who knows.
            if (device.HasTimestamps && first < times.Length && (times[first] < cutoff || isRepeated[user]))
            {
                while (first < times.Length && times[first] <= cutoff)
                {
                    first++;
                }
            }

            firstNew[user] = first;
            newEvents += times.Length - first;
        }

        if (newEvents == 0)
        {
            for (int user = 1; user <= log.NumberOfUsers; user++)
            {
                firstNew[user] = firstOfLog[user];
            }
        }

        return new DeviceEvents(log, firstNew, firstOfLog) { NumberOfNewEvents = newEvents };
    }

    /// <summary>Counts how many of the oldest remembered items lie before a log that may repeat the others.</summary>
    /// <param name="remembered">The remembered items, oldest first.</param>
    /// <param name="log">The items of the log's positive events, oldest first.</param>
    /// <returns>The number of items before the first one with which both go on alike to the end of either; all if there is none.</returns>
    internal static int CountBefore(ReadOnlySpan<int> remembered, ReadOnlySpan<int> log)
    {
        for (int start = 0; start + remembered.Length <= log.Length; start++)
        {
            if (log.Slice(start, remembered.Length).SequenceEqual(remembered))
            {
                return 0;
            }
        }

        for (int before = 1; before < remembered.Length; before++)
        {
            ReadOnlySpan<int> rest = remembered[before..];
            if (rest.Length <= log.Length && log[..rest.Length].SequenceEqual(rest))
            {
                return before;
            }
        }

        return remembered.Length;
    }

    private static double GetCutoff(BehaviorHistory history, int user) =>
        user <= history.NumberOfUsers ? history.Cutoffs[user - 1] : double.NegativeInfinity;

    // What is remembered and not in the log, as positive events at time zero; and whose log repeats something remembered.
    private static (InteractionLog Remembered, bool[] IsRepeated) Remember(
        BehaviorHistory history, InteractionLog device, BackboneArchitecture architecture)
    {
        InteractionLog positives = device.WithPositivesOnly();
        List<int> users = [];
        List<int> items = [];
        int numberOfUsers = Math.Max(history.NumberOfUsers, device.NumberOfUsers);
        bool[] isRepeated = new bool[numberOfUsers + 1];
        for (int user = 1; user <= history.NumberOfUsers; user++)
        {
            ReadOnlySpan<int> recent = history.GetRecentItems(user, architecture.HistoryLength);
            ReadOnlySpan<int> repeating = user <= positives.NumberOfUsers ? positives.GetItems(user) : [];
            int before = CountBefore(recent, repeating);
            isRepeated[user] = before < recent.Length;

            // Where the log goes further back than the recent items, it may repeat older ones, too.
            HashSet<int> repeated = isRepeated[user] && before == 0 ? [.. repeating] : [];
            int older = history.GetItems(user).Length - recent.Length;
            foreach (int item in history.GetItems(user)[..(older + before)])
            {
                if (!repeated.Contains(item))
                {
                    users.Add(user);
                    items.Add(item);
                }
            }
        }

        int profileSize = history.ProfileDimension;
        float[]? profiles = profileSize == 0 ? null : new float[numberOfUsers * profileSize];
        for (int user = 1; user <= history.NumberOfUsers && profiles is not null; user++)
        {
            history.GetProfile(user).CopyTo(profiles.AsSpan((user - 1) * profileSize));
        }

        bool[]? labels = device.HasLabels ? new bool[items.Count] : null;
        labels?.AsSpan().Fill(true);
        InteractionLog log = InteractionLog.Create(
            numberOfUsers, architecture.NumberOfItems, [.. users], [.. items], device.HasTimestamps ? new double[items.Count] : null, labels, profiles, profileSize);
        return (log, isRepeated);
    }
}
