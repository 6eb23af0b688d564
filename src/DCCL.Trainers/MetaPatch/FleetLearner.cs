using System.Diagnostics;
using System.Globalization;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MetaPatch;

/// <summary>Learns every user's patch on a basis, and gates it: chunk after chunk is encoded, learnt from, judged and forgotten.</summary>
/// <remarks>What is held for all users are their patches and what the gate has to know. Not thread-safe.</remarks>
internal sealed class FleetLearner
{
    // As many as the second-level cache holds, and the arrays of which are too small for the large object heap.
    private const int SamplesPerBlock = 1024;
    private readonly TrainingRun _run;
    private readonly MetaPatchTrainer.Options _options;
    private readonly TorchBackbone _model;
    private readonly PatchTensors _patch;
    private readonly PatchSolver _solver;
    private readonly SampleEncoder _encoder;
    private readonly UserPatches? _start;
    private readonly int _size;
    private readonly float[] _origin;
    private readonly float[] _early;
    private readonly float[] _full;
    private readonly IReadOnlyList<(float Intercept, float Others)> _strengths;
    private readonly HeldBackEvidence[] _evidence;
    private readonly float[] _intercepts;

    /// <summary>Prepares for the users of an encoder.</summary>
    /// <param name="run">The run.</param>
    /// <param name="options">The options.</param>
    /// <param name="model">The cloud model, a replica that asks for no gradients.</param>
    /// <param name="patch">The basis.</param>
    /// <param name="solver">Scores patches, and learns them by Adam.</param>
    /// <param name="encoder">The events.</param>
    /// <param name="start">Starting points; null for zero.</param>
    public FleetLearner(
        TrainingRun run, MetaPatchTrainer.Options options, TorchBackbone model, PatchTensors patch, PatchSolver solver, SampleEncoder encoder,
        UserPatches? start)
    {
        _run = run;
        _options = options;
        _model = model;
        _patch = patch;
        _solver = solver;
        _encoder = encoder;
        _start = start;
        _size = patch.Architecture.PatchSize;
        _origin = new float[encoder.Users.Length * _size];
        _early = new float[_origin.Length];
        _full = new float[_origin.Length];
        _strengths = options.Strength is double strength ? [(1, (float)strength)] : PatchGate.Strengths;
        _evidence = new HeldBackEvidence[encoder.HasLabels && options.Strength is null ? encoder.Users.Length : 0];
        _intercepts = new float[encoder.HasLabels ? encoder.Users.Length * _strengths.Count : 0];
        for (int i = 0; i < encoder.Users.Length; i++)
        {
            GetStart(encoder.Users[i]).CopyTo(_origin.AsSpan(i * _size));
        }
    }

