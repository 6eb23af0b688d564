namespace DCCL.ML.Data;

/// <summary>Collects events in log order and groups them by user, each user's in time order.</summary>
/// <remarks>Needs 17 bytes an event while collecting and 13 more while grouping.</remarks>
internal sealed class InteractionLogBuilder(int numberOfUsers, int numberOfItems, bool hasTimestamps, bool hasLabels, int profileDimension)
{
    private readonly ChunkedList<int> _users = new();
    private readonly ChunkedList<int> _items = new();
    private readonly ChunkedList<double> _timestamps = new();
    private readonly ChunkedList<bool>? _labels = hasLabels ? new() : null;
    private readonly float[] _profiles = new float[checked(numberOfUsers * profileDimension)];

    public int Count => _users.Count;

    public int NumberOfDroppedEvents { get; set; }

    public void Add(int user, int item, double timestamp, bool label)
    {
        _users.Add(user);
        _items.Add(item);
        _timestamps.Add(timestamp);
        _labels?.Add(label);
    }

    /// <summary>Gets the place of a user's profile.</summary>
    public Span<float> Profile(int user) => _profiles.AsSpan((user - 1) * profileDimension, profileDimension);

    public InteractionLog Build()
    {
        int[] offsets = new int[numberOfUsers + 1];
        for (int i = 0; i < Count; i++)
        {
            offsets[_users[i]]++;
        }

        for (int user = 1; user <= numberOfUsers; user++)
        {
            offsets[user] += offsets[user - 1];
        }

        // Counting sort: events go to their users in log order, so that ties in time keep it.
        int[] next = offsets.AsSpan(0, numberOfUsers).ToArray();
        int[] items = new int[Count];
        double[] timestamps = new double[Count];
        bool[]? labels = _labels is null ? null : new bool[Count];
        for (int i = 0; i < Count; i++)
        {
            int position = next[_users[i] - 1]++;
            items[position] = _items[i];
            timestamps[position] = _timestamps[i];
            if (labels is not null)
            {
                labels[position] = _labels![i];
            }
        }

        StableTimeSort sort = new();
        for (int user = 1; user <= numberOfUsers; user++)
        {
            int start = offsets[user - 1];
            int length = offsets[user] - start;
            sort.Sort(timestamps.AsSpan(start, length), items.AsSpan(start, length), labels is null ? [] : labels.AsSpan(start, length));
        }

        return new InteractionLog(numberOfItems, offsets, items, timestamps, labels, _profiles, profileDimension, hasTimestamps)
        {
            NumberOfDroppedEvents = NumberOfDroppedEvents,
        };
    }
}
