using DCCL.ML.Model;

namespace DCCL.ML.Scoring;

/// <summary>Collects user-item pairs with their histories, profiles and patches, and scores them in one batch.</summary>
/// <remarks>Not thread-safe; kept and filled again, so that rows cost no memory.</remarks>
internal sealed class RowScorer
{
    private readonly DeviceCloudPredictionTransformer _model;
    private readonly ScoringBatch _batch = new();
    private readonly PatchStatus[] _statuses;
    private readonly int[] _lengths;
    private readonly long[] _histories;
    private readonly int _historyLength;
    private readonly int _patchSize;
    private bool _isPatched;

    public RowScorer(DeviceCloudPredictionTransformer model, int capacity)
    {
        _model = model;
        BackboneArchitecture architecture = model.Parameters.Architecture;
        ProfileDimension = architecture.ProfileDimension;
        _historyLength = architecture.HistoryLength;
        _patchSize = model.PatchSelector.PatchSize;
        _statuses = new PatchStatus[capacity];
        _lengths = new int[capacity];
        _histories = new long[capacity * _historyLength];
        _batch.Resize(architecture, capacity, 1, _historyLength, capacity, _patchSize);
    }

    /// <summary>Gets the number of rows in the batch.</summary>
    public int Count { get; private set; }

    public int ProfileDimension { get; }

    public void Clear()
    {
        Count = 0;
        _isPatched = false;
    }

    /// <summary>Adds a row that is scored on the history that the model remembers.</summary>
    /// <param name="user">The user's key value.</param>
    /// <param name="item">The item's key value.</param>
    /// <param name="profile">The profile; empty, or with a missing value, for the one that the model remembers.</param>
    public void Add(uint user, uint item, ReadOnlySpan<float> profile)
    {
        int known = GetKnownUser(user);
        Span<long> history = NextHistory();
        ReadOnlySpan<int> items = known == 0 ? [] : _model.History.GetItems(known);
        Add(known, item, profile, BehaviorHistory.CopyRecent(items, history));
    }

    /// <summary>Adds a row with a history of its own.</summary>
    /// <param name="user">The user's key value.</param>
    /// <param name="item">The item's key value.</param>
    /// <param name="profile">The profile; empty, or with a missing value, for the one that the model remembers.</param>
    /// <param name="items">The item key values of the history, the oldest first; unknown ones are skipped.</param>
    public void Add(uint user, uint item, ReadOnlySpan<float> profile, ReadOnlySpan<uint> items)
    {
        Span<long> history = NextHistory();
        int length = 0;
        for (int i = items.Length - 1; i >= 0 && length < _historyLength; i--)
        {
            if (IsKnownItem(items[i]))
            {
                history[length++] = items[i];
            }
        }

        Add(GetKnownUser(user), item, profile, length);
    }

    /// <summary>Scores the rows.</summary>
    public void Score()
    {
        int length = 1;
        for (int row = 0; row < Count; row++)
        {
            length = Math.Max(length, _lengths[row]);
        }

        _batch.NumberOfGroups = Count;
        _batch.HistoryLength = length;
        _batch.NumberOfPatches = _isPatched ? Count : 0; // a patch of zeros is exactly the cloud model
        for (int row = 0; row < Count; row++)
        {
            Span<long> history = _batch.History.AsSpan(row * length, length);
            _histories.AsSpan(row * _historyLength, _lengths[row]).CopyTo(history);
            history[_lengths[row]..].Clear();
        }

        _model.Score(_batch);
    }

    public float GetScore(int row) => _batch.Scores[row];

    public PatchStatus GetStatus(int row) => _statuses[row];

    private void Add(int user, uint item, ReadOnlySpan<float> profile, int historyLength)
    {
        Span<float> ownProfile = _batch.Profiles.AsSpan(Count * ProfileDimension, ProfileDimension);
        if (!profile.IsEmpty && !profile.Contains(float.NaN))
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

        PatchStatus status = _model.PatchSelector.Select(
            user, NextHistory()[..historyLength], ownProfile, _batch.Patches.AsSpan(Count * _patchSize, _patchSize));
        _isPatched |= status is PatchStatus.Patched or PatchStatus.ColdStart;
        bool isKnownItem = IsKnownItem(item);
        _statuses[Count] = isKnownItem ? status : PatchStatus.UnknownItem;
        _batch.Items[Count] = isKnownItem ? item : 0;
        _lengths[Count] = historyLength;
        Count++;
    }

    private Span<long> NextHistory() => _histories.AsSpan(Count * _historyLength, _historyLength);

    private int GetKnownUser(uint user) => user <= (uint)_model.History.NumberOfUsers ? (int)user : 0;

    private bool IsKnownItem(uint item) => item > 0 && item <= (uint)_model.Parameters.Architecture.NumberOfItems;
}
