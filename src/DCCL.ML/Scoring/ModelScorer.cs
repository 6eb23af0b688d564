using DCCL.ML.Model;
using DCCL.ML.Onnx;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;

namespace DCCL.ML.Scoring;

/// <summary>Scores batches with a model through ONNX Runtime: the one way by which DCCL computes a prediction.</summary>
/// <remarks>
/// Thread-safe. Owns native sessions, one from the start and two more, with their own copies of the weights, from the first batch
/// on whose groups have many candidates. Dispose it when it is no longer used; forgotten ones are freed by the sessions' finalizers.
/// </remarks>
public sealed class ModelScorer : IDisposable
{
    /// <summary>The number of (candidate, history event) pairs in a run: intermediate results stay in a core's cache, measured.</summary>
    private const int EventsPerRun = 2_560;

    private static readonly string[] _outputs = [ModelGraph.ScoreOutput];

    private readonly InferenceSession _session;
    private readonly Lazy<ManyCandidatesScorer> _manyCandidates;
    private readonly RunOptions _runOptions = new();
    private readonly ParallelOptions _parallelism;
    private readonly int _numberOfItems;
    private readonly int _historyLength;
    private readonly int _profileDimension;
    private readonly int _patchSize;
    private readonly SharedLifetime _lifetime;

    /// <summary>Builds the model's graph and opens a session on it.</summary>
    /// <param name="parameters">The model.</param>
    /// <param name="numberOfThreads">The number of threads one call may use. The default, 0, is one per processor.</param>
    public ModelScorer(DeviceCloudModelParameters parameters, int numberOfThreads = 0)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfNegative(numberOfThreads);
        Parameters = parameters;
        _numberOfItems = parameters.Architecture.NumberOfItems;
        _historyLength = parameters.Architecture.HistoryLength;
        _profileDimension = parameters.Architecture.ProfileDimension;
        _patchSize = parameters.Patch?.PatchSize ?? 0;

