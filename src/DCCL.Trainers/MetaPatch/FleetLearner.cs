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
        for (int i = 0; i < encoder.Users.Length; i++)
        {
            GetStart(encoder.Users[i]).CopyTo(_origin.AsSpan(i * _size));
        }
    }

    /// <summary>Learns the patches.</summary>
    /// <param name="numberOfUsers">The number of users of the model.</param>
    /// <param name="rankingGate">Judges by rankings; null for the loss on held-back events.</param>
    public UserPatches Learn(int numberOfUsers, RankingGate? rankingGate)
    {
        int count = _encoder.Users.Length;
        int[] heldBack = new int[count];
        double[][] losses = new double[count][];
        int done = 0;
        bool judges = rankingGate is null && _options.Strength is null;
        Stopwatch watch = Stopwatch.StartNew();
        Parallel.For(0, _encoder.NumberOfChunks, _run.Parallel, index =>
        {
            TrainingRun.PrepareThread();
            using DisposeScope scope = torch.NewDisposeScope();
            using SampleChunk chunk = _encoder.Encode(index);
            if (_options.NumberOfLinearizations > 0)
            {
                SolveLinearized(chunk, judges, heldBack, losses);
            }
            else
            {
                Solve(chunk, judges, heldBack, losses);
            }

            _run.Report("metapatch: patches", (double)Interlocked.Add(ref done, chunk.Rows.Length) / count);
        });

        double learning = watch.Elapsed.TotalSeconds;
        if (_options.Strength is double fixedStrength)
        {
            _run.Info(string.Create(CultureInfo.InvariantCulture, $"metapatch: {count} patches learnt in {learning:F1} s, without a gate"));
            return CreateTable(_full, _ => (1, (float)fixedStrength), numberOfUsers);
        }

        int[] strengths = rankingGate is null
            ? PatchGate.Choose(_encoder.NumberOfEvents, heldBack, losses, _options.GatePriorEvents)
            : rankingGate.Choose(_encoder.Users, _encoder.NumberOfEvents, strength => CreateTable(_early, _ => PatchGate.Strengths[strength], numberOfUsers));
        int gated = strengths.Count(strength => strength == 0);
        _run.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"metapatch: {count - gated} patches learnt, {gated} users gated, {numberOfUsers - count} without new events, "
            + $"{learning:F1} s and {watch.Elapsed.TotalSeconds - learning:F1} s for the gate"));
        return CreateTable(_full, i => PatchGate.Strengths[strengths[i]], numberOfUsers);
    }

    // A few users at a time, so that what passes through the network stays in the cache.
    private void SolveLinearized(SampleChunk whole, bool judges, int[] heldBack, double[][] losses)
    {
        LinearizedSolver solver = new(_model, _patch, _options.L2, _options.InterceptL2, _options.NumberOfLinearizations);
        float lastPosition = (float)(1 - _options.GateFraction);
        int rows = Math.Max(1, SamplesPerBlock / (int)whole.Weight.shape[1]);
        for (int first = 0; first < whole.Rows.Length; first += rows)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            SampleChunk chunk = whole.Narrow(first, Math.Min(rows, whole.Rows.Length - first));
            Range range = GetRange(chunk);
            ReadOnlySpan<float> origin = _origin.AsSpan(range);
            LinearizedProblem problem = solver.Linearize(chunk, origin);
            origin.CopyTo(_full.AsSpan(range));
            if (_options.Strength is null)
            {
                origin.CopyTo(_early.AsSpan(range));
                solver.Solve(problem, problem.GetEarlyWeights(lastPosition), origin, _early.AsSpan(range));
                _early.AsSpan(range).CopyTo(_full.AsSpan(range));
            }

            solver.Solve(problem, problem.Weights, origin, _full.AsSpan(range));
            if (judges)
            {
                (double[][] judged, int[] events) = solver.Judge(problem, lastPosition, origin, _early.AsSpan(range));
                judged.CopyTo(losses, chunk.Rows[0]);
                events.CopyTo(heldBack, chunk.Rows[0]);
            }
        }
    }

    // By Adam. Patches of each user's earlier events are judged on the later ones. A user's only event is held back, and the patch is the start.
    private void Solve(SampleChunk chunk, bool judges, int[] heldBack, double[][] losses)
    {
        Range range = GetRange(chunk);
        Tensor start = torch.tensor(_origin[range], chunk.Rows.Length, _size);
        Tensor isHeldBack = chunk.Position.IsMoreThan(1 - _options.GateFraction);
        if (_options.Strength is null)
        {
            Tensor early = _solver.Solve(chunk, chunk.Weight * isHeldBack.Complement(), start);
            early.ToArray().CopyTo(_early.AsSpan(range));
            if (judges)
            {
                float[] events = (chunk.IsEvent * isHeldBack).sum(1).ToArray();
                _solver.Judge(chunk, chunk.Weight * isHeldBack, start, early).CopyTo(losses, chunk.Rows[0]);
                Array.ConvertAll(events, count => (int)count).CopyTo(heldBack, chunk.Rows[0]);
            }
        }

        _solver.Solve(chunk, chunk.Weight, start).ToArray().CopyTo(_full.AsSpan(range));
    }

    private Range GetRange(SampleChunk chunk) => (chunk.Rows[0] * _size)..((chunk.Rows[^1] + 1) * _size);

    private ReadOnlySpan<float> GetStart(int user) => _start is not null && user <= _start.NumberOfUsers ? _start[user] : [];

    private UserPatches CreateTable(float[] learnt, Func<int, (float Intercept, float Others)> strength, int numberOfUsers)
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
            PatchGate.Apply(_origin.AsSpan(i * _size, _size), learnt.AsSpan(i * _size, _size), strength(i), patch);
            statuses[_encoder.Users[i] - 1] = patch.ContainsAnyExcept(0f) ? PatchStatus.Patched : PatchStatus.Gated;
        }

        return new UserPatches(_size, values, statuses);
    }
}
