namespace DCCL.ML.Recommendation;

/// <summary>What has happened since a model was trained: the items that users have had, and who is to be forgotten.</summary>
/// <remarks>
/// By raw ids, so that it outlives the model: a recommender of the next one goes on with it. Keeps no more than its limits say.
/// Thread-safe.
/// </remarks>
internal sealed class UserObservations
{
    private readonly ObservationLimits _limits;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<User>> _users = new(StringComparer.Ordinal);
    private readonly LinkedList<User> _byLastObservation = [];
    private readonly HashSet<string> _forgotten = new(StringComparer.Ordinal);
    private long _count;

    public UserObservations(ObservationLimits limits)
    {
        limits.Validate();
        _limits = limits;
    }

    /// <summary>An item that a user has had, and how many observations, of anybody, there were up to it.</summary>
    public readonly record struct Observation(string ItemId, long Number);

    /// <summary>Gets the number of observations so far, those that are no longer kept included.</summary>
    public long Count
    {
        get
        {
            lock (_lock)
            {
                return _count;
            }
        }
    }

    public void Add(string userId, string itemId)
    {
        lock (_lock)
        {
            Observation observation = new(itemId, ++_count);
            if (_users.TryGetValue(userId, out LinkedListNode<User>? node))
            {
                Observation[] items = node.Value.Items;
                int dropped = Math.Max(0, items.Length + 1 - _limits.NumberOfItems);
                node.Value = node.Value with { Items = [.. items.AsSpan(dropped), observation] }; // readers hold the old array
                _byLastObservation.Remove(node);
                _byLastObservation.AddLast(node);
                return;
            }

            if (_users.Count == _limits.NumberOfUsers)
            {
                Remove(_byLastObservation.First!);
            }

            _users.Add(userId, _byLastObservation.AddLast(new User(userId, [observation])));
        }
    }

    /// <summary>Forgets what was observed of a user, and says from now on that whatever a model remembers is to be forgotten, too.</summary>
    public void Forget(string userId)
    {
        lock (_lock)
        {
            _forgotten.Add(userId);
            if (_users.TryGetValue(userId, out LinkedListNode<User>? node))
            {
                Remove(node);
            }
        }
    }

    public bool IsForgotten(string userId)
    {
        lock (_lock)
        {
            return _forgotten.Contains(userId);
        }
    }

    /// <summary>The items of a user that were observed, as far as they are kept, the oldest first.</summary>
    public IReadOnlyList<Observation> Get(string userId)
    {
        lock (_lock)
        {
            return _users.TryGetValue(userId, out LinkedListNode<User>? node) ? node.Value.Items : [];
        }
    }

    /// <summary>Counts how many of the observed items a model remembers, because it was trained with them.</summary>
    /// <param name="remembered">The item key values that the model remembers of the user, the oldest first.</param>
    /// <param name="observed">The item key values that were observed, the oldest first; earlier ones may be missing.</param>
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

    private void Remove(LinkedListNode<User> node)
    {
        _users.Remove(node.Value.Id);
        _byLastObservation.Remove(node);
    }

    private sealed record User(string Id, Observation[] Items);
}
