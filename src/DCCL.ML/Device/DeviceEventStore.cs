using DCCL.ML.Data;

namespace DCCL.ML.Device;

/// <summary>What the owner of a device did, kept on the device.</summary>
/// <remarks>
/// Holds a bounded number of events and forgets the oldest. The file is written in one move, ends in a checksum, and is read as if it came
/// from a stranger; FORMAT.md describes it. Thread-safe.
/// </remarks>
public sealed class DeviceEventStore
{
    /// <summary>The longest raw id that is taken in.</summary>
    public const int MaximumIdLength = 1024;

    private readonly Lock _lock = new();
    private readonly List<DeviceEvent> _events = [];

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

            _events.Insert(at, @event);
            if (_events.Count > MaximumNumberOfEvents)
            {
                _events.RemoveAt(0);
            }
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
            ModelFingerprint = "";
        }
    }

    /// <summary>Writes the store.</summary>
    /// <param name="path">The file; replaced in one move.</param>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, ToBytes());
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
        (store.ModelFingerprint, List<DeviceEvent> events) = DeviceEventFile.Read(file, name);
        foreach (DeviceEvent @event in events.OrderBy(@event => @event.Time).TakeLast(maximumNumberOfEvents))
        {
            store._events.Add(@event);
        }

        return store;
    }

    internal byte[] ToBytes()
    {
        lock (_lock)
        {
            return DeviceEventFile.Write(ModelFingerprint, _events);
        }
    }

    /// <summary>Marks events as learnt on a model.</summary>
    internal void MarkLearnt(IReadOnlySet<DeviceEvent> learnt, string fingerprint)
    {
        lock (_lock)
        {
            for (int i = 0; i < _events.Count; i++)
            {
                if (learnt.Contains(_events[i]))
                {
                    _events[i] = _events[i] with { IsLearnt = true };
                }
            }

            ModelFingerprint = fingerprint;
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
}
