using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Recommendation;
using Microsoft.ML.OnnxRuntime;

namespace DCCL.ML.Device;

/// <summary>Adapts an exported model to the owner of a device, on the device, offline: remembers, learns, recommends.</summary>
/// <remarks>
/// <para>
/// Works on the files that <c>ExportForDevice</c> wrote and on two files of the owner's: the events and the patch. Learning runs on stock
/// ONNX Runtime, in the background, and continues from yesterday's patch; if patches do not help on events held
/// back from them, none is kept. The patch's file is what is uploaded.
/// </para>
/// <para>
/// The owner's files are read as if they came from a stranger: a damaged one is put aside, said so in <see cref="Warnings"/>, and the
/// cloud model serves. Thread-safe. Owns native sessions: dispose it when it is no longer used.
/// </para>
/// </remarks>
public sealed class DevicePersonalizer : IDisposable
{
    private const long MaximumFileLength = int.MaxValue;
    private const int NumberOfThreads = 1;

    private readonly DevicePersonalizerOptions _options;
    private readonly PatchedSession _session;
    private readonly ExportedGraph _step;
    private readonly ExportedGraph? _coldStart;
    private readonly DeviceLearner _learner;
    private readonly bool _hasLabels;
    private readonly OwnerFiles _files;
    private readonly List<string> _warnings = [];
    private readonly SemaphoreSlim _learning = new(1, 1);
    private readonly CancellationTokenSource _closing = new();
    private volatile CancellationTokenSource _forgetting = new();
    private readonly SharedLifetime _lifetime;
    private volatile UserPatch? _patch;

    /// <summary>Opens the files of a device.</summary>
    /// <param name="modelFolder">The folder with the exported files.</param>
    /// <param name="ownerFolder">The folder of the owner's files; made if it is missing.</param>
    /// <param name="options">How to learn; null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is out of range, or the profile does not fit the model.</exception>
    /// <exception cref="InvalidDataException">An exported file was altered, or belongs to another model than the others.</exception>
    public DevicePersonalizer(string modelFolder, string ownerFolder, DevicePersonalizerOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(modelFolder);
        ArgumentException.ThrowIfNullOrEmpty(ownerFolder);
        _options = options ?? new DevicePersonalizerOptions();
        _options.Validate();
        string vocabularyPath = Path.Combine(modelFolder, DeviceFiles.Vocabulary);
        Vocabulary = ItemVocabulary.Load(vocabularyPath);
        _session = new PatchedSession(
            Path.Combine(modelFolder, DeviceFiles.Model), new PatchedSessionOptions { NumberOfThreads = NumberOfThreads });
        try
        {
            CheckModel(vocabularyPath);
            _step = Open(modelFolder, DeviceFiles.TrainingStep, GraphMetadata.TrainingStepKind);
            _coldStart = File.Exists(Path.Combine(modelFolder, DeviceFiles.ColdStart))
                ? Open(modelFolder, DeviceFiles.ColdStart, GraphMetadata.ColdStartKind)
                : null;
            _lifetime = new SharedLifetime(this, Close);
            _hasLabels = _session.Graph.Get(GraphMetadata.Negatives) == GraphMetadata.LabelledNegatives;
            _learner = new DeviceLearner(_session, _step, _options);
            Directory.CreateDirectory(ownerFolder);
            _files = new OwnerFiles(ownerFolder, _options.MaximumNumberOfEvents, Warn);
            _patch = _files.LoadPatch(_session);
        }
        catch
        {
            Close();
            throw;
        }
    }

    /// <summary>Gets the model's items.</summary>
    public ItemVocabulary Vocabulary { get; }

    /// <summary>Gets what the owner did, in time order.</summary>
    /// <value>A copy, which later changes leave as it is.</value>
    public IReadOnlyList<DeviceEvent> Events => _files.Events.GetEvents();

    /// <summary>Gets the owner's patch; null as long as none was learnt that helps.</summary>
    public UserPatch? Patch => _patch;

    /// <summary>Raised after each file of the owner's that learning writes: where a device may lose its power.</summary>
    internal event Action Stored
    {
        add => _files.Stored += value;
        remove => _files.Stored -= value;
    }

    /// <summary>Gets what was found to be wrong with the owner's files.</summary>
    public IReadOnlyList<string> Warnings
    {
        get
        {
            lock (_warnings)
            {
                return [.. _warnings];
            }
        }
    }

