namespace DCCL.ML.Device;

/// <summary>What is known of people's patches, bounded: of more people, those asked for longest ago are forgotten.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class PatchCache(int capacity)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<(string User, Entry Entry)>> _nodes = new(StringComparer.Ordinal);
    private readonly LinkedList<(string User, Entry Entry)> _order = new();

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

    public Entry? Find(string user)
    {
        lock (_lock)
        {
            if (!_nodes.TryGetValue(user, out LinkedListNode<(string User, Entry Entry)>? node))
            {
                return null;
            }

            _order.Remove(node);
            _order.AddFirst(node);
            return node.Value.Entry;
        }
    }

    public void Put(string user, Entry entry)
    {
        lock (_lock)
        {
            Remove(user);
            _nodes.Add(user, _order.AddFirst((user, entry)));
            while (_nodes.Count > capacity)
            {
                Remove(_order.Last!.Value.User);
            }
        }
    }

    public bool Remove(string user)
    {
        lock (_lock)
        {
            if (_nodes.Remove(user, out LinkedListNode<(string User, Entry Entry)>? node))
            {
                _order.Remove(node);
                return true;
            }

            return false;
        }
    }
}
