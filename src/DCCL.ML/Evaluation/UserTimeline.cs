namespace DCCL.ML.Evaluation;

/// <summary>Everything that a user did, in order of time: the events before the test, then those of the test.</summary>
internal sealed class UserTimeline
{
    private readonly int[] _items;
    private readonly bool[]? _labels;

    /// <param name="user">The user's key value.</param>
    /// <param name="quintile">The quintile of activity.</param>
    /// <param name="items">The items of all events; the timeline owns the array.</param>
    /// <param name="labels">Whether each event is positive, or null if all are.</param>
    /// <param name="testStart">The index of the first test event.</param>
    /// <param name="profile">The user's profile; empty if the model has no profile input.</param>
    public UserTimeline(int user, int quintile, int[] items, bool[]? labels, int testStart, float[] profile)
    {
        User = user;
        Quintile = quintile;
        _items = items;
        _labels = labels;
        TestStart = testStart;
        Profile = profile;
    }

    public int User { get; }

    public int Quintile { get; }

    public int TestStart { get; }

    public float[] Profile { get; }

    public int Length => _items.Length;

    /// <summary>Gets the items of the events before an event, positive or not: those that its ranking masks.</summary>
    public ReadOnlySpan<int> GetItemsBefore(int position) => _items.AsSpan(0, position);

    /// <summary>Gets the items of the positive events before an event, the oldest first.</summary>
    public ReadOnlySpan<int> GetPositivesBefore(int position)
    {
        if (_labels is null)
        {
            return GetItemsBefore(position);
        }

        List<int> positives = new(position);
        for (int i = 0; i < position; i++)
        {
            if (_labels[i])
            {
                positives.Add(_items[i]);
            }
        }

        return positives.ToArray();
    }

    public int GetItem(int position) => _items[position];

    public bool IsPositive(int position) => _labels is null || _labels[position];

    /// <summary>Writes the positive items before an event, the most recent first, and 0 where there are no more.</summary>
    public void CopyHistory(int position, Span<long> history)
    {
        int count = 0;
        for (int i = position - 1; i >= 0 && count < history.Length; i--)
        {
            if (IsPositive(i))
            {
                history[count++] = _items[i];
            }
        }

        history[count..].Clear();
    }
}
