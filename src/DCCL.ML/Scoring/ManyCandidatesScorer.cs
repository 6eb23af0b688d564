using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Onnx.Proto;
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
        _groupSession = ModelScorer.Open(group);
        _candidateSession = ModelScorer.Open(candidates);
    }

    /// <summary>Divides a batch among threads.</summary>
    /// <returns>Parts to be scored in any order; runs are the same whatever the number of threads, and so are scores.</returns>
    public static Part[] Divide(ScoringBatch batch, int numberOfThreads)
    {
        int groups = batch.NumberOfGroups;
        int partsPerGroup = groups == 0 ? 0 : (numberOfThreads + groups - 1) / groups; // each computes the group's values anew
        List<Part> parts = [];
        for (int group = 0; group < groups; group++)
        {
            int historyLength = GetHistoryLength(batch, group);
            int perRun = Math.Clamp(EventsPerRun / historyLength, MinimumPerRun, MaximumPerRun);
            int runs = (batch.NumberOfCandidates + perRun - 1) / perRun;
            for (int part = 0; part < partsPerGroup; part++)
            {
                int start = (int)((long)runs * part / partsPerGroup);
                int end = (int)((long)runs * (part + 1) / partsPerGroup);
                if (start < end)
                {
                    parts.Add(new Part(group, historyLength, start, end, runs));
                }
            }
        }

        return [.. parts];
    }

    /// <summary>Scores a part of a batch.</summary>
    public void Score(ScoringBatch batch, Part part, RunOptions options)
    {
        using IDisposableReadOnlyCollection<OrtValue> values = ComputeGroup(batch, part, options);
        for (int run = part.FirstRun; run < part.EndRun; run++)
        {
            int start = (int)((long)batch.NumberOfCandidates * run / part.NumberOfRuns);
            int end = (int)((long)batch.NumberOfCandidates * (run + 1) / part.NumberOfRuns);
            int first = (part.Group * batch.NumberOfCandidates) + start;
            using OrtValue items = ModelScorer.Wrap(batch.Items, first, [1, end - start]);
            using OrtValue scores = ModelScorer.Wrap(batch.Scores, first, [1, end - start]);
            _candidateSession.Run(options, _candidateInputs, [items, .. values], _outputs, [scores]);
        }
    }

    public void Dispose()
    {
        _groupSession.Dispose();
        _candidateSession.Dispose();
    }

    private IDisposableReadOnlyCollection<OrtValue> ComputeGroup(ScoringBatch batch, Part part, RunOptions options)
    {
        List<string> names = [ModelGraph.HistoryInput];
        List<OrtValue> inputs = [];
        try
        {
            inputs.Add(ModelScorer.Wrap(batch.History, part.Group * batch.HistoryLength, [1, part.HistoryLength]));
            if (_profileDimension > 0)
            {
                names.Add(ModelGraph.ProfileInput);
                inputs.Add(ModelScorer.Wrap(batch.Profiles, part.Group * _profileDimension, [1, _profileDimension]));
            }

            if (batch.NumberOfPatches > 0)
            {
                names.Add(ModelGraph.PatchInput);
                int patch = batch.NumberOfPatches == 1 ? 0 : part.Group;
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
    private static int GetHistoryLength(ScoringBatch batch, int group)
    {
        ReadOnlySpan<long> history = batch.History.AsSpan(group * batch.HistoryLength, batch.HistoryLength);
        return Math.Max(1, history.LastIndexOfAnyExcept(0) + 1);
    }

    /// <summary>Some of the runs that a group's candidates are divided into.</summary>
    public readonly record struct Part(int Group, int HistoryLength, int FirstRun, int EndRun, int NumberOfRuns);
}
