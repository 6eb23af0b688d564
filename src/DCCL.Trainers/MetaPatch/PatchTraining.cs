using System.Globalization;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;
using TorchSharp;
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
        random ?? _run.Random,
        _run.Parallel);

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

    /// <summary>
    /// Learns the basis in place. Users who have no part in it judge every epoch, and the basis on which patches help them most is
    /// kept, the random one among them.
    /// </summary>
    private void LearnBasis(PatchTensors patch, SampleStore store)
    {
        BasisLearner learner = new(_model, patch, _settings);
        learner.Normalize(store.Chunks).Dispose();
        bool[] judges = DrawUsers(store.Users.Length);
        PatchTensors[] workers = [patch, .. Enumerable.Range(1, _run.Threads - 1).Select(_ => patch.Replicate())];
        double before = MeasureBasis(patch, store, judges);
        (double Loss, Dictionary<string, float[]> Basis) best = (before, patch.Export());
        Adam optimizer = new(patch.Tensors.Values, _options.BasisLearningRate);
        int epoch = _run.RunEpochs(
            "metapatch: basis",
            _options.NumberOfBasisEpochs,
            _options.BasisPatience,
            (_, report) =>
            {
                double loss = RunBasisEpoch(workers, store, judges, optimizer, report);
                learner.Normalize(store.Chunks).Dispose();
                double held = MeasureBasis(patch, store, judges);
                if (held < best.Loss)
                {
                    best = (held, patch.Export());
                }

                return (loss, double.IsNaN(held) ? null : -held);
            },
            improved: () => { });
        patch.Import(best.Basis);
        foreach (PatchTensors worker in workers.AsSpan(1))
        {
            worker.Dispose();
        }

        _run.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"metapatch: later events of users without part in the basis have loss {before:F4} with patches on the random basis, {best.Loss:F4} on the one kept, of epoch {(best.Loss < before ? epoch : 0)}"));
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
        Parallel.ForEach(store.Chunks, _run.Parallel, chunk =>
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

        int[] strengths = PatchGate.Choose(store.NumberOfEvents, heldBack, losses, _options.GatePriorEvents);
        return CreateTable(store, start, origin, full, strengths, numberOfUsers, size);
    }

    private static ReadOnlySpan<float> GetStart(UserPatches? start, int user) =>
        start is not null && user <= start.NumberOfUsers ? start[user] : [];

    // Patches of each user's earlier events, judged on the later ones. A user's only event holds nothing back.
    private void Judge(SampleChunk chunk, PatchSolver solver, Tensor start, int[] heldBack, double[][] losses)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        double cut = 1 - _options.GateFraction;
        Tensor isHeldBack = chunk.Position.IsAtLeast(cut);
        Tensor learnt = solver.Solve(chunk, chunk.Weight * isHeldBack.Complement(), start);
        Tensor weight = chunk.Weight * isHeldBack;
        float[] events = (chunk.IsEvent * isHeldBack).sum(1).ToArray();
        double[][] judged = solver.Judge(chunk, weight, start, learnt);
        for (int row = 0; row < chunk.Rows.Length; row++)
        {
            heldBack[chunk.Rows[row]] = (int)events[row];
            losses[chunk.Rows[row]] = judged[row];
        }
    }

    /// <summary>Gates patches on events that neither they nor the cloud model have seen.</summary>
    /// <param name="patch">The basis.</param>
    /// <param name="heldOut">The events; not all users need to have some.</param>
    /// <param name="patches">The patches of a chunk's users [users, d].</param>
    /// <param name="numberOfEvents">Each user's number of events that the patch was learnt from, by user; whoever is not in it is not gated.</param>
    /// <returns>The index of each user's strength; full strength if there are no events to judge on.</returns>
    public Dictionary<int, int> ChooseStrengths(
        PatchTensors patch, SampleStore heldOut, Func<int, Tensor> patches, IReadOnlyDictionary<int, int> numberOfEvents)
    {
        if (heldOut.Users.Length == 0)
        {
            return numberOfEvents.Keys.ToDictionary(user => user, _ => PatchGate.Strengths.Count - 1);
        }

        Dictionary<int, (int Events, double[] Losses)> judged = [];
        PatchSolver solver = CreateSolver(patch);
        for (int i = 0; i < heldOut.Chunks.Count; i++)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            using IDisposable noGradients = torch.no_grad();
            SampleChunk chunk = heldOut.Chunks[i];
            Tensor learnt = patches(i);
            double[][] losses = solver.Judge(chunk, chunk.Weight, torch.zeros_like(learnt), learnt);
            for (int row = 0; row < chunk.Rows.Length; row++)
            {
                judged.Add(heldOut.Users[chunk.Rows[row]], (heldOut.NumberOfEvents[chunk.Rows[row]], losses[row]));
            }
        }

        int[] users = [.. numberOfEvents.Keys];
        (int Events, double[] Losses) none = (0, new double[PatchGate.Strengths.Count]);
        int[] strengths = PatchGate.Choose(
            [.. users.Select(user => numberOfEvents[user])],
            [.. users.Select(user => judged.GetValueOrDefault(user, none).Events)],
            [.. users.Select(user => judged.GetValueOrDefault(user, none).Losses)],
            _options.GatePriorEvents);
        return users.Zip(strengths).ToDictionary();
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

    private bool[] DrawUsers(int count)
    {
        bool[] drawn = new bool[count];
        for (int i = 0; i < count; i++)
        {
            drawn[i] = _run.Random.NextDouble() < ValidationUserFraction;
        }

        return drawn;
    }

    private double RunBasisEpoch(
        PatchTensors[] workers, SampleStore store, bool[] judges, Adam optimizer, Action<double> report)
    {
        (SampleChunk Chunk, int First, int Count)[] batches = [.. store.Chunks.SelectMany(chunk =>
            Enumerable.Range(0, (chunk.Rows.Length + UsersInBatch - 1) / UsersInBatch)
                .Select(i => (chunk, i * UsersInBatch, Math.Min(UsersInBatch, chunk.Rows.Length - (i * UsersInBatch)))))];
        _run.Random.Shuffle<(SampleChunk, int, int)>(batches);
        double[] losses = new double[workers.Length];
        double[] totals = new double[workers.Length];
        double sum = 0;
        double weights = 0;
        for (int i = 0; i < batches.Length; i++)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            (SampleChunk chunk, int first, int count) = batches[i];
            double cut = 0.3 + (0.5 * _run.Random.NextDouble());
            optimizer.ClearGradients();
            Parallel.For(0, workers.Length, w =>
            {
                TrainingRun.PrepareThread();
                int from = first + (count * w / workers.Length);
                int to = first + (count * (w + 1) / workers.Length);
                (losses[w], totals[w]) = from < to ? Differentiate(workers[w], chunk.Narrow(from, to - from), judges, cut) : (0, 0);
            });
            foreach (PatchTensors worker in workers.AsSpan(1))
            {
                workers[0].TakeGradients(worker);
            }

            double total = totals.Sum();
            if (total > 0)
            {
                workers[0].FreezeUpOffset();
                optimizer.Step(1 / total);
                sum += losses.Sum();
                weights += total;
            }

            report((double)(i + 1) / batches.Length);
        }

        return sum / Math.Max(1, weights);
    }

    // Adds to the gradients of the loss's sum on the events after the cut; returns that sum and its weight.
    private (double Loss, double Weight) Differentiate(PatchTensors patch, SampleChunk chunk, bool[] judges, double cut)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor learners = torch.tensor(chunk.Rows.Select(row => judges[row] ? 0f : 1f).ToArray(), chunk.Rows.Length, 1);
        Tensor isQuery = chunk.Position.IsAtLeast(cut);
        Tensor weight = chunk.Weight * isQuery * learners;
        double total = weight.sum().item<float>();
        if (total == 0)
        {
            return (0, 0);
        }

        Tensor loss = new BasisLearner(_model, patch, _settings).QueryLoss(chunk, chunk.Weight * isQuery.Complement(), weight);
        loss.backward();
        return (loss.item<float>(), total);
    }

    // The loss of later events of the users who judge, with patches from their earlier ones; not a number if there are none.
    private double MeasureBasis(PatchTensors patch, SampleStore store, bool[] judges)
    {
        double[] sums = new double[store.Chunks.Count];
        double[] weights = new double[store.Chunks.Count];
        Parallel.For(0, sums.Length, _run.Parallel, i =>
        {
            TrainingRun.PrepareThread();
            using DisposeScope scope = torch.NewDisposeScope();
            SampleChunk chunk = store.Chunks[i];
            int[] rows = [.. Enumerable.Range(0, chunk.Rows.Length).Where(row => judges[chunk.Rows[row]])];
            if (rows.Length > 0)
            {
                SampleChunk judged = chunk.Select(rows);
                Tensor isQuery = judged.Position.IsAtLeast(0.5);
                Tensor weight = judged.Weight * isQuery;
                BasisLearner learner = new(_model, patch, _settings);
                sums[i] = learner.QueryLoss(judged, judged.Weight * isQuery.Complement(), weight).item<float>();
                weights[i] = weight.sum().item<float>();
            }
        });
        return sums.Sum() / weights.Sum();
    }
}
