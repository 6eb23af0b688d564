using DCCL.ML.Data;
using DCCL.Trainers.Torch;
using TorchSharp;

namespace DCCL.Trainers.SasRec;

/// <summary>The sequences that a training pass goes over, cut into windows that the model can look at.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
internal sealed class SequenceTable
{
    private readonly InteractionLog _log;
    private readonly Func<int, int, bool> _isTaught;
    private readonly int _historyLength;
    private readonly bool _usesProfiles;

    /// <summary>Selects sequences.</summary>
    /// <param name="log">The log; each event of it is positive.</param>
    /// <param name="historyLength">The number of events that the model looks at.</param>
    /// <param name="usesProfiles">Whether the model has a profile input.</param>
    /// <param name="isTaught">Whether an event, of a user and an index, is to be learnt; the others stand in histories only.</param>
    public SequenceTable(InteractionLog log, int historyLength, bool usesProfiles, Func<int, int, bool> isTaught)
    {
        _log = log;
        _historyLength = historyLength;
        _usesProfiles = usesProfiles;
        _isTaught = isTaught;
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            for (int index = 1; index < log.GetItems(user).Length; index++)
            {
                NumberOfEvents += IsTaught(user, index) ? 1 : 0;
            }
        }
    }

    /// <summary>Gets the number of events to learn: what nothing comes before is none.</summary>
    public int NumberOfEvents { get; }

    /// <summary>Gets the number of times that an item is to be learnt, by key value.</summary>
    public int[] CountItems()
    {
        int[] counts = new int[_log.NumberOfItems + 1];
        for (int user = 1; user <= _log.NumberOfUsers; user++)
        {
            ReadOnlySpan<int> items = _log.GetItems(user);
            for (int index = 1; index < items.Length; index++)
            {
                counts[items[index]] += IsTaught(user, index) ? 1 : 0;
            }
        }

        return counts;
    }

    /// <summary>Cuts the sequences so that each event stands in one window.</summary>
    /// <param name="random">
    /// Draws where a sequence that is longer than the model can look at is cut first: anew in each epoch, an event has few events before it in its
    /// window in one epoch, and many in another.
    /// </param>
    public List<SequenceWindow> Cut(SeededRandom random)
    {
        List<SequenceWindow> windows = [];
        for (int user = 1; user <= _log.NumberOfUsers; user++)
        {
            int count = _log.GetItems(user).Length;
            int end = count - 1 <= _historyLength ? count : 2 + random.Next(_historyLength);
            for (int first = 1; first < count; first = end, end = Math.Min(count, first + _historyLength))
            {
                if (HasEvents(user, first, end))
                {
                    windows.Add(new SequenceWindow(user, first, end - first));
                }
            }
        }

        return windows;
    }

    /// <summary>Gets the items that are to be foreseen in some windows, window by window, the most recent first.</summary>
    public List<int> GetTargets(ReadOnlySpan<SequenceWindow> windows)
    {
        List<int> targets = [];
        foreach (SequenceWindow window in windows)
        {
            for (int index = window.First + window.Length - 1; index >= window.First; index--)
            {
                if (IsTaught(window.User, index))
                {
                    targets.Add(_log.GetItems(window.User)[index]);
                }
            }
        }

        return targets;
    }

    /// <summary>Builds a batch; its tensors belong to the current dispose scope.</summary>
    /// <param name="windows">The windows, one group each.</param>
    /// <returns>
    /// The histories, and of each event to foresee its row among all [groups x length] positions, its item, and its user. Histories stand as
    /// they do in a <see cref="TrainingBatch"/>, so that the event to foresee at a position is the item at the position before it.
    /// </returns>
    public (TrainingBatch Batch, long[] Rows, int[] Targets, int[] Users) CreateBatch(ReadOnlySpan<SequenceWindow> windows)
    {
        int longest = 1;
        foreach (SequenceWindow window in windows)
        {
            longest = Math.Max(longest, window.Length);
        }

        long[] history = new long[windows.Length * longest];
        int[] lengths = new int[windows.Length];
        int profileSize = _usesProfiles ? _log.ProfileDimension : 0;
        float[] profiles = new float[windows.Length * profileSize];
        List<long> rows = [];
        List<int> targets = [];
        List<int> users = [];
        for (int group = 0; group < windows.Length; group++)
        {
            SequenceWindow window = windows[group];
            ReadOnlySpan<int> items = _log.GetItems(window.User);
            lengths[group] = window.Length;
            for (int place = 0; place < window.Length; place++)
            {
                int index = window.First + window.Length - 1 - place;
                int at = (group * longest) + place;
                history[at] = items[index - 1];
                if (IsTaught(window.User, index))
                {
                    rows.Add(at);
                    targets.Add(items[index]);
                    users.Add(window.User);
                }
            }

            if (_usesProfiles)
            {
                _log.GetProfile(window.User).CopyTo(profiles.AsSpan(group * profileSize, profileSize));
            }
        }

        TrainingBatch batch = new(
            torch.zeros(0),
            torch.tensor(history, windows.Length, longest),
            lengths,
            profileSize == 0 ? null : torch.tensor(profiles, windows.Length, profileSize));
        return (batch, [.. rows], [.. targets], [.. users]);
    }

    private bool IsTaught(int user, int index) => _log.GetItems(user)[index] > 0 && _isTaught(user, index);

    private bool HasEvents(int user, int first, int end)
    {
        for (int index = first; index < end; index++)
        {
            if (IsTaught(user, index))
            {
                return true;
            }
        }

        return false;
    }
}
