using System.Globalization;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MetaPatch;

/// <summary>Learns a basis across users and each user's patch, on a frozen cloud model.</summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class PatchTraining
{
    private const double ValidationUserFraction = 0.1;
    private const int UsersInBatch = 20;
    private readonly TrainingRun _run;
    private readonly MetaPatchTrainer.Options _options;
    private readonly TorchBackbone _model;
    private readonly PatchSolver.Settings _settings;

    /// <summary>Prepares the training.</summary>
    /// <param name="run">The run.</param>
    /// <param name="options">The options.</param>
    /// <param name="model">The cloud model, a replica that asks for no gradients.</param>
    public PatchTraining(TrainingRun run, MetaPatchTrainer.Options options, TorchBackbone model)
    {
        _run = run;
        _options = options;
        _model = model;
        _settings = new PatchSolver.Settings(options.L2, options.InterceptL2, options.NumberOfSteps, options.LearningRate);
    }

    /// <summary>Encodes the events to learn from.</summary>
    /// <param name="events">The events, a user's one after the other.</param>
    /// <param name="seen">What users have seen, which is never drawn as a negative.</param>
    /// <param name="layer">The first patched layer.</param>
    /// <param name="random">Draws the negatives; null for the run's own numbers.</param>
    public SampleStore Encode(EventTable events, InteractionLog seen, int layer, SeededRandom? random = null) => SampleStore.Create(
        _model,
        layer,
        events,
        events.HasLabels ? null : new NegativeSampler(seen, seed: 0),
        _options.NegativePoolSize,
        _options.NumberOfNegatives,
        _options.ChunkSize,
        random ?? _run.Random);

    /// <summary>Makes what learns patches on a basis.</summary>
    public PatchSolver CreateSolver(PatchTensors patch) => new(_model, patch, _settings);

    /// <summary>Scales a random basis, and learns it if the options say so.</summary>
    public void PrepareBasis(PatchTensors patch, SampleStore samples)
    {
        // A basis is learnt from all users together: few negatives of each event say enough, in a fraction of the time.
        using SampleStore store = samples.KeepNegatives(_options.NumberOfNegatives);
        if (_options.Basis == PatchBasisSource.Learned)
        {
            LearnBasis(patch, store);
        }
        else
        {
            new BasisLearner(_model, patch, _settings).Normalize(store.Chunks).Dispose();
        }
    }

    /// <summary>Learns the basis in place, and keeps it only if patches on it help users who had no part in it more than before.</summary>
    private void LearnBasis(PatchTensors patch, SampleStore store)
    {
        BasisLearner learner = new(_model, patch, _settings);
        learner.Normalize(store.Chunks).Dispose();
        using Tensor validationUsers = DrawUsers(store.Users.Length);
        Dictionary<string, float[]> random = patch.Export();
        double before = MeasureBasis(learner, patch, store, validationUsers);
        using optim.Optimizer optimizer = optim.Adam(patch.Tensors.Values, _options.BasisLearningRate);
        _run.RunEpochs(
            "metapatch: basis",
            _options.NumberOfBasisEpochs,
            patience: int.MaxValue,
            (_, report) =>
            {
                double loss = RunBasisEpoch(learner, patch, store, validationUsers, optimizer, report);
                learner.Normalize(store.Chunks).Dispose();
                return (loss, null);
            },
            improved: () => { });
        double after = MeasureBasis(learner, patch, store, validationUsers);
        _run.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"metapatch: later events of users without part in the basis have loss {before:F4} with patches on the random basis, {after:F4} on the learnt one"));
        if (!(after < before))
        {
            _run.Warning("metapatch: the learnt basis does not help; the random one is kept.");
            patch.Import(random);
        }
    }

    /// <summary>Learns every user's patch, gated.</summary>
    /// <param name="patch">The basis.</param>
    /// <param name="store">The events.</param>
    /// <param name="start">Starting points; null for zero.</param>
    /// <param name="numberOfUsers">The number of users of the model.</param>
    public UserPatches LearnPatches(PatchTensors patch, SampleStore store, UserPatches? start, int numberOfUsers)
    {
        int size = patch.Architecture.PatchSize;
        int[] heldBack = new int[store.Users.Length];
        double[][] losses = new double[store.Users.Length][];
        float[] full = new float[store.Users.Length * size];
        float[] origin = new float[store.Users.Length * size];
        for (int i = 0; i < store.Users.Length; i++)
        {
            GetStart(start, store.Users[i]).CopyTo(origin.AsSpan(i * size));
        }

        int done = 0;
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = _run.Threads, CancellationToken = _run.Cancellation };
        Parallel.ForEach(store.Chunks, parallel, chunk =>
        {
            TrainingRun.PrepareThread();
            using DisposeScope scope = torch.NewDisposeScope();
            PatchSolver solver = new(_model, patch, _settings);
            Tensor first = torch.tensor(origin.AsSpan(chunk.Rows[0] * size, chunk.Rows.Length * size).ToArray(), chunk.Rows.Length, size);
            Judge(chunk, solver, first, heldBack, losses);
            Tensor learnt = solver.Solve(chunk, chunk.Weight, first);
            learnt.ToArray().CopyTo(full.AsSpan(chunk.Rows[0] * size));
            _run.Report("metapatch: patches", (double)Interlocked.Add(ref done, chunk.Rows.Length) / store.Users.Length);
        });

        int[] strengths = PatchGate.Choose(store.NumberOfEvents, heldBack, losses, _options.MinimumGateEvents);
        return CreateTable(store, start, origin, full, strengths, numberOfUsers, size);
    }

    private static ReadOnlySpan<float> GetStart(UserPatches? start, int user) =>
        start is not null && user <= start.NumberOfUsers ? start[user] : [];

    // Patches of each user's earlier events, judged on the later ones. A user's only event holds nothing back.
    private void Judge(SampleChunk chunk, PatchSolver solver, Tensor start, int[] heldBack, double[][] losses)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        double cut = 1 - _options.GateFraction;
        Tensor isHeldBack = chunk.Position.ge(cut).to(ScalarType.Float32);
        Tensor learnt = solver.Solve(chunk, chunk.Weight * (1 - isHeldBack), start);
        Tensor weight = chunk.Weight * isHeldBack;
        float[] events = (chunk.IsEvent * isHeldBack).sum(1).ToArray();
        using IDisposable noGradients = torch.no_grad();
        Tensor isIntercept = torch.arange(start.shape[1]).eq(0).to(ScalarType.Float32);                       // [d]
        float[][] byStrength = [.. PatchGate.Strengths.Select(strength =>
        {
            Tensor factors = (isIntercept * strength.Intercept) + ((1 - isIntercept) * strength.Others);
            return PatchSolver.Loss(chunk, solver.Score(chunk, start + ((learnt - start) * factors)), weight).ToArray();
        })];
        for (int row = 0; row < chunk.Rows.Length; row++)
        {
            heldBack[chunk.Rows[row]] = (int)events[row];
            losses[chunk.Rows[row]] = [.. byStrength.Select(values => (double)values[row])];
        }
    }

    private UserPatches CreateTable(
        SampleStore store, UserPatches? start, float[] origin, float[] full, int[] strengths, int numberOfUsers, int size)
    {
        PatchStatus[] statuses = new PatchStatus[numberOfUsers];
        float[] values = new float[numberOfUsers * size];
        for (int user = 1; user <= numberOfUsers; user++)
        {
            statuses[user - 1] = start?.GetStatus(user) ?? PatchStatus.Cloud;
            GetStart(start, user).CopyTo(values.AsSpan((user - 1) * size));
        }

        int gated = 0;
        for (int i = 0; i < store.Users.Length; i++)
        {
            Span<float> patch = values.AsSpan((store.Users[i] - 1) * size, size);
            PatchGate.Apply(origin.AsSpan(i * size, size), full.AsSpan(i * size, size), strengths[i], patch);

            statuses[store.Users[i] - 1] = patch.ContainsAnyExcept(0f) ? PatchStatus.Patched : PatchStatus.Gated;
            gated += strengths[i] == 0 ? 1 : 0;
        }

        _run.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"metapatch: {store.Users.Length - gated} patches learnt, {gated} users gated, {numberOfUsers - store.Users.Length} without new events"));
        return new UserPatches(size, values, statuses);
    }

    private Tensor DrawUsers(int count)
    {
        float[] drawn = new float[count];
        for (int i = 0; i < count; i++)
        {
            drawn[i] = _run.Random.NextDouble() < ValidationUserFraction ? 1 : 0;
        }

        return torch.tensor(drawn).DetachFromDisposeScope();
    }

    private double RunBasisEpoch(
        BasisLearner learner, PatchTensors patch, SampleStore store, Tensor validationUsers, optim.Optimizer optimizer, Action<double> report)
    {
        (SampleChunk Chunk, int First, int Count)[] batches = [.. store.Chunks.SelectMany(chunk =>
            Enumerable.Range(0, (chunk.Rows.Length + UsersInBatch - 1) / UsersInBatch)
                .Select(i => (chunk, i * UsersInBatch, Math.Min(UsersInBatch, chunk.Rows.Length - (i * UsersInBatch)))))];
        _run.Random.Shuffle<(SampleChunk, int, int)>(batches);
        double sum = 0;
        double weights = 0;
        for (int i = 0; i < batches.Length; i++)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            SampleChunk chunk = batches[i].Chunk.Narrow(batches[i].First, batches[i].Count);
            Tensor learners = (1 - validationUsers.narrow(0, chunk.Rows[0], chunk.Rows.Length)).unsqueeze(1);
            double cut = 0.3 + (0.5 * _run.Random.NextDouble());
            Tensor isQuery = chunk.Position.ge(cut).to(ScalarType.Float32);
            Tensor weight = chunk.Weight * isQuery * learners;
            Tensor total = weight.sum();
            double queries = total.item<float>();
            if (queries > 0)
            {
                Tensor loss = learner.QueryLoss(chunk, chunk.Weight * (1 - isQuery), weight);
                optimizer.zero_grad();
                (loss / total).backward();
                patch.FreezeUpOffset();
                optimizer.step();
                sum += loss.item<float>();
                weights += queries;
            }

            report((double)(i + 1) / batches.Length);
        }

        return sum / Math.Max(1, weights);
    }

    private static double MeasureBasis(BasisLearner learner, PatchTensors patch, SampleStore store, Tensor validationUsers)
    {
        double sum = 0;
        double weights = 0;
        foreach (SampleChunk chunk in store.Chunks)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            Tensor users = validationUsers.narrow(0, chunk.Rows[0], chunk.Rows.Length).unsqueeze(1);
            Tensor isQuery = chunk.Position.ge(0.5).to(ScalarType.Float32);
            Tensor weight = chunk.Weight * isQuery * users;
            sum += learner.QueryLoss(chunk, chunk.Weight * (1 - isQuery), weight).item<float>();
            weights += weight.sum().item<float>();
        }

        return sum / Math.Max(1, weights);
    }
}