    /// <summary>Learns the patches.</summary>
    /// <param name="numberOfUsers">The number of users of the model.</param>
    /// <param name="rankingGate">Judges by rankings events without labels; null if there are none, or an intercept alone is learnt.</param>
    public UserPatches Learn(int numberOfUsers, RankingGate? rankingGate)
    {
        int count = _encoder.Users.Length;
        int done = 0;
        Stopwatch watch = Stopwatch.StartNew();
        Parallel.For(0, _encoder.NumberOfChunks, _run.Parallel, index =>
        {
            TrainingRun.PrepareThread();
            using DisposeScope scope = torch.NewDisposeScope();
            using SampleChunk chunk = _encoder.Encode(index);
            if (_options.NumberOfLinearizations > 0)
            {
                SolveLinearized(chunk);
            }
            else
            {
                Solve(chunk);
            }

            _run.Report("metapatch: patches", (double)Interlocked.Add(ref done, chunk.Rows.Length) / count);
        });

        double learning = watch.Elapsed.TotalSeconds;
        if (_options.Strength is not null)
        {
            _run.Info(string.Create(CultureInfo.InvariantCulture, $"metapatch: {count} patches learnt in {learning:F1} s, without a gate"));
            return CreateTable(_full, _ => 0, _intercepts, numberOfUsers);
        }

        int[] strengths = rankingGate is not null
            ? rankingGate.Choose(_encoder.Users, _encoder.NumberOfEvents, strength => CreateTable(_early, _ => strength, [], numberOfUsers))
            : _encoder.HasLabels ? PatchGate.Choose(_encoder.NumberOfEvents, _evidence, _options.GatePriorEvents) : new int[count];
        int gated = strengths.Count(strength => strength == 0);
        _run.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"metapatch: {count - gated} patches learnt, {gated} users gated, {numberOfUsers - count} without new events, "
            + $"{learning:F1} s and {watch.Elapsed.TotalSeconds - learning:F1} s for the gate"));
        return CreateTable(_full, i => strengths[i], _intercepts, numberOfUsers);
    }

    // A few users at a time, so that what passes through the network stays in the cache.
    private void SolveLinearized(SampleChunk whole)
    {
        LinearizedSolver solver = new(_model, _patch, _options.L2, _options.InterceptL2, _options.NumberOfLinearizations);
        float lastPosition = (float)(1 - _options.GateFraction);
        int rows = Math.Max(1, SamplesPerBlock / (int)whole.Weight.shape[1]);
        for (int first = 0; first < whole.Rows.Length; first += rows)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            SampleChunk chunk = whole.Narrow(first, Math.Min(rows, whole.Rows.Length - first));
            Range range = GetRange(chunk);
            float[] origin = _origin[range];
            LinearizedProblem problem = solver.Linearize(chunk, origin);
            float[] early = [];
            origin.CopyTo(_full.AsSpan(range));
            if (_options.Strength is null)
            {
                early = problem.GetEarlyWeights(lastPosition);
                origin.CopyTo(_early.AsSpan(range));
                solver.Solve(problem, early, origin, _early.AsSpan(range));
                _early.AsSpan(range).CopyTo(_full.AsSpan(range));
            }

            solver.Solve(problem, problem.Weights, origin, _full.AsSpan(range));
            FitAndJudge(chunk, early, learnt => solver.ScoreByStrength(problem, origin, learnt[range], _strengths));
        }
    }

    // By Adam. Patches of each user's earlier events are judged on the later ones. A user's only event is held back, and the patch is the start.
    private void Solve(SampleChunk chunk)
    {
        Range range = GetRange(chunk);
        Tensor start = torch.tensor(_origin[range], chunk.Rows.Length, _size);
        float[] earlyWeights = [];
        if (_options.Strength is null)
        {
            Tensor early = chunk.Weight * chunk.Position.IsMoreThan(1 - _options.GateFraction).Complement();
            earlyWeights = early.ToArray();
            _solver.Solve(chunk, early, start).ToArray().CopyTo(_early.AsSpan(range));
        }

        _solver.Solve(chunk, chunk.Weight, start).ToArray().CopyTo(_full.AsSpan(range));
        FitAndJudge(
            chunk, earlyWeights, learnt => _solver.ScoreByStrength(chunk, start, torch.tensor(learnt[range], start.shape), _strengths));
    }

    // Labelled events: each strength has its own intercept, and is judged on the later events.
    private void FitAndJudge(SampleChunk chunk, float[] earlyWeights, Func<float[], float[][]> score)
    {
        if (!_encoder.HasLabels)
        {
            return;
        }

        HeldBackJudge judge = new(_strengths, _options.InterceptL2);
        float[] labels = chunk.Label.ToArray();
        float[] weights = chunk.Weight.ToArray();
        float[] starts = [.. chunk.Rows.Select(row => _origin[row * _size])];
        judge.FitIntercepts(score(_full), labels, weights, starts).CopyTo(_intercepts, chunk.Rows[0] * _strengths.Count);
        if (_evidence.Length > 0)
        {
            float[][] scores = score(_early);
            float[] intercepts = judge.FitIntercepts(scores, labels, earlyWeights, starts);
            float[] heldBack = [.. weights.Zip(earlyWeights, (weight, early) => weight - early)];
            judge.Judge(scores, intercepts, labels, heldBack).CopyTo(_evidence, chunk.Rows[0]);
        }
    }

    private Range GetRange(SampleChunk chunk) => (chunk.Rows[0] * _size)..((chunk.Rows[^1] + 1) * _size);

    private ReadOnlySpan<float> GetStart(int user) => _start is not null && user <= _start.NumberOfUsers ? _start[user] : [];

    // intercepts [users, strengths]: what takes the learnt ones' place; empty if nothing does.
    private UserPatches CreateTable(float[] learnt, Func<int, int> strength, float[] intercepts, int numberOfUsers)
    {
        PatchStatus[] statuses = new PatchStatus[numberOfUsers];
        float[] values = new float[numberOfUsers * _size];
        for (int user = 1; user <= numberOfUsers; user++)
        {
            statuses[user - 1] = _start?.GetStatus(user) ?? PatchStatus.Cloud;
            GetStart(user).CopyTo(values.AsSpan((user - 1) * _size));
        }

        for (int i = 0; i < _encoder.Users.Length; i++)
        {
            Span<float> patch = values.AsSpan((_encoder.Users[i] - 1) * _size, _size);
            PatchGate.Apply(_origin.AsSpan(i * _size, _size), learnt.AsSpan(i * _size, _size), _strengths[strength(i)], patch);
            patch[0] = intercepts.Length > 0 ? intercepts[(i * _strengths.Count) + strength(i)] : patch[0];
            statuses[_encoder.Users[i] - 1] = patch.ContainsAnyExcept(0f) ? PatchStatus.Patched : PatchStatus.Gated;
        }

        return new UserPatches(_size, values, statuses);
    }
}
