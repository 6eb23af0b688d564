using System.Collections.Concurrent;

namespace DCCL.ML.Recommendation;

/// <summary>What has happened since a model was trained: the items that users have had, and who is to be forgotten.</summary>
/// <remarks>
/// By raw ids, so that it outlives the model: a recommender of the next one goes on with it. Thread-safe.
/// </remarks>
internal sealed class UserObservations
{
    private readonly ConcurrentDictionary<string, State> _states = new(StringComparer.Ordinal);

    private sealed record State(string[] ItemIds, bool IsForgotten);

    public void Add(string userId, string itemId) => _states.AddOrUpdate(
        userId,
        _ => new State([itemId], IsForgotten: false),
        (_, state) => state with { ItemIds = [.. state.ItemIds, itemId] });

    /// <summary>Forgets what was observed of a user, and says from now on that whatever a model remembers is to be forgotten, too.</summary>
    public void Forget(string userId) => _states[userId] = new State([], IsForgotten: true);

    public bool IsForgotten(string userId) => _states.TryGetValue(userId, out State? state) && state.IsForgotten;

    /// <summary>The items of a user that were observed, the oldest first.</summary>
    public IReadOnlyList<string> Get(string userId) => _states.TryGetValue(userId, out State? state) ? state.ItemIds : [];

    /// <summary>The number of items that have been observed of each user up to now.</summary>
    public IReadOnlyDictionary<string, int> CountByUser() =>
        _states.ToDictionary(pair => pair.Key, pair => pair.Value.ItemIds.Length, StringComparer.Ordinal);

    /// <summary>Counts how many of the observed items a model remembers, because it was trained with them.</summary>
    /// <param name="remembered">The item key values that the model remembers of the user, the oldest first.</param>
    /// <param name="observed">The item key values that were observed, the oldest first.</param>
    /// <param name="historyLength">The number of items that the model remembers at most.</param>
    /// <returns>The greatest number of observed items such that what is remembered ends in them.</returns>
    public static int CountRemembered(ReadOnlySpan<int> remembered, ReadOnlySpan<int> observed, int historyLength)
    {
        for (int count = observed.Length; count > 0; count--)
        {
            // Where the model remembers less than was observed, it must be because it remembers no more of anybody.
            int length = Math.Min(count, historyLength);
            if (length <= remembered.Length && observed[(count - length)..count].SequenceEqual(remembered[^length..]))
            {
                return count;
            }
        }

        return 0;
    }
}