    /// <summary>Remembers what the owner did; it counts in the next recommendation, and is learnt from in the next <see cref="LearnAsync"/>.</summary>
    /// <param name="itemId">The raw id of the item.</param>
    /// <param name="time">When, on any scale that rises.</param>
    /// <param name="isPositive">Whether the owner chose the item; false for one that was shown and refused.</param>
    /// <param name="isKnownToCloud">Whether the cloud model was trained with the event: it then counts in the history alone.</param>
    /// <returns>Whether the model knows the item; if not, nothing has changed.</returns>
    /// <exception cref="ArgumentException">
    /// The time is not finite, or an item was refused but the model was trained with chosen items alone.
    /// </exception>
    public bool Record(string itemId, double time, bool isPositive = true, bool isKnownToCloud = false)
    {
        ArgumentNullException.ThrowIfNull(itemId);
        if (!isPositive && !_hasLabels)
        {
            throw new ArgumentException(
                "The event must be a choice, because the model was trained without labels, but is a refusal. Train the model with a label column, or leave refusals out.",
                nameof(isPositive));
        }

        if (Vocabulary.GetKey(itemId) == 0)
        {
            return false;
        }

        _files.Events.Add(new DeviceEvent(itemId, time, isPositive, isKnownToCloud));
        return true;
    }

    /// <summary>Writes the events to the disk, in the background.</summary>
    /// <param name="cancellationToken">Ends it before it has begun.</param>
    /// <returns>The task.</returns>
    public async Task SaveAsync(CancellationToken cancellationToken = default)
    {
        _lifetime.Hold();
        try
        {
            await Task.Run(_files.SaveEvents, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _lifetime.Release();
        }
    }

    /// <summary>Learns from the new events, in the background; if the patch helps, it is kept and written to the disk.</summary>
    /// <param name="cancellationToken">Ends it early; patch and files are then as before.</param>
    /// <returns>What came of it.</returns>
    /// <remarks>Events that were learnt from are not learnt from again; those of a patch that did not help wait for more.</remarks>
    /// <exception cref="OperationCanceledException">Cancelled, or forgotten or disposed of meanwhile.</exception>
    public async Task<PersonalizationResult> LearnAsync(CancellationToken cancellationToken = default)
    {
        _lifetime.Hold();
        try
        {
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token, _forgetting.Token);
            await _learning.WaitAsync(either.Token).ConfigureAwait(false);
            try
            {
                return await Task.Run(() => Learn(either.Token), either.Token).ConfigureAwait(false);
            }
            finally
            {
                _learning.Release();
            }
        }
        finally
        {
            _lifetime.Release();
        }
    }

