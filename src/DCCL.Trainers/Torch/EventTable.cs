using DCCL.ML.Data;
using TorchSharp;

namespace DCCL.Trainers.Torch;

/// <summary>
/// The events that a training pass goes over, each with its user, its item, its label, and the place in the user's positive
/// events where its history ends.
/// </summary>
/// <remarks>Flat arrays; immutable and thread-safe. A history holds positive events only.</remarks>
internal sealed class EventTable
{
    private readonly InteractionLog _positives;
    private readonly int[] _users;
    private readonly int[] _items;
    private readonly int[] _indices;
    private readonly int[] _historyEnds;
    private readonly bool[]? _labels;
    private readonly int _historyLength;
    private readonly bool _usesProfiles;

    private EventTable(
        InteractionLog positives, int[] users, int[] items, int[] indices, int[] historyEnds, bool[]? labels, int historyLength, bool usesProfiles)
    {
        _positives = positives;
        _users = users;
        _items = items;
        _indices = indices;
        _historyEnds = historyEnds;
        _labels = labels;
        _historyLength = historyLength;
        _usesProfiles = usesProfiles;
    }

    /// <summary>Gets the number of events.</summary>
    public int Count => _users.Length;

    /// <summary>Gets a value indicating whether events are labelled; if not, all are positive and negatives are sampled.</summary>
    public bool HasLabels => _labels is not null;

    /// <summary>Gets each event's user key value.</summary>
    public ReadOnlySpan<int> Users => _users;

    /// <summary>Gets each event's item key value.</summary>
    public ReadOnlySpan<int> Items => _items;

    /// <summary>Gets each event's index within its user's sequence.</summary>
    public ReadOnlySpan<int> Indices => _indices;

    /// <summary>Selects the events of a log that are to be learnt, in user order, then time order.</summary>
    /// <param name="log">All events: those that are not selected still stand in the histories of later ones.</param>
    /// <param name="historyLength">The number of events that the model looks at.</param>
    /// <param name="usesProfiles">Whether the model has a profile input.</param>
    /// <param name="select">Takes user and index within the user's sequence.</param>
    public static EventTable Create(InteractionLog log, int historyLength, bool usesProfiles, Func<int, int, bool> select)
    {
        List<int> users = [];
        List<int> items = [];
        List<int> indices = [];
        List<int> historyEnds = [];
        List<bool> labels = [];
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            ReadOnlySpan<int> sequence = log.GetItems(user);
            ReadOnlySpan<bool> sequenceLabels = log.GetLabels(user);
            int positives = 0;
            for (int i = 0; i < sequence.Length; i++)
            {
                bool label = !log.HasLabels || sequenceLabels[i];

                // Without a history and without labels an event says only that its item is popular.
                if ((positives > 0 || log.HasLabels) && sequence[i] > 0 && select(user, i))
                {
                    users.Add(user);
                    items.Add(sequence[i]);
                    indices.Add(i);
                    historyEnds.Add(positives);
                    labels.Add(label);
                }

                positives += label ? 1 : 0;
            }
        }

