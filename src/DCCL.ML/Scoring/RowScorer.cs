using DCCL.ML.Model;

namespace DCCL.ML.Scoring;

/// <summary>Collects user-item pairs with their histories, profiles and patches, and scores them in one batch.</summary>
/// <remarks>
/// <para>
/// Rows that have user, history and profile in common are a group, whatever their order: what depends on these alone is computed
/// once for many rows. Blocks of equally many rows, and with histories of similar length, are scored side by side.
/// </para>
/// <para>
/// A row gets the same bits, whatever other rows there are: blocks stay below <see cref="ManyCandidatesScorer.MinimumNumberOfCandidates"/>,
/// from which on the same function is computed in another order, and the graph's products depend on no number of rows.
/// </para>
/// <para>Not thread-safe; kept and filled again, so that rows cost no memory.</para>
/// </remarks>
internal sealed class RowScorer
{
    /// <summary>The number of rows in the largest blocks; above it, more rows make a block no cheaper.</summary>
    private const int LargestBlock = 64;

    /// <summary>The number of history events, or of profile values, that a scorer of several rows has room for.</summary>
    private const int MaximumNumberOfValues = 1 << 22;

    private readonly DeviceCloudPredictionTransformer _model;
    private readonly ScoringBatch _batch = new();
    private readonly int _historyLength;
    private readonly int _patchSize;

    // Of each row: what it asks for, which group it belongs to, and, once scored, where its score stands.
    private readonly PatchStatus[] _statuses;
    private readonly int[] _items;
    private readonly int[] _groupOfRow;
    private readonly int[] _places;

    // Of each group.
    private readonly Dictionary<int, int> _groupOfUser = [];
    private readonly PatchStatus[] _groupStatuses;
    private readonly int[] _groupUsers;
    private readonly int[] _groupSizes;
    private readonly int[] _lengths;
    private readonly long[] _histories;
    private readonly float[] _profiles;
    private readonly float[] _patches;
    private readonly int[] _order;

    // The rows, those of a group one after the other, and of each group which come next and where they end.
    private readonly int[] _rows;
    private readonly int[] _nextRow;
    private readonly int[] _endRow;

    // What has been laid out in the batch, and, with no groups, the place behind it.
    private readonly List<ScoringRange> _ranges = [];
    private ScoringRange _free;
    private int _numberOfGroups;
    private bool _isPatched;

    public RowScorer(DeviceCloudPredictionTransformer model, int capacity)
    {
        _model = model;
        BackboneArchitecture architecture = model.Parameters.Architecture;
        ProfileDimension = architecture.ProfileDimension;
        _historyLength = architecture.HistoryLength;
        _patchSize = model.PatchSelector.PatchSize;
        _statuses = new PatchStatus[capacity];
        _items = new int[capacity];
        _groupOfRow = new int[capacity];
        _places = new int[capacity];
        _groupStatuses = new PatchStatus[capacity];
        _groupUsers = new int[capacity];
        _groupSizes = new int[capacity];
        _lengths = new int[capacity];
        _histories = new long[capacity * _historyLength];
        _profiles = new float[capacity * ProfileDimension];
        _patches = new float[capacity * _patchSize];
        _order = new int[capacity];
        _rows = new int[capacity];
        _nextRow = new int[capacity];
        _endRow = new int[capacity];
        _batch.Resize(architecture, capacity, 1, _historyLength, capacity, _patchSize);
    }

    /// <summary>Gets how many rows fit into a scorer, at most so many as wanted: their histories and profiles take bounded memory, however long they are.</summary>
    public static int GetCapacity(BackboneArchitecture architecture, int wanted) =>
        Math.Clamp(MaximumNumberOfValues / Math.Max(architecture.HistoryLength, architecture.ProfileDimension), 1, wanted);

    /// <summary>Gets the number of rows in the batch.</summary>
    public int Count { get; private set; }

    public int ProfileDimension { get; }

    public void Clear()
    {
        Count = 0;
        _numberOfGroups = 0;
        _isPatched = false;
        _groupOfUser.Clear();
    }