        _parallelism = new ParallelOptions { MaxDegreeOfParallelism = numberOfThreads == 0 ? Environment.ProcessorCount : numberOfThreads };
        _session = GraphSession.Open(ModelGraph.Build(parameters, patchRequired: false).ToByteArray());
        _manyCandidates = new Lazy<ManyCandidatesScorer>(() => new ManyCandidatesScorer(parameters));
        _lifetime = new SharedLifetime(this, Close);
    }

    /// <summary>Gets the model.</summary>
    public DeviceCloudModelParameters Parameters { get; }

    /// <summary>Scores a batch of any size; large ones are split inside.</summary>
    /// <param name="batch">The buffers; <see cref="ScoringBatch.Scores"/> receives the logits, NaN for item 0; a patch never makes one.</param>
    /// <exception cref="ArgumentException">A size does not fit the model or a buffer, or an item is not one of the model's.</exception>
    public void Score(ScoringBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Hold();
        try
        {
            ScoreHeld(batch);
        }
        finally
        {
            Release();
        }
    }

    /// <summary>Closes the session, after the calls that are under way.</summary>
    public void Dispose() => _lifetime.Dispose();

    /// <summary>The number of groups of one candidate each that a run takes.</summary>
    internal static int GetRowsPerRun(int historyLength) => Math.Max(1, EventsPerRun / historyLength);

    internal static OrtValue Wrap<T>(T[] buffer, int start, long[] shape)
        where T : unmanaged =>
        OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, buffer.AsMemory(start, (int)(shape[0] * shape[1])), shape);

    /// <summary>Keeps the sessions open until <see cref="Release"/>, even if the owner disposes of them in the meantime.</summary>
    internal void Hold() => _lifetime.Hold();

    /// <summary>Ends a <see cref="Hold"/>.</summary>
    internal void Release() => _lifetime.Release();

    /// <summary>Scores a batch between <see cref="Hold"/> and <see cref="Release"/>.</summary>
    internal void ScoreHeld(ScoringBatch batch)
    {
        Check(batch);
        ScoreHeld(batch, [new ScoringRange(0, batch.NumberOfGroups, 0, batch.NumberOfCandidates, 0, batch.HistoryLength)]);
    }

    /// <summary>Scores groups of several shapes, which the caller has laid out and checked, between <see cref="Hold"/> and <see cref="Release"/>.</summary>
    /// <param name="batch">The buffers; of its sizes only the number of patches counts: 0, 1, or any other for a patch at each group's number.</param>
    /// <param name="ranges">The groups.</param>
    internal void ScoreHeld(ScoringBatch batch, IReadOnlyList<ScoringRange> ranges)
    {
        Run(batch, ranges);
        List<int>? refused = null;
        foreach (ScoringRange range in ranges)
        {
            int end = range.Item + (range.NumberOfGroups * range.NumberOfCandidates);
            for (int i = range.Item; i < end; i++)
            {
                if (batch.Items[i] == 0)
                {
                    batch.Scores[i] = float.NaN;
                }
                else if (!float.IsFinite(batch.Scores[i]) && batch.NumberOfPatches > 0)
                {
                    (refused ??= []).Add(i);
                }
            }
        }

        batch.RefusedItems = refused is null ? [] : refused;
        if (refused is not null)
        {
            ScoringBatch cloud = new()
            {
                Items = batch.Items,
                History = batch.History,
                Profiles = batch.Profiles,
                Scores = new float[batch.Scores.Length],
            };
            Run(cloud, ranges);
            refused.ForEach(i => batch.Scores[i] = cloud.Scores[i]);
        }
    }

    private void Run(ScoringBatch batch, IReadOnlyList<ScoringRange> ranges)
    {
        int threads = _parallelism.MaxDegreeOfParallelism;
        int groups = ranges.Where(HasManyCandidates).Sum(range => range.NumberOfGroups);
        int partsPerGroup = groups == 0 ? 0 : (threads + groups - 1) / groups;
        Action[] parts =
        [
            .. ranges.Where(HasManyCandidates)
                .SelectMany(range => ManyCandidatesScorer.Divide(batch, range, partsPerGroup))
                .Select(part => (Action)(() => _manyCandidates.Value.Score(batch, part, _runOptions))),
            .. ranges.Where(range => !HasManyCandidates(range)).SelectMany(Divide).Select(part => (Action)(() => Run(batch, part))),
        ];
        if (parts.Length <= 1 || threads == 1)
        {
            Array.ForEach(parts, part => part());
        }
        else
        {
            Parallel.ForEach(parts, _parallelism, part => part());
        }

        static bool HasManyCandidates(ScoringRange range) => range.NumberOfCandidates >= ManyCandidatesScorer.MinimumNumberOfCandidates;
    }

    private void Close()
    {
        _session.Dispose();
        if (_manyCandidates.IsValueCreated)
        {
            _manyCandidates.Value.Dispose();
        }

        _runOptions.Dispose();
    }

    /// <summary>Divides a batch into runs. How does not depend on the number of threads, and so neither do the scores.</summary>
    private static IEnumerable<ScoringRange> Divide(ScoringRange range)
    {
        if (range.NumberOfGroups == 0 || range.NumberOfCandidates == 0)
        {
            yield break;
        }

        int pairs = GetRowsPerRun(range.HistoryLength);
        int groups = Math.Max(1, pairs / range.NumberOfCandidates);
        for (int group = 0; group < range.NumberOfGroups; group += groups)
        {
            ScoringRange part = range.Slice(group, Math.Min(groups, range.NumberOfGroups - group));
            int slices = part.NumberOfGroups > 1 ? 1 : (part.NumberOfCandidates + pairs - 1) / pairs;
            if (slices == 1)
            {
                yield return part;
                continue;
            }

            for (int slice = 0; slice < slices; slice++)
            {
                int start = (int)((long)part.NumberOfCandidates * slice / slices);
                int end = (int)((long)part.NumberOfCandidates * (slice + 1) / slices);
                yield return part.SliceCandidates(start, end);
            }
        }
    }

    /// <summary>Scores some groups with all of their candidates, or one group with some of them: contiguous in the buffers either way.</summary>
    private void Run(ScoringBatch batch, ScoringRange part)
    {
        int numberOfGroups = part.NumberOfGroups;
        long[] shape = [numberOfGroups, part.NumberOfCandidates];
        List<string> names = [ModelGraph.ItemInput, ModelGraph.HistoryInput];
        List<OrtValue> inputs = [];
        try
        {
            inputs.Add(Wrap(batch.Items, part.Item, shape));
            inputs.Add(Wrap(batch.History, part.History, [numberOfGroups, part.HistoryLength]));
            if (_profileDimension > 0)
            {
                names.Add(ModelGraph.ProfileInput);
                inputs.Add(Wrap(batch.Profiles, part.Group * _profileDimension, [numberOfGroups, _profileDimension]));
            }

            if (batch.NumberOfPatches > 0)
            {
                names.Add(ModelGraph.PatchInput);
                inputs.Add(batch.NumberOfPatches == 1
                    ? Wrap(batch.Patches, 0, [1, _patchSize])
                    : Wrap(batch.Patches, part.Group * _patchSize, [numberOfGroups, _patchSize]));
            }

            using OrtValue scores = Wrap(batch.Scores, part.Item, shape);
            _session.Run(_runOptions, names, inputs, _outputs, [scores]);
        }
        finally
        {
            inputs.ForEach(input => input.Dispose());
        }
    }

    private void Check(ScoringBatch batch)
    {
        int groups = batch.NumberOfGroups;
        if (batch.HistoryLength < 1 || batch.HistoryLength > _historyLength)
        {
            throw new ArgumentException(
                $"HistoryLength must be from 1 to the model's {_historyLength}, but is {batch.HistoryLength}.", nameof(batch));
        }

        if (batch.NumberOfPatches != 0 && (_patchSize == 0 || (batch.NumberOfPatches != 1 && batch.NumberOfPatches != groups)))
        {
            throw new ArgumentException(
                _patchSize == 0
                    ? $"NumberOfPatches must be 0, because the model has no patch basis, but is {batch.NumberOfPatches}. "
                        + "Run MetaPatch first."
                    : $"NumberOfPatches must be 0, 1 or the number of groups ({groups}), but is {batch.NumberOfPatches}.",
                nameof(batch));
        }

        int items = checked(groups * batch.NumberOfCandidates);
        CheckLength(nameof(batch.Items), batch.Items, items);
        CheckLength(nameof(batch.Scores), batch.Scores, items);
        CheckLength(nameof(batch.History), batch.History, (long)groups * batch.HistoryLength);
        CheckLength(nameof(batch.Profiles), batch.Profiles, (long)groups * _profileDimension);
        CheckLength(nameof(batch.Patches), batch.Patches, (long)batch.NumberOfPatches * _patchSize);
        CheckItems(nameof(batch.Items), batch.Items.AsSpan(0, items));
        CheckItems(nameof(batch.History), batch.History.AsSpan(0, groups * batch.HistoryLength));
    }

    private static void CheckLength<T>(string name, T[] buffer, long length)
    {
        if (buffer.Length < length)
        {
            throw new ArgumentException($"{name} must have at least {length} elements, but has {buffer.Length}. Call Resize first.");
        }
    }

    private void CheckItems(string name, ReadOnlySpan<long> items)
    {
        for (int i = 0; i < items.Length; i++)
        {
            if ((ulong)items[i] > (ulong)_numberOfItems)
            {
                throw new ArgumentException($"{name} must hold item key values from 0 to {_numberOfItems}, but element {i} is {items[i]}.");
            }
        }
    }
}