        return new EventTable(
            log.HasLabels ? log.WithPositivesOnly() : log, [.. users], [.. items], [.. indices], [.. historyEnds],
            log.HasLabels ? [.. labels] : null, historyLength, usesProfiles);
    }

    /// <summary>Finds where each user's events stand, provided that they stand one after the other, as <see cref="Create"/> leaves them.</summary>
    /// <returns>The users who have events, in their order, with the place of the first event and the number of them.</returns>
    public List<(int User, int First, int Count)> GetUsers()
    {
        List<(int User, int First, int Count)> users = [];
        for (int i = 0; i < _users.Length; i++)
        {
            if (users.Count > 0 && users[^1].User == _users[i])
            {
                users[^1] = users[^1] with { Count = users[^1].Count + 1 };
            }
            else
            {
                users.Add((_users[i], i, 1));
            }
        }

        return users;
    }

    /// <summary>Selects some of the events.</summary>
    public EventTable Select(ReadOnlySpan<int> events)
    {
        int[] users = new int[events.Length];
        int[] items = new int[events.Length];
        int[] indices = new int[events.Length];
        int[] historyEnds = new int[events.Length];
        bool[]? labels = _labels is null ? null : new bool[events.Length];
        for (int i = 0; i < events.Length; i++)
        {
            users[i] = _users[events[i]];
            items[i] = _items[events[i]];
            indices[i] = _indices[events[i]];
            historyEnds[i] = _historyEnds[events[i]];
            if (labels is not null)
            {
                labels[i] = _labels![events[i]];
            }
        }

        return new EventTable(_positives, users, items, indices, historyEnds, labels, _historyLength, _usesProfiles);
    }

    /// <summary>Finds the events of all users, or of a sample of them, so many that a number of events suffices; a user's one after the other.</summary>
    /// <param name="maximumNumberOfEvents">The number of events at most.</param>
    /// <param name="random">Draws the users.</param>
    /// <returns>The places of the events, ascending.</returns>
    public int[] SampleUsers(long maximumNumberOfEvents, SeededRandom random)
    {
        (int User, int First, int Count)[] users = [.. GetUsers()];
        if (Count > maximumNumberOfEvents)
        {
            random.Shuffle<(int, int, int)>(users);
        }

        long count = 0;
        return [.. users.TakeWhile(own => (count += own.Count) <= maximumNumberOfEvents).SelectMany(own => Enumerable.Range(own.First, own.Count)).Order()];
    }

    /// <summary>Whether an event is positive.</summary>
    public bool GetLabel(int index) => _labels is null || _labels[index];

    /// <summary>The item key values before an event, oldest first, at most as many as the model looks at.</summary>
    public ReadOnlySpan<int> GetHistory(int index)
    {
        ReadOnlySpan<int> items = _positives.GetItems(_users[index]);
        int end = _historyEnds[index];
        int start = Math.Max(0, end - _historyLength);
        return items[start..end];
    }

    /// <summary>The profile of an event's user.</summary>
    public ReadOnlySpan<float> GetProfile(int index) => _usesProfiles ? _positives.GetProfile(_users[index]) : [];

    /// <summary>Builds a batch; its tensors belong to the current dispose scope.</summary>
    /// <param name="events">The events, one group each.</param>
    /// <param name="negatives">Further candidates of each event, [events, n] row-major; empty for none.</param>
    public TrainingBatch CreateBatch(ReadOnlySpan<int> events, ReadOnlySpan<int> negatives)
    {
        int perEvent = events.Length == 0 ? 0 : negatives.Length / events.Length;
        int longest = 1;
        foreach (int index in events)
        {
            longest = Math.Max(longest, Math.Min(_historyEnds[index], _historyLength));
        }

        long[] items = new long[events.Length * (1 + perEvent)];
        long[] history = new long[events.Length * longest];
        int[] lengths = new int[events.Length];
        int profileSize = _usesProfiles ? _positives.ProfileDimension : 0;
        float[] profiles = new float[events.Length * profileSize];
        for (int row = 0; row < events.Length; row++)
        {
            int index = events[row];
            items[row * (1 + perEvent)] = _items[index];
            for (int i = 0; i < perEvent; i++)
            {
                items[(row * (1 + perEvent)) + 1 + i] = negatives[(row * perEvent) + i];
            }

            ReadOnlySpan<int> past = GetHistory(index);
            lengths[row] = past.Length;
            for (int i = 0; i < past.Length; i++)
            {
                history[(row * longest) + i] = past[past.Length - 1 - i];
            }

            GetProfile(index).CopyTo(profiles.AsSpan(row * profileSize, profileSize));
        }

        return new TrainingBatch(
            torch.tensor(items, events.Length, 1 + perEvent),
            torch.tensor(history, events.Length, longest),
            lengths,
            profileSize == 0 ? null : torch.tensor(profiles, events.Length, profileSize));
    }
}