    /// <summary>Adds a row that is scored on the history that the model remembers.</summary>
    /// <param name="user">The user's key value.</param>
    /// <param name="item">The item's key value.</param>
    /// <param name="profile">The profile; empty, or with a missing value, for the one that the model remembers.</param>
    public void Add(uint user, uint item, ReadOnlySpan<float> profile)
    {
        int known = GetKnownUser(user);
        bool hasOwnProfile = HasValues(profile);
        if (!hasOwnProfile && _groupOfUser.TryGetValue(known, out int group))
        {
            AddRow(group, item);
            return;
        }

        ReadOnlySpan<int> items = known == 0 ? [] : _model.History.GetItems(known);
        int length = BehaviorHistory.CopyRecent(items, GetHistory(_numberOfGroups));
        group = AddGroup(known, profile, length);
        if (!hasOwnProfile)
        {
            _groupOfUser.Add(known, group);
        }

        AddRow(group, item);
    }

    /// <summary>Adds a row with a history of its own.</summary>
    /// <param name="user">The user's key value.</param>
    /// <param name="item">The item's key value.</param>
    /// <param name="profile">The profile; empty, or with a missing value, for the one that the model remembers.</param>
    /// <param name="items">The item key values of the history, the oldest first; unknown ones are skipped.</param>
    public void Add(uint user, uint item, ReadOnlySpan<float> profile, ReadOnlySpan<uint> items)
    {
        Span<long> history = GetHistory(_numberOfGroups);
        int length = 0;
        for (int i = items.Length - 1; i >= 0 && length < _historyLength; i--)
        {
            if (IsKnownItem(items[i]))
            {
                history[length++] = items[i];
            }
        }

        AddRow(AddGroup(GetKnownUser(user), profile, length), item);
    }

    /// <summary>Scores the rows.</summary>
    public void Score()
    {
        Arrange();
        _model.Score(_batch, _ranges);
        if (_batch.RefusedItems.Count > 0)
        {
            HashSet<int> refused = [.. _batch.RefusedItems];
            for (int row = 0; row < Count; row++)
            {
                if (_statuses[row] is PatchStatus.Patched or PatchStatus.ColdStart && refused.Contains(_places[row]))
                {
                    _statuses[row] = PatchStatus.Cloud;
                }
            }
        }
    }

    public float GetScore(int row) => _batch.Scores[_places[row]];

    public PatchStatus GetStatus(int row) => _statuses[row];

    private void AddRow(int group, uint item)
    {
        bool isKnownItem = IsKnownItem(item);
        _statuses[Count] = isKnownItem ? _groupStatuses[group] : PatchStatus.UnknownItem;
        _items[Count] = isKnownItem ? (int)item : 0;
        _groupOfRow[Count] = group;
        _groupSizes[group]++;
        Count++;
    }

    /// <summary>Adds a group whose history stands at its place already, or finds that it is the last one again.</summary>
    private int AddGroup(int user, ReadOnlySpan<float> profile, int historyLength)
    {
        int group = _numberOfGroups;
        Span<float> ownProfile = GetProfile(group);
        if (HasValues(profile))
        {
            profile.CopyTo(ownProfile);
        }
        else if (user > 0)
        {
            _model.History.GetProfile(user).CopyTo(ownProfile);
        }
        else
        {
            ownProfile.Clear();
        }

        Span<long> history = GetHistory(group)[..historyLength];
        int last = group - 1;
        if (last >= 0 && _groupUsers[last] == user && GetHistory(last)[.._lengths[last]].SequenceEqual(history)
            && GetProfile(last).SequenceEqual(ownProfile))
        {
            return last;
        }

        PatchStatus status = _model.PatchSelector.Select(user, history, ownProfile, _patches.AsSpan(group * _patchSize, _patchSize));
        _isPatched |= status is PatchStatus.Patched or PatchStatus.ColdStart;
        _groupStatuses[group] = status;
        _groupUsers[group] = user;
        _groupSizes[group] = 0;
        _lengths[group] = historyLength;
        return _numberOfGroups++;
    }

