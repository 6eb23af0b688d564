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
    private const int UsersInBatch = 20;
    private const int UsersPerMeasurement = 100;
    private const int MaximumScaleSteps = 6;
    private const ulong SamplingStream = 1ul << 40;

    // 800 MB.
    private const long MaximumNumberOfBasisActivations = 200_000_000;

    // Twice the prior variance of what a patch adds to a logit.
    private static readonly double _scaleStep = Math.Sqrt(2);
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
    /// <param name="patch">What is patched.</param>
    /// <param name="random">Draws the negatives; null for the run's own numbers.</param>
    public SampleStore Encode(EventTable events, InteractionLog seen, PatchTensors patch, SeededRandom? random = null) =>
        SampleStore.Create(Divide(events, new NegativeSampler(seen, seed: 0), patch, random), _run.Parallel);

    /// <summary>Divides the users who have events to learn from into chunks.</summary>
    /// <param name="events">The events, a user's one after the other.</param>
    /// <param name="sampler">Draws negatives of events without labels.</param>
    /// <param name="patch">What is patched.</param>
    /// <param name="random">Draws the negatives; null for the run's own numbers.</param>
    public SampleEncoder Divide(EventTable events, NegativeSampler sampler, PatchTensors patch, SeededRandom? random = null) => new(
        _model,
        patch,
        events,
        events.HasLabels ? null : sampler,
        _options.NegativePoolSize,
        _options.NumberOfNegatives,
        _options.ChunkSize,
        random ?? _run.Random);

    /// <summary>Makes what learns patches on a basis.</summary>
    public PatchSolver CreateSolver(PatchTensors patch) => new(_model, patch, _settings);

    /// <summary>Makes what learns all users' patches.</summary>
    /// <param name="patch">The basis.</param>
    /// <param name="encoder">The events.</param>
    /// <param name="start">Starting points; null for zero.</param>
    public FleetLearner CreateLearner(PatchTensors patch, SampleEncoder encoder, UserPatches? start) =>
        new(_run, _options, _model, patch, CreateSolver(patch), encoder, start);

    /// <summary>Makes what learns and measures a basis.</summary>
    public BasisLearner CreateLearner(PatchTensors patch) => new(_model, patch, _settings);

    /// <summary>Scales a random basis, and learns it if the options say so.</summary>
    /// <param name="patch">The basis.</param>
    /// <param name="events">The events, a user's one after the other.</param>
    /// <param name="sampler">Draws negatives of events without labels.</param>
    public void PrepareBasis(PatchTensors patch, EventTable events, NegativeSampler sampler)
    {
        using SampleStore samples = SampleStore.Create(Divide(SampleUsers(events, patch), sampler, patch), _run.Parallel);

        // A basis is learnt from all users together: few negatives of each event say enough, in a fraction of the time.
        using SampleStore store = samples.KeepNegatives(_options.NumberOfNegatives);
        if (_options.Basis != PatchBasisSource.Random)
        {
            LearnBasis(patch, store);
        }
        else
        {
            CreateLearner(patch).Normalize(store.Chunks).Dispose();
            FitScale(patch, store);
        }
    }

    // All events, or those of a seeded sample of users who fit into memory together.
    private EventTable SampleUsers(EventTable events, PatchTensors patch)
    {
        long elements = patch.SampleWidth * (events.HasLabels ? 1L : 1 + _options.NegativePoolSize);
        int[] taken = events.SampleUsers(MaximumNumberOfBasisActivations / elements, new SeededRandom(_run.Seed).Fork(SamplingStream));
        if (taken.Length == events.Count)
        {
            return events;
        }

        _run.Info($"metapatch: the basis is learnt from {taken.Length} of {events.Count} events");
        return events.Select(taken);
    }

    // Halves or doubles the prior variance as long as that helps the held-back events.
    private void FitScale(PatchTensors patch, SampleStore store)
    {
        double held = MeasureBasis(patch, store);
        foreach (double step in (double[])[_scaleStep, 1 / _scaleStep])
        {
            bool helps = true;
            for (int i = 0; i < MaximumScaleSteps && helps; i++)
            {
                patch.ScaleColumns(step);
                double other = MeasureBasis(patch, store);
                helps = other < held;
                held = Math.Min(held, other);
            }

            patch.ScaleColumns(helps ? 1 : 1 / step);
        }
    }

    /// <summary>
    /// Learns the basis in place. The events that the gate will judge on have no part in it: they judge every epoch, and the basis on
    /// which patches help them most is kept, the random one among them. They also say how large a column's effect should be: after
    /// each epoch one neighbour of the present size is tried.
    /// </summary>
    private void LearnBasis(PatchTensors patch, SampleStore store)
    {
        BasisLearner learner = CreateLearner(patch);
        learner.Normalize(store.Chunks).Dispose();
        PatchTensors[] workers = [patch, .. Enumerable.Range(1, _run.Threads - 1).Select(_ => patch.Replicate())];
        double random = MeasureBasis(patch, store);
        (double Loss, Dictionary<string, float[]> Basis) best = (random, patch.Export());
        Adam optimizer = new(patch.Tensors.Values, _options.BasisLearningRate);
        double scale = 1;
        double step = _scaleStep;
        int epoch = _run.RunEpochs(
            "metapatch: basis",
            _options.NumberOfBasisEpochs,
            _options.BasisPatience,
            (_, report) =>
            {
                double loss = RunBasisEpoch(workers, store, optimizer, report);
                learner.Normalize(store.Chunks, scale).Dispose();
                double held = MeasureBasis(patch, store);
                patch.ScaleColumns(step);
                double other = MeasureBasis(patch, store);
                if (other < held)
                {
                    (held, scale) = (other, scale * step);
                }
                else
                {
                    step = 1 / step;
                    patch.ScaleColumns(step);
                }

                if (held < best.Loss)
                {
                    best = (held, patch.Export());
                }

                return (loss, -held);
            },
            improved: () => { });
        patch.Import(best.Basis);
        foreach (PatchTensors worker in workers.AsSpan(1))
        {
            worker.Dispose();
        }

        _run.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"metapatch: held-back events have loss {random:F4} with patches on the random basis, {best.Loss:F4} on the one kept, of epoch {(best.Loss < random ? epoch : 0)}, columns last of size {scale:F2}"));
    }

    /// <summary>Gates patches on events that neither they nor the cloud model have seen.</summary>
    /// <remarks>By cross-entropy alone, each with the intercept that it has: the events that it was learnt from are not at hand to fit another one to.</remarks>
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
            Tensor intercepts = learnt.narrow(1, 0, 1);
            float[][] scores = solver.ScoreByStrength(chunk, torch.zeros_like(learnt), learnt, PatchGate.Strengths);
            float[][] losses = [.. PatchGate.Strengths.Select((strength, i) => PatchSolver.HeldBackLoss(
                chunk, torch.tensor(scores[i], chunk.Label.shape).Plus(intercepts.Times(strength.Intercept)), chunk.Weight).ToArray())];
            for (int row = 0; row < chunk.Rows.Length; row++)
            {
                double[] own = [.. losses.Select(values => (double)values[row])];
                judged.Add(heldOut.Users[chunk.Rows[row]], (heldOut.NumberOfEvents[chunk.Rows[row]], own));
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

    /// <summary>Whether one of a user's events is among the most recent ones, at least the last, that patches are judged on.</summary>
    /// <param name="place">The event's place, from 0.</param>
    /// <param name="count">The number of events.</param>
    /// <param name="fraction">The share that is held back.</param>
    public static bool IsHeldBack(int place, int count, double fraction) => (float)(place + 1) / count > (float)(1 - fraction);

    private Tensor IsHeldBack(SampleChunk chunk) => chunk.Position.IsMoreThan(1 - _options.GateFraction);

    private double RunBasisEpoch(
        PatchTensors[] workers, SampleStore store, Adam optimizer, Action<double> report)
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
            double cut = (1 - _options.GateFraction) * (0.3 + (0.5 * _run.Random.NextDouble()));
            optimizer.ClearGradients();
            Parallel.For(0, workers.Length, w =>
            {
                TrainingRun.PrepareThread();
                int from = first + (count * w / workers.Length);
                int to = first + (count * (w + 1) / workers.Length);
                (losses[w], totals[w]) = from < to ? Differentiate(workers[w], chunk, from, to - from, cut) : (0, 0);
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

    // Adds to the gradients of the loss's sum on the events after the cut, the held-back ones left out; returns that sum and its weight.
    private (double Loss, double Weight) Differentiate(PatchTensors patch, SampleChunk whole, int first, int count, double cut)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        SampleChunk chunk = whole.Narrow(first, count);
        Tensor isSupport = chunk.Position.IsMoreThan(cut).Complement();
        Tensor weight = chunk.Weight * (isSupport.Plus(IsHeldBack(chunk))).Complement();
        double total = weight.sum().item<float>();
        if (total == 0)
        {
            return (0, 0);
        }

        Tensor loss = CreateLearner(patch).QueryLoss(chunk, chunk.Weight * isSupport, weight);
        loss.backward();
        return (loss.item<float>(), total);
    }

    // The loss of the held-back events with patches from the earlier ones.
    private double MeasureBasis(PatchTensors patch, SampleStore store)
    {
        double[] sums = new double[store.Chunks.Count];
        double[] weights = new double[store.Chunks.Count];
        Parallel.For(0, sums.Length, _run.Parallel, i =>
        {
            TrainingRun.PrepareThread();
            SampleChunk chunk = store.Chunks[i];
            for (int first = 0; first < chunk.Rows.Length; first += UsersPerMeasurement)
            {
                using DisposeScope scope = torch.NewDisposeScope();
                using IDisposable noGradients = torch.no_grad();
                SampleChunk part = chunk.Narrow(first, Math.Min(UsersPerMeasurement, chunk.Rows.Length - first));
                Tensor isHeldBack = IsHeldBack(part);
                Tensor weight = part.Weight * isHeldBack;
                BasisLearner learner = CreateLearner(patch);
                sums[i] += learner.HeldBackLoss(part, part.Weight * isHeldBack.Complement(), weight).item<float>();
                weights[i] += (weight * part.IsEvent).sum().item<float>();
            }
        });
        return sums.Sum() / Math.Max(1, weights.Sum());
    }
}
