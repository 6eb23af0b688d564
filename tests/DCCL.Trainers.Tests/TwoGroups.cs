using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.Trainers.Tests;

/// <summary>
/// Two groups of users, each with items of its own that everybody takes in any order, and a cloud model that was never trained: all that can be
/// known is who had what.
/// </summary>
internal sealed class TwoGroups
{
    public const int NumberOfUsers = 40;
    private const int ItemsOfAGroup = 40;
    private const int NumberOfCloudEvents = 10;
    private const int NumberOfDeviceEvents = 15;
    private const int NumberOfTestEvents = 5;

    /// <summary>Draws the events.</summary>
    /// <param name="deviceAtRandom">Whether devices have items of both groups, at random.</param>
    public TwoGroups(bool deviceAtRandom = false)
    {
        SeededRandom random = new(1);
        List<EventRow> events = [];
        for (int user = 1; user <= NumberOfUsers; user++)
        {
            int[] own = [.. Enumerable.Range(1, ItemsOfAGroup).Select(n => (2 * n) - (user % 2))];
            random.Shuffle<int>(own);
            int[] rest = deviceAtRandom ? [.. Enumerable.Range(1, 2 * ItemsOfAGroup).Except(own[..NumberOfCloudEvents])] : own[NumberOfCloudEvents..];
            random.Shuffle<int>(rest);
            int[] items = [.. own[..NumberOfCloudEvents], .. rest[..(NumberOfDeviceEvents + NumberOfTestEvents)]];
            events.AddRange(items.Select((item, i) => new EventRow { User = $"u{user}", Item = $"i{item}", Timestamp = i }));
        }

        Cloud = [.. events.Where(row => row.Timestamp < NumberOfCloudEvents)];
        Device = [.. events.Where(row => row.Timestamp is >= NumberOfCloudEvents and < NumberOfCloudEvents + NumberOfDeviceEvents)];
        Test = [.. events.Where(row => row.Timestamp >= NumberOfCloudEvents + NumberOfDeviceEvents)];
    }

    public IReadOnlyList<EventRow> Cloud { get; }

    public IReadOnlyList<EventRow> Device { get; }

    public IReadOnlyList<EventRow> Test { get; }

    /// <summary>The cloud model behind the mapping of ids; it remembers the cloud's events.</summary>
    public ITransformer CreateModel(MLContext context)
    {
        string[] users = [.. Enumerable.Range(1, NumberOfUsers).Select(n => $"u{n}")];
        string[] items = [.. Enumerable.Range(1, 2 * ItemsOfAGroup).Select(n => $"i{n}")];
        ITransformer keys = EventRow.MapKeys(context).Fit(context.Data.LoadFromEnumerable(
            items.Select((item, n) => new EventRow { User = users[Math.Min(n, NumberOfUsers - 1)], Item = item })));
        InteractionColumns columns = new("UserKey", "ItemKey", "Timestamp");
        InteractionLog log = InteractionLog.Read(keys.Transform(context.Data.LoadFromEnumerable(Cloud)), columns);
        DinArchitecture architecture = new()
        {
            NumberOfItems = items.Length,
            EmbeddingDimension = 6,
            HistoryLength = 5,
            ActivationUnitSize = 6,
            HiddenLayerSizes = [10, 8],
        };
        double[] cutoffs = [.. Enumerable.Range(1, NumberOfUsers).Select(user => log.GetTimestamps(user)[^1])];
        DeviceCloudPredictionTransformer model = new(
            RandomModel.Create(new SeededRandom(1), architecture), null, BehaviorHistory.FromLog(log, architecture, cutoffs), columns)
        {
            UserIds = users,
            ItemIds = items,
            NumberOfThreads = 1,
        };
        return new TransformerChain<DeviceCloudPredictionTransformer>([.. (IEnumerable<ITransformer>)keys, model]);
    }
}
