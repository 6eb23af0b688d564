using DCCL.ML.Data;
using DCCL.ML.Model;

namespace DCCL.ML.Scoring;

/// <summary>What a model remembers of its users: the items that they have had, their profiles, and how far it was fitted.</summary>
/// <remarks>
/// A network reads the most recent items. The others matter all the same: what somebody has had is no negative of theirs, and not
/// to be recommended again. Immutable and thread-safe. Users are key values from 1 to <see cref="NumberOfUsers"/>; events are kept in flat arrays.
/// </remarks>
public sealed class BehaviorHistory
{
    private readonly int[] _offsets;
    private readonly int[] _items;
    private readonly float[] _profiles;
    private readonly double[] _cutoffs;

    /// <summary>Creates the history from its arrays, which it owns from now on.</summary>
    /// <param name="offsets">Where the events of users 1, 2, ... start in <paramref name="items"/>, and at the end their number.</param>
    /// <param name="items">The item key values of all users' events, a user's oldest first.</param>
    /// <param name="profileDimension">The length of a profile; 0 if there are none.</param>
    /// <param name="profiles">The profiles of users 1, 2, ..., one after the other.</param>
    /// <param name="cutoffs">The times of users' last events that the cloud model was fitted to; negative infinity for none.</param>
    /// <exception cref="ArgumentException">The lengths disagree, or a value is out of range.</exception>
    public BehaviorHistory(int[] offsets, int[] items, int profileDimension, float[] profiles, double[] cutoffs)
    {
        ArgumentNullException.ThrowIfNull(offsets);
        ArgumentNullException.ThrowIfNull(items);
        ArgumentOutOfRangeException.ThrowIfNegative(profileDimension);
        ArgumentNullException.ThrowIfNull(profiles);
        ArgumentNullException.ThrowIfNull(cutoffs);
        Check(offsets.Length > 0 && offsets[0] == 0 && offsets[^1] == items.Length, "The offsets must go from 0 to the number of items.");
        for (int user = 1; user < offsets.Length; user++)
        {
            if (offsets[user] < offsets[user - 1])
            {
                throw new ArgumentException($"The offsets must not fall, but do at user {user}.");
            }
        }

        foreach (int item in items)
        {
            if (item < 1)
            {
                throw new ArgumentException($"The items must be key values from 1, but one is {item}.");
            }

            LargestItem = Math.Max(LargestItem, item);
        }

        int users = offsets.Length - 1;
        Check(
            profiles.LongLength == (long)users * profileDimension,
            $"{users} profiles of length {profileDimension} cannot have {profiles.Length} values.");
        Check(Array.TrueForAll(profiles, float.IsFinite), "The profiles must be finite.");
        Check(cutoffs.Length == users, $"There must be {users} cut-off times, but there are {cutoffs.Length}.");
        Check(!Array.Exists(cutoffs, double.IsNaN), "The cut-off times must not be NaN.");
        _offsets = offsets;
        _items = items;
        ProfileDimension = profileDimension;
        _profiles = profiles;
        _cutoffs = cutoffs;
    }

    /// <summary>Gets the number of users the model knows.</summary>
    public int NumberOfUsers => _offsets.Length - 1;

    /// <summary>Gets the length of a user's profile; 0 if there are none.</summary>
    public int ProfileDimension { get; }

    /// <summary>
    /// Gets, for users 1, 2, ..., the time of the user's last event that the cloud model was fitted to, negative infinity if there
    /// is none. Later events can teach a patch something; earlier ones only make it over-fit.
    /// </summary>
    public ReadOnlySpan<double> Cutoffs => _cutoffs;

    /// <summary>Gets the largest item key value, 0 if there are no events.</summary>
    internal int LargestItem { get; }

    /// <summary>Gets where each user's items start.</summary>
    internal ReadOnlySpan<int> Offsets => _offsets;

    /// <summary>Gets all users' items.</summary>
    internal ReadOnlySpan<int> Items => _items;

    /// <summary>Gets all users' profiles.</summary>
    internal ReadOnlySpan<float> Profiles => _profiles;