    /// <summary>Deletes everything about the owner, in the background: the events, the patch, and what was put aside. Learning is cancelled.</summary>
    /// <param name="cancellationToken">Ends it before it has begun.</param>
    /// <returns>The task; afterwards the owner is somebody new.</returns>
    /// <remarks>What was uploaded is not on the device: delete it where it is.</remarks>
    public async Task ForgetAsync(CancellationToken cancellationToken = default)
    {
        _lifetime.Hold();
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            await Interlocked.Exchange(ref _forgetting, new CancellationTokenSource()).CancelAsync().ConfigureAwait(false);
            await _learning.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await Task.Run(Forget, CancellationToken.None).ConfigureAwait(false);
            }
            finally
            {
                _learning.Release();
            }
        }
        finally
        {
            _lifetime.Release();
        }
    }

    /// <summary>Recommends items to the owner, with what was recorded up to now.</summary>
    /// <param name="numberOfItems">The number of items at most.</param>
    /// <param name="excludesSeen">Whether items of the owner's events are left out.</param>
    /// <returns>The best items, the best first.</returns>
    public IReadOnlyList<RecommendedItem> Recommend(int numberOfItems = 10, bool excludesSeen = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(numberOfItems);
        TrainingEvents events = GetEvents();
        HashSet<int> seen = excludesSeen ? [.. events.Items] : [];
        long[] candidates = [.. Enumerable.Range(1, Vocabulary.Items.Count).Where(item => !seen.Contains(item)).Select(item => (long)item)];
        (float[] scores, PatchStatus status) = Score(candidates, events);
        return [.. TopItems.Select(scores, numberOfItems).Select(i => new RecommendedItem(
            Vocabulary.Items[(int)candidates[i] - 1], scores[i], 1 / (1 + MathF.Exp(-scores[i])), status))];
    }

    /// <summary>Scores items for the owner, with what was recorded up to now.</summary>
    /// <param name="itemIds">The raw ids.</param>
    /// <returns>The logits in the order of the ids; NaN for an item that the model does not know.</returns>
    public IReadOnlyList<float> Score(IReadOnlyList<string> itemIds)
    {
        ArgumentNullException.ThrowIfNull(itemIds);
        return Score([.. itemIds.Select(id => (long)Vocabulary.GetKey(id))], GetEvents()).Scores;
    }

    /// <summary>Cancels learning, and closes the sessions after the calls that are under way.</summary>
    public void Dispose()
    {
        if (_lifetime.Dispose())
        {
            _closing.Cancel();
        }
    }

    private void Close()
    {
        _coldStart?.Dispose();
        _step?.Dispose();
        _session.Dispose();
        _learning.Dispose();
    }

    private TrainingEvents GetEvents() => new(Events, Vocabulary, _hasLabels);

    private (float[] Scores, PatchStatus Status) Score(long[] candidates, TrainingEvents events)
    {
        _lifetime.Hold();
        try
        {
            return ScoreHeld(candidates, events);
        }
        finally
        {
            _lifetime.Release();
        }
    }

    private (float[] Scores, PatchStatus Status) ScoreHeld(long[] candidates, TrainingEvents events)
    {
        long[] history = events.GetHistory(_session.Architecture.HistoryLength);
        float[] profile = [.. _options.Profile];
        float[]? own = _patch?.Values.ToArray();
        PatchCache.Entry entry = new(own ?? Predict(history), PatchRefusal.None, null);
        PatchedScores scores = _session.Score(entry, user: null, candidates, history, profile);
        if (scores.Message is not null)
        {
            Warn(scores.Message);
        }

        return (scores.Scores, !scores.IsPatched ? PatchStatus.Cloud : own is null ? PatchStatus.ColdStart : PatchStatus.Patched);
    }

    private void Warn(string message)
    {
        lock (_warnings)
        {
            if (!_warnings.Contains(message))
            {
                _warnings.Add(message);
            }
        }
    }

    // The patch of who has none, from what is known of the owner; null where nothing is, or the model serves no such patches.
    private float[]? Predict(long[] history)
    {
        float[] profile = [.. _options.Profile];
        if (_coldStart is null || (profile.Length == 0 && history.Length == 0))
        {
            return null;
        }

        float[] theta = new float[_session.PatchSize];
        (string, OrtValue) input = profile.Length > 0
            ? (ModelGraph.ProfileInput, ExportedGraph.Wrap(profile, 1, profile.Length))
            : (ModelGraph.HistoryInput, ExportedGraph.Wrap(history, 1, history.Length));
        _coldStart.Run([input], [(ModelGraph.PatchInput, theta, [1, theta.Length])]);
        return Array.TrueForAll(theta, float.IsFinite) ? theta : null;
    }

    private PersonalizationResult Learn(CancellationToken cancellation)
    {
        _files.SaveEvents();
        TrainingEvents events = GetEvents();
        if (events.Count < _options.MinimumNumberOfEvents)
        {
            return new PersonalizationResult(PersonalizationStatus.TooFewEvents, events.Count, 0);
        }

        // From what serves. A predicted patch must not have seen the events that it is compared on.
        float[] start = _patch?.Values.ToArray() ?? Predict(events.GetHistory(0, _session.Architecture.HistoryLength)) ?? new float[_session.PatchSize];
        (float[] theta, double gain) = _learner.Learn(events, start, cancellation);
        cancellation.ThrowIfCancellationRequested();
        if (theta.AsSpan().SequenceEqual(start))
        {
            return new PersonalizationResult(PersonalizationStatus.NotBetter, events.Count, 0);
        }

        UserPatch patch = new(_session.Fingerprint, theta);
        _files.SavePatch(patch, events.New, () => _patch = patch);
        return new PersonalizationResult(PersonalizationStatus.Learnt, events.Count, gain);
    }

    private void Forget()
    {
        _patch = null;
        _files.Delete();
        lock (_warnings)
        {
            _warnings.Clear();
        }
    }

    private void CheckModel(string vocabularyPath)
    {
        if (Vocabulary.Hash != _session.VocabularyHash || Vocabulary.Items.Count != _session.Architecture.NumberOfItems)
        {
            throw new InvalidDataException(
                $"'{vocabularyPath}' must be the vocabulary {_session.VocabularyHash[..Math.Min(8, _session.VocabularyHash.Length)]}… of the model's "
                + $"{_session.Architecture.NumberOfItems} items, but is {Vocabulary.Hash[..8]}… of {Vocabulary.Items.Count}. Copy all exported files together.");
        }

        if (_session.PatchSize == 0)
        {
            throw new InvalidDataException("The model must have a patch basis to learn on, but has none. Run MetaPatch, and export again.");
        }

        if (_options.Profile.Count != _session.Architecture.ProfileDimension)
        {
            throw new ArgumentException(
                $"{nameof(DevicePersonalizerOptions)}: Profile must have the model's {_session.Architecture.ProfileDimension} values, but has {_options.Profile.Count}.");
        }
    }

    private ExportedGraph Open(string folder, string name, string kind)
    {
        string path = Path.Combine(folder, name);
        ExportedGraph graph = new(AtomicFile.Read(path, MaximumFileLength), path, kind, NumberOfThreads);
        try
        {
            graph.CheckBelongsTo(_session.Graph);
            return graph;
        }
        catch
        {
            graph.Dispose();
            throw;
        }
    }
}
