using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Onnx.Proto;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;

namespace DCCL.ML.Scoring;

/// <summary>Scores groups with many candidates: what depends on the group alone is computed once, then its candidates run by run.</summary>
/// <remarks>
/// The same function as the graph that <see cref="ModelScorer"/> uses for few candidates, cut in two
/// (<see cref="ModelGraph.BuildForManyCandidates"/>); scores agree within 1e-6. Owns two native sessions. Thread-safe.
/// </remarks>
internal sealed class ManyCandidatesScorer : IDisposable
{
    /// <summary>The number of candidates from which on the first part pays, measured.</summary>
    public const int MinimumNumberOfCandidates = 128;

    /// <summary>The number of (candidate, history event) pairs in a run: the largest results stay in a core's cache, measured.</summary>
    private const int EventsPerRun = 6_400;

    private const int MinimumPerRun = 16;
    private const int MaximumPerRun = 256;

    private static readonly string[] _outputs = [ModelGraph.ScoreOutput];

    private readonly InferenceSession _groupSession;
    private readonly InferenceSession _candidateSession;
    private readonly string[] _groupValues;
    private readonly string[] _candidateInputs;
    private readonly int _profileDimension;
    private readonly int _patchSize;

    public ManyCandidatesScorer(DeviceCloudModelParameters parameters)
    {
        (ModelProto group, ModelProto candidates) = ModelGraph.BuildForManyCandidates(parameters);
        _groupValues = [.. group.Graph.Output.Select(value => value.Name)];
        _candidateInputs = [ModelGraph.ItemInput, .. _groupValues];
        _profileDimension = parameters.Architecture.ProfileDimension;
        _patchSize = parameters.Patch?.PatchSize ?? 0;
        _groupSession = GraphSession.Open(group.ToByteArray());
        _candidateSession = GraphSession.Open(candidates.ToByteArray());
    }

    /// <summary>Divides groups among threads.</summary>
    /// <param name="batch">The batch that the groups are in.</param>
    /// <param name="range">The groups.</param>
    /// <param name="partsPerGroup">The number of parts of each group; each of them computes the group's values anew.</param>
    /// <returns>Parts to be scored in any order; runs are the same whatever the number of parts, and so are scores.</returns>
    public static IEnumerable<Part> Divide(ScoringBatch batch, ScoringRange range, int partsPerGroup)
    {
        for (int group = 0; group < range.NumberOfGroups; group++)
        {
            ScoringRange own = range.Slice(group, 1);
            own = own with { HistoryLength = GetHistoryLength(batch, own) };
            int perRun = Math.Clamp(EventsPerRun / own.HistoryLength, MinimumPerRun, MaximumPerRun);
            int runs = (own.NumberOfCandidates + perRun - 1) / perRun;
            for (int part = 0; part < partsPerGroup; part++)
            {
                int start = (int)((long)runs * part / partsPerGroup);
                int end = (int)((long)runs * (part + 1) / partsPerGroup);
                if (start < end)
                {
                    yield return new Part(own, start, end, runs);
                }
            }
        }
    }

    /// <summary>Scores a part of a batch.</summary>
    public void Score(ScoringBatch batch, Part part, RunOptions options)
    {
        using IDisposableReadOnlyCollection<OrtValue> values = ComputeGroup(batch, part.Group, options);
        for (int run = part.FirstRun; run < part.EndRun; run++)
        {
            ScoringRange candidates = part.Group.SliceCandidates(GetStart(run), GetStart(run + 1));
            using OrtValue items = ModelScorer.Wrap(batch.Items, candidates.Item, [1, candidates.NumberOfCandidates]);
            using OrtValue scores = ModelScorer.Wrap(batch.Scores, candidates.Item, [1, candidates.NumberOfCandidates]);
            _candidateSession.Run(options, _candidateInputs, [items, .. values], _outputs, [scores]);
        }

        int GetStart(int run) => (int)((long)part.Group.NumberOfCandidates * run / part.NumberOfRuns);
    }

    public void Dispose()
    {
        _groupSession.Dispose();
        _candidateSession.Dispose();
    }

    private IDisposableReadOnlyCollection<OrtValue> ComputeGroup(ScoringBatch batch, ScoringRange group, RunOptions options)
    {
        List<string> names = [ModelGraph.HistoryInput];
        List<OrtValue> inputs = [];
        try
        {
            inputs.Add(ModelScorer.Wrap(batch.History, group.History, [1, group.HistoryLength]));
            if (_profileDimension > 0)
            {
                names.Add(ModelGraph.ProfileInput);
                inputs.Add(ModelScorer.Wrap(batch.Profiles, group.Group * _profileDimension, [1, _profileDimension]));
            }

            if (batch.NumberOfPatches > 0)
            {
                names.Add(ModelGraph.PatchInput);
                int patch = batch.NumberOfPatches == 1 ? 0 : group.Group;
                inputs.Add(ModelScorer.Wrap(batch.Patches, patch * _patchSize, [1, _patchSize]));
            }

            return _groupSession.Run(options, names, inputs, _groupValues);
        }
        finally
        {
            inputs.ForEach(input => input.Dispose());
        }
    }

    /// <summary>Gets the length of a group's history without the padding at its end, but at least 1.</summary>
    private static int GetHistoryLength(ScoringBatch batch, ScoringRange group)
    {
        ReadOnlySpan<long> history = batch.History.AsSpan(group.History, group.HistoryLength);
        return Math.Max(1, history.LastIndexOfAnyExcept(0) + 1);
    }

    /// <summary>Some of the runs that a group's candidates are divided into.</summary>
    public readonly record struct Part(ScoringRange Group, int FirstRun, int EndRun, int NumberOfRuns);
}