    /// <summary>Keeps of a log what a model of a given shape looks at.</summary>
    /// <param name="log">All events up to now, in the model's key values.</param>
    /// <param name="architecture">The network: it says which length of profile to keep, and of how many events to keep repetitions.</param>
    /// <param name="cutoffs">The cut-off times of users 1, 2, ...; null if the model was fitted to none of the events.</param>
    /// <returns>The history.</returns>
    /// <exception cref="ArgumentException">The log has other items or profiles than the model.</exception>
    public static BehaviorHistory FromLog(InteractionLog log, BackboneArchitecture architecture, double[]? cutoffs = null)
    {
        ArgumentNullException.ThrowIfNull(log);
        ArgumentNullException.ThrowIfNull(architecture);
        int profileDimension = architecture.ProfileDimension;
        if (profileDimension > 0 && log.ProfileDimension != profileDimension)
        {
            throw new ArgumentException(
                $"The log's profiles must have the model's length {profileDimension}, but have {log.ProfileDimension}. "
                + "Name the column that holds them.",
                nameof(log));
        }

        InteractionLog positives = log.WithPositivesOnly();
        int[] offsets = new int[log.NumberOfUsers + 1];
        List<int> items = [];
        HashSet<int> later = [];
        float[] profiles = new float[checked(log.NumberOfUsers * profileDimension)];
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            AddItems(items, positives.GetItems(user), architecture.HistoryLength, later);
            offsets[user] = items.Count;
            if (profileDimension > 0)
            {
                log.GetProfile(user).CopyTo(profiles.AsSpan((user - 1) * profileDimension));
            }
        }

        if (cutoffs is null)
        {
            cutoffs = new double[log.NumberOfUsers];
            Array.Fill(cutoffs, double.NegativeInfinity);
        }

        return new BehaviorHistory(offsets, [.. items], profileDimension, profiles, cutoffs);
    }

    /// <summary>Gets the items that a user has had, the oldest first.</summary>
    /// <param name="user">The user's key value, 1 to <see cref="NumberOfUsers"/>.</param>
    /// <returns>
    /// The item key values of all positive events. Before those that the network reads an item stands once, where it was had last.
    /// </returns>
    public ReadOnlySpan<int> GetItems(int user)
    {
        CheckUser(user);
        return _items.AsSpan(_offsets[user - 1].._offsets[user]);
    }

    /// <summary>Gets a user's most recent items, the oldest first.</summary>
    /// <param name="user">The user's key value, 1 to <see cref="NumberOfUsers"/>.</param>
    /// <param name="maximum">The number of items at most, such as <see cref="BackboneArchitecture.HistoryLength"/>.</param>
    /// <returns>The item key values of the user's last positive events.</returns>
    public ReadOnlySpan<int> GetRecentItems(int user, int maximum)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maximum);
        ReadOnlySpan<int> items = GetItems(user);
        return items[Math.Max(0, items.Length - maximum)..];
    }

    /// <summary>Gets a user's profile.</summary>
    /// <param name="user">The user's key value, 1 to <see cref="NumberOfUsers"/>.</param>
    /// <returns>The profile; zeros if the model never saw one.</returns>
    public ReadOnlySpan<float> GetProfile(int user)
    {
        CheckUser(user);
        return _profiles.AsSpan((user - 1) * ProfileDimension, ProfileDimension);
    }

    private void CheckUser(int user)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(user, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(user, NumberOfUsers);
    }

    /// <summary>Copies the most recent items of a sequence, the most recent first: the order in which a network reads a history.</summary>
    /// <param name="items">The items, the oldest first.</param>
    /// <param name="history">Receives as many as there are, or as it holds.</param>
    /// <returns>The number of items copied.</returns>
    internal static int CopyRecent(ReadOnlySpan<int> items, Span<long> history)
    {
        int length = Math.Min(items.Length, history.Length);
        for (int i = 0; i < length; i++)
        {
            history[i] = items[items.Length - 1 - i];
        }

        return length;
    }

    // All of the most recent items, and before them each item that does not come again later.
    private static void AddItems(List<int> items, ReadOnlySpan<int> events, int historyLength, HashSet<int> later)
    {
        int first = Math.Max(0, events.Length - historyLength);
        int start = items.Count;
        later.Clear();
        for (int i = events.Length - 1; i >= 0; i--)
        {
            if (later.Add(events[i]) || i >= first)
            {
                items.Add(events[i]);
            }
        }

        items.Reverse(start, items.Count - start);
    }

    private static void Check(bool condition, string message)
    {
        if (!condition)
        {
            throw new ArgumentException(message);
        }
    }
}
