using DCCL.ML.Data;
using DCCL.ML.Model;

namespace DCCL.ML.Device;

/// <summary>The owner's events as a model sees them: key values in time order, and which of them a patch learns from.</summary>
internal sealed class TrainingEvents
{
    private readonly int[] _items;
    private readonly int[] _positives;
    private readonly int[] _historyEnds;
    private readonly DeviceEvent[] _events;
    private readonly int[] _new;

    /// <summary>Sorts out what can be learnt from.</summary>
    /// <param name="events">The events in time order; those whose item the model does not know are left out.</param>
    /// <param name="vocabulary">The model's items.</param>
    /// <param name="hasLabels">Whether the model was trained with labelled events; if not, an event without a history says only that its item is popular.</param>
    public TrainingEvents(IEnumerable<DeviceEvent> events, ItemVocabulary vocabulary, bool hasLabels)
    {
        _events = [.. events.Where(@event => vocabulary.GetKey(@event.ItemId) > 0)];
        _items = [.. _events.Select(@event => vocabulary.GetKey(@event.ItemId))];
        _historyEnds = new int[_events.Length];
        List<int> positives = [];
        List<int> learnable = [];
        for (int i = 0; i < _events.Length; i++)
        {
            _historyEnds[i] = positives.Count;
            if (!_events[i].IsKnownToCloud && !_events[i].IsLearnt && (hasLabels || positives.Count > 0))
            {
                learnable.Add(i);
            }

            if (_events[i].IsPositive)
            {
                positives.Add(_items[i]);
            }
        }

        _positives = [.. positives];
        _new = [.. learnable];
        HasLabels = hasLabels;
    }

    public bool HasLabels { get; }

    /// <summary>Gets the number of events to learn from.</summary>
    public int Count => _new.Length;

    /// <summary>Gets all items, in time order.</summary>
    public ReadOnlySpan<int> Items => _items;

    /// <summary>Gets the events to learn from.</summary>
    public IEnumerable<DeviceEvent> New => _new.Select(i => _events[i]);

    public int GetItem(int index) => _items[_new[index]];

    public bool GetLabel(int index) => _events[_new[index]].IsPositive;

    /// <summary>The items before an event, the most recent first, at most as many as the model looks at.</summary>
    public long[] GetHistory(int index, int length) => GetRecent(_historyEnds[_new[index]], length);

    /// <summary>The owner's history up to now.</summary>
    public long[] GetHistory(int length) => GetRecent(_positives.Length, length);

    /// <summary>Draws items that the owner has not had.</summary>
    public NegativeSampler CreateSampler(int numberOfItems)
    {
        int[] users = new int[_items.Length];
        Array.Fill(users, 1);
        return new NegativeSampler(InteractionLog.Create(1, numberOfItems, users, _items, timestamps: null), seed: 0);
    }

    private long[] GetRecent(int end, int length)
    {
        long[] history = new long[Math.Min(end, length)];
        for (int i = 0; i < history.Length; i++)
        {
            history[i] = _positives[end - 1 - i];
        }

        return history;
    }
}
