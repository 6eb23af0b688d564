using System.Globalization;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MoMoDistill;

/// <summary>Stage 2: with the new cloud model fixed, learns the basis and the patch encoder on events that stage 1 left out.</summary>
/// <remarks>
/// Some users have no part in it and judge each epoch; the state before the first one is among the candidates. In each batch
/// some users' patches are taken away, so that U(0, u) learns what a user without a patch should get.
/// </remarks>
internal sealed class PatchDistillation
{
    private const double ValidationUserFraction = 0.2;
    private const double ColdStartFraction = 0.3;
    private const int UsersInBatch = 20;
    private readonly TrainingRun _run;
    private readonly MoMoDistillEstimator.Options _options;
    private readonly TorchBackbone _model;
    private readonly PatchTensors _patch;
    private readonly EncoderTensors _encoder;
    private readonly PatchTraining _training;
    private readonly PatchSolver _solver;

    public PatchDistillation(
        TrainingRun run, MoMoDistillEstimator.Options options, TorchBackbone model, PatchTraining training, PatchTensors patch, EncoderTensors encoder)
    {
        _run = run;
        _options = options;
        _model = model;
        _patch = patch;
        _encoder = encoder;
        _training = training;
        _solver = training.CreateSolver(patch);
    }

    /// <summary>Gets a value indicating whether U(0, u) helped users without part in the stage.</summary>
    public bool ServesColdStart { get; private set; }

    /// <summary>Gets how much of each user's migrated patch to keep, the index of one of <see cref="PatchGate.Strengths"/>.</summary>
    public IReadOnlyDictionary<int, int> Strengths { get; private set; } = new Dictionary<int, int>();

    /// <summary>Learns basis and encoder in place.</summary>
    /// <param name="events">All events.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="store">The events that stage 1 left out, at least one, encoded by the new cloud model.</param>
    /// <param name="teacherStore">The same samples, encoded by the teachers' one.</param>
    /// <param name="teachers">The patched models.</param>
    public void Train(EventTable events, DistillationPlan plan, SampleStore store, SampleStore teacherStore, Teachers teachers)
    {
        UserInputs inputs = UserInputs.Create(_model, events, plan, store, teacherStore, teachers, _run.Random, ValidationUserFraction);
        using (inputs)
        {
            double scale = MeasureScale(store);
            Adam optimizer = new([.. _patch.Tensors.Values, .. _encoder.Tensors], _options.PatchLearningRate);
            (Dictionary<string, float[]> Patch, Dictionary<string, float[]> Encoder) best = (_patch.Export(), _encoder.Export());
            double least = Measure(store, inputs, withPatches: true);
            _run.RunEpochs(
                "momodistill: patches",
                _options.NumberOfPatchEpochs,
                patience: int.MaxValue,
                (_, report) =>
                {
                    double loss = RunEpoch(store, inputs, optimizer, report);
                    double held = Measure(store, inputs, withPatches: true);
                    if (held < least)
                    {
                        (least, best) = (held, (_patch.Export(), _encoder.Export()));
                    }

                    return (loss, -held);
                },
                improved: () => { });
            _patch.Import(best.Patch);
            _encoder.Import(best.Encoder);
            ServesColdStart = JudgeColdStart(store, inputs);
            Strengths = _training.ChooseStrengths(_patch, store, i => Migrate(inputs, i, store.Chunks[i].Rows.Length), plan.CountDeviceEvents(events));
            RescaleColumns(store, scale);
        }
    }

    private Tensor Migrate(UserInputs inputs, int chunk, int count)
    {
        (Tensor patches, Tensor users, _, _, _) = inputs.Get(chunk, 0, count);
        return _encoder.Encode(patches, users);
    }