    /// <summary>Lays the rows out in the batch, in blocks of equally many rows of a group.</summary>
    private void Arrange()
    {
        _batch.NumberOfPatches = _isPatched ? Math.Max(2, Count) : 0; // a patch of zeros is exactly the cloud model
        _ranges.Clear();
        _free = default;
        SortRows();
        Span<int> groups = _order.AsSpan(0, _numberOfGroups);
        for (int group = 0; group < groups.Length; group++)
        {
            groups[group] = group;
        }

        // What pads a history costs as much as events do: those of similar length go together.
        groups.Sort((x, y) => _lengths[y].CompareTo(_lengths[x]));
        for (int rows = LargestBlock; rows >= 1; rows /= 2)
        {
            AddBlocks(groups, rows);
        }
    }

    /// <summary>Lists each group's rows one after the other.</summary>
    private void SortRows()
    {
        int start = 0;
        for (int group = 0; group < _numberOfGroups; group++)
        {
            _nextRow[group] = start;
            start += _groupSizes[group];
            _endRow[group] = start;
        }

        for (int row = 0; row < Count; row++)
        {
            _rows[_nextRow[_groupOfRow[row]]++] = row;
        }

        for (int group = 0; group < _numberOfGroups; group++)
        {
            _nextRow[group] = _endRow[group] - _groupSizes[group];
        }
    }

    /// <summary>Lays out blocks of so many rows as long as groups have them; the groups come with the longest histories first.</summary>
    private void AddBlocks(ReadOnlySpan<int> groups, int rows)
    {
        ScoringRange range = _free with { NumberOfCandidates = rows };
        foreach (int group in groups)
        {
            while (_endRow[group] - _nextRow[group] >= rows)
            {
                if (range.NumberOfGroups == 0)
                {
                    // At least 2 where the model has so many: products with one column are computed in another order, too.
                    range = range with { HistoryLength = Math.Clamp(_lengths[group], Math.Min(2, _historyLength), _historyLength) };
                }

                AddBlock(group, range.Slice(range.NumberOfGroups, 1));
                range = range with { NumberOfGroups = range.NumberOfGroups + 1 };
                if (range.NumberOfGroups * rows >= ModelScorer.GetRowsPerRun(range.HistoryLength))
                {
                    range = Close(range);
                }
            }
        }

        Close(range);
    }

    /// <summary>Copies history, profile, patch and items of a group's next rows to their place in the batch.</summary>
    private void AddBlock(int group, ScoringRange place)
    {
        Span<long> history = _batch.History.AsSpan(place.History, place.HistoryLength);
        GetHistory(group)[.._lengths[group]].CopyTo(history);
        history[_lengths[group]..].Clear();
        GetProfile(group).CopyTo(_batch.Profiles.AsSpan(place.Group * ProfileDimension));
        _patches.AsSpan(group * _patchSize, _patchSize).CopyTo(_batch.Patches.AsSpan(place.Group * _patchSize));
        for (int i = 0; i < place.NumberOfCandidates; i++)
        {
            int row = _rows[_nextRow[group]++];
            _places[row] = place.Item + i;
            _batch.Items[place.Item + i] = _items[row];
        }
    }

    /// <summary>Ends a range.</summary>
    /// <returns>Where the next one starts.</returns>
    private ScoringRange Close(ScoringRange range)
    {
        if (range.NumberOfGroups > 0)
        {
            _ranges.Add(range);
            _free = range.Slice(range.NumberOfGroups, 0);
        }

        return _free;
    }

    private Span<long> GetHistory(int group) => _histories.AsSpan(group * _historyLength, _historyLength);

    private Span<float> GetProfile(int group) => _profiles.AsSpan(group * ProfileDimension, ProfileDimension);

    private int GetKnownUser(uint user) => user <= (uint)_model.History.NumberOfUsers ? (int)user : 0;

    private bool IsKnownItem(uint item) => item > 0 && item <= (uint)_model.Parameters.Architecture.NumberOfItems;

    /// <summary>Whether a row has a profile of its own: a missing value stands for what the model remembers.</summary>
    internal static bool HasValues(ReadOnlySpan<float> profile) => !profile.IsEmpty && !profile.Contains(float.NaN);
}
