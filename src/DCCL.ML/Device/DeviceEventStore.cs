using DCCL.ML.Data;

namespace DCCL.ML.Device;

/// <summary>What the owner of a device did, kept on the device.</summary>
/// <remarks>
/// Holds a bounded number of events, as many as its file may hold, and forgets the oldest. The file is written in one move, ends in a checksum, and is read as if it came
/// from a stranger; FORMAT.md describes it. Thread-safe.
/// </remarks>
public sealed class DeviceEventStore
{
    /// <summary>The longest raw id that is taken in.</summary>
    public const int MaximumIdLength = 1024;

    // What the events may take of a file; the rest is for what stands around them.
    private const long LongestEvents = DeviceEventFile.MaximumLength - 1024;

    private readonly Lock _lock = new();
    private readonly Lock _saving = new();
    private readonly List<DeviceEvent> _events = []; // objects of our own: of two equal events one may be learnt and the other not
    private readonly HashSet<DeviceEvent> _pending = new(ReferenceEqualityComparer.Instance);
    private long _length;

    /// <summary>Creates an empty store.</summary>
    /// <param name="maximumNumberOfEvents">The number of events that are kept.</param>
    public DeviceEventStore(int maximumNumberOfEvents = 2_000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumNumberOfEvents, 1);
        MaximumNumberOfEvents = maximumNumberOfEvents;
    }

    /// <summary>Gets the number of events that are kept; of more, the latest.</summary>
    public int MaximumNumberOfEvents { get; }

    /// <summary>Gets the fingerprint of the model on which events are marked as learnt; empty if none is.</summary>
    public string ModelFingerprint { get; private set; } = "";

    /// <summary>Gets the digest of the patch that has learnt from the pending events, should it be the owner's; empty if none is pending.</summary>
    internal string PendingPatch { get; private set; } = "";

    /// <summary>Gets the number of events.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _events.Count;
            }
        }
    }

    /// <summary>Adds an event. Events of the same time keep the order in which they were added.</summary>
    /// <param name="event">The event.</param>
    /// <exception cref="ArgumentException">The id is empty or too long, or the time is not a finite number.</exception>
    public void Add(DeviceEvent @event)
    {
        ArgumentNullException.ThrowIfNull(@event);
        if (FindFault(@event) is string fault)
        {
            throw new ArgumentException(fault, nameof(@event));
        }

        lock (_lock)
        {
            int at = _events.Count;
            while (at > 0 && _events[at - 1].Time > @event.Time)
            {
                at--;
            }

            Insert(at, @event with { });
        }
    }

    /// <summary>Gets the events in time order.</summary>
    /// <returns>A copy, which later changes leave as it is.</returns>
    public IReadOnlyList<DeviceEvent> GetEvents()
    {
        lock (_lock)
        {
            return [.. _events];
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _events.Clear();
            _pending.Clear();
            _length = 0;
            (ModelFingerprint, PendingPatch) = ("", "");
        }
    }

    /// <summary>Writes the store.</summary>
    /// <param name="path">The file; replaced in one move.</param>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        lock (_saving)
        {
            AtomicFile.Write(path, ToBytes()); // what is saved last is what was read last
        }
    }

    /// <summary>Reads a store.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maximumNumberOfEvents">The number of events that are kept.</param>
    /// <returns>The store.</returns>
    /// <exception cref="InvalidDataException">The file is not a store, was cut off or altered, or holds what no event can be.</exception>
    public static DeviceEventStore Load(string path, int maximumNumberOfEvents = 2_000)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Parse(AtomicFile.Read(path, DeviceEventFile.MaximumLength), path, maximumNumberOfEvents);
    }

    /// <summary>Reads a store from the bytes of its file.</summary>
    internal static DeviceEventStore Parse(ReadOnlyMemory<byte> file, string name, int maximumNumberOfEvents)
    {
        DeviceEventStore store = new(maximumNumberOfEvents);
        DeviceEventFile.Contents contents = DeviceEventFile.Read(file, name);
        (store.ModelFingerprint, store.PendingPatch) = (contents.Fingerprint, contents.PendingPatch);
        foreach ((DeviceEvent @event, bool isPending) in contents.Events.OrderBy(pair => pair.Event.Time).TakeLast(maximumNumberOfEvents))
        {
            if (isPending)
            {
                store._pending.Add(@event);
            }

            store.Insert(store._events.Count, @event);
        }

        return store;
    }

    internal byte[] ToBytes()
    {
        lock (_lock)
        {
            return DeviceEventFile.Write(new DeviceEventFile.Contents(
                ModelFingerprint, PendingPatch, [.. _events.Select(@event => (@event, _pending.Contains(@event)))]));
        }
    }

    /// <summary>Marks events as learnt by a patch that is not the owner's yet: they will be when it is stored, whatever happens in between.</summary>
    /// <param name="events">The events, as <see cref="GetEvents"/> gave them.</param>
    /// <param name="patch">The digest of the patch.</param>
    internal void MarkPending(IEnumerable<DeviceEvent> events, string patch)
    {
        lock (_lock)
        {
            _pending.Clear();
            _pending.UnionWith(events);
            _pending.IntersectWith(_events);
            PendingPatch = patch;
        }
    }

    /// <summary>Marks the pending events as learnt: their patch is the owner's.</summary>
    /// <param name="fingerprint">The patch's model.</param>
    internal void MarkLearnt(string fingerprint)
    {
        lock (_lock)
        {
            for (int i = 0; i < _events.Count; i++)
            {
                if (_pending.Contains(_events[i]))
                {
                    _events[i] = _events[i] with { IsLearnt = true };
                }
            }

            _pending.Clear();
            (ModelFingerprint, PendingPatch) = (fingerprint, "");
        }
    }

    /// <summary>Takes back that events are pending: their patch never became the owner's.</summary>
    internal void DropPending()
    {
        lock (_lock)
        {
            _pending.Clear();
            PendingPatch = "";
        }
    }

    /// <summary>Takes back what was learnt: the patch is gone, or the model is another one.</summary>
    internal void MarkUnlearnt()
    {
        lock (_lock)
        {
            for (int i = 0; i < _events.Count; i++)
            {
                _events[i] = _events[i] with { IsLearnt = false };
            }

            ModelFingerprint = "";
        }
    }

    /// <summary>Says what is wrong with an event; null if nothing is.</summary>
    internal static string? FindFault(DeviceEvent @event) =>
        string.IsNullOrEmpty(@event.ItemId) || @event.ItemId.Length > MaximumIdLength
            ? $"An event must have an item id of 1 to {MaximumIdLength} characters, but has one of {@event.ItemId?.Length ?? 0}."
            : double.IsFinite(@event.Time) ? null : $"An event must have a finite time, but has {@event.Time}.";

    private void Insert(int at, DeviceEvent @event)
    {
        _events.Insert(at, @event);
        _length += DeviceEventFile.GetLength(@event);
        int surplus = 0;
        for (; _events.Count - surplus > MaximumNumberOfEvents || _length > LongestEvents; surplus++)
        {
            _length -= DeviceEventFile.GetLength(_events[surplus]);
            _pending.Remove(_events[surplus]);
        }

        _events.RemoveRange(0, surplus);
    }
}
