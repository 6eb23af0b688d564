namespace DCCL.ML.Device;

/// <summary>What is known of people's patches, bounded: of more people, those asked for longest ago are forgotten.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class PatchCache(int capacity)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<(string User, Entry Entry)>> _nodes = new(StringComparer.Ordinal);
    private readonly LinkedList<(string User, Entry Entry)> _order = new();
    private long _numberOfRemovals;

    /// <summary>A patch that fits, or why there is none.</summary>
    public sealed record Entry(float[]? Theta, PatchRefusal Refusal, string? Message);

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _nodes.Count;
            }
        }
    }

    /// <summary>Finds what is known of a person.</summary>
    /// <param name="user">The person.</param>
    /// <param name="moment">If nothing is: when that was, for <see cref="TryAdd"/>.</param>
    public Entry? Find(string user, out long moment)
    {
        lock (_lock)
        {
            moment = _numberOfRemovals;
            if (!_nodes.TryGetValue(user, out LinkedListNode<(string User, Entry Entry)>? node))
            {
                return null;
            }

            _order.Remove(node);
            _order.AddFirst(node);
            return node.Value.Entry;
        }
    }

    /// <summary>Takes in what is known of a person, in place of what was.</summary>
    public void Put(string user, Entry entry)
    {
        lock (_lock)
        {
            Drop(user);
            Add(user, entry);
        }
    }

    /// <summary>Takes in what was looked for elsewhere, unless that took too long: what has been put in since is newer, and so is that it was removed.</summary>
    /// <param name="user">The person.</param>
    /// <param name="entry">What was found.</param>
    /// <param name="moment">When nothing was known.</param>
    /// <returns>What is known of the person now.</returns>
    public Entry TryAdd(string user, Entry entry, long moment)
    {
        lock (_lock)
        {
            if (_nodes.TryGetValue(user, out LinkedListNode<(string User, Entry Entry)>? node))
            {
                return node.Value.Entry;
            }

            if (moment == _numberOfRemovals)
            {
                Add(user, entry);
            }

            return entry;
        }
    }

    public bool Remove(string user)
    {
        lock (_lock)
        {
            _numberOfRemovals++;
            return Drop(user);
        }
    }

    private void Add(string user, Entry entry)
    {
        _nodes.Add(user, _order.AddFirst((user, entry)));
        if (_nodes.Count > capacity)
        {
            Drop(_order.Last!.Value.User);
        }
    }

    private bool Drop(string user)
    {
        if (_nodes.Remove(user, out LinkedListNode<(string User, Entry Entry)>? node))
        {
            _order.Remove(node);
            return true;
        }

        return false;
    }
}