    private bool JudgeColdStart(SampleStore store, UserInputs inputs)
    {
        double cold = Measure(store, inputs, withPatches: false);
        double cloud = MeasureCloud(store, inputs);
        _run.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"momodistill: users without part in stage 2 have loss {cloud:F4} without a patch, {cold:F4} with the encoder's"));
        return cold < cloud;
    }

    // The root mean square of the columns' effects.
    private double MeasureScale(SampleStore store)
    {
        if (_patch.Architecture.NumberOfBasisColumns == 0)
        {
            return 1;
        }

        using Tensor effects = _training.CreateLearner(_patch).MeasureEffects(store.Chunks);
        return Math.Sqrt(effects.ToArray().Average(effect => (double)effect * effect));
    }

    private void RescaleColumns(SampleStore store, double scale)
    {
        float[] factors = new float[_patch.Architecture.PatchSize];
        Array.Fill(factors, 1);
        if (_patch.Architecture.NumberOfBasisColumns > 0)
        {
            using Tensor columns = _training.CreateLearner(_patch).Normalize(store.Chunks, scale);
            columns.ToArray().CopyTo(factors, 1);
        }

        _encoder.Rescale(factors);
    }

    private double RunEpoch(SampleStore store, UserInputs inputs, Adam optimizer, Action<double> report)
    {
        (int Chunk, int First, int Count)[] batches = [.. store.Chunks.SelectMany((chunk, index) =>
            Enumerable.Range(0, (chunk.Rows.Length + UsersInBatch - 1) / UsersInBatch)
                .Select(i => (index, i * UsersInBatch, Math.Min(UsersInBatch, chunk.Rows.Length - (i * UsersInBatch)))))];
        _run.Random.Shuffle<(int, int, int)>(batches);
        double sum = 0;
        double weights = 0;
        for (int i = 0; i < batches.Length; i++)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            SampleChunk chunk = store.Chunks[batches[i].Chunk].Narrow(batches[i].First, batches[i].Count);
            (Tensor patches, Tensor users, Tensor teacher, Tensor teaches, Tensor isValidation) =
                inputs.Get(batches[i].Chunk, batches[i].First, batches[i].Count);
            Tensor keeps = torch.tensor(
                Enumerable.Range(0, batches[i].Count).Select(_ => _run.Random.NextDouble() < ColdStartFraction ? 0f : 1f).ToArray(), batches[i].Count, 1);
            Tensor logits = _solver.Score(chunk, _encoder.Encode(patches * keeps, users));
            Tensor weight = chunk.Weight * isValidation.Complement();
            Tensor loss = PatchSolver.Loss(chunk, logits, weight).sum()
                .Plus((DistillationLoss.KullbackLeibler(teacher, logits) * weight * teaches * keeps).sum().Times(_options.TeacherWeight));
            double total = weight.sum().item<float>();
            if (total > 0)
            {
                optimizer.ClearGradients();
                loss.Over(total).backward();
                _patch.FreezeUpOffset();
                optimizer.Step();
                sum += loss.item<float>();
                weights += total;
            }

            report((double)(i + 1) / batches.Length);
        }

        return sum / Math.Max(1, weights);
    }

    // The cross-entropy of the users who judge, with U(theta, u) or U(0, u).
    private double Measure(SampleStore store, UserInputs inputs, bool withPatches) => Measure(store, inputs, (patches, users) =>
        _encoder.Encode(withPatches ? patches : torch.zeros_like(patches), users));

    private double MeasureCloud(SampleStore store, UserInputs inputs) => Measure(store, inputs, (patches, _) => torch.zeros_like(patches));

    private double Measure(SampleStore store, UserInputs inputs, Func<Tensor, Tensor, Tensor> encode)
    {
        using IDisposable noGradients = torch.no_grad();
        double sum = 0;
        double weights = 0;
        for (int i = 0; i < store.Chunks.Count; i++)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            SampleChunk chunk = store.Chunks[i];
            (Tensor patches, Tensor users, _, _, Tensor isValidation) = inputs.Get(i, 0, chunk.Rows.Length);
            Tensor weight = chunk.Weight * isValidation;
            sum += PatchSolver.Loss(chunk, _solver.Score(chunk, encode(patches, users)), weight).sum().item<float>();
            weights += weight.sum().item<float>();
        }

        return sum / Math.Max(1, weights);
    }
}
