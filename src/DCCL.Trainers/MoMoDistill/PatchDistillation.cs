using System.Globalization;
using DCCL.ML.Data;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using TorchSharp;
using static TorchSharp.torch;
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
    private readonly PatchSolver _solver;

    public PatchDistillation(
        TrainingRun run, MoMoDistillEstimator.Options options, TorchBackbone model, PatchTensors patch, EncoderTensors encoder)
    {
        _run = run;
        _options = options;
        _model = model;
        _patch = patch;
        _encoder = encoder;
        _solver = new PatchTraining(run, options.Patches, model).CreateSolver(patch);
    }

    /// <summary>Learns basis and encoder in place.</summary>
    /// <param name="teacherTraining">Encodes with the old cloud model.</param>
    /// <param name="events">All events.</param>
    /// <param name="log">What users have seen, for the negatives.</param>
    /// <param name="plan">Says which events are left for this stage.</param>
    /// <param name="teachers">The patched models.</param>
    /// <returns>Whether U(0, u) helped users without part in the stage.</returns>
    public bool Train(PatchTraining teacherTraining, EventTable events, InteractionLog log, DistillationPlan plan, Teachers teachers)
    {
        EventTable selected = events.Select(plan.StageTwo);
        if (selected.Count == 0)
        {
            return false;
        }

        int seed = _run.Random.Next(int.MaxValue);
        using SampleStore store = new PatchTraining(_run, _options.Patches, _model).Encode(selected, log, _patch.FirstLayer, new SeededRandom(seed));
        using SampleStore oldStore = teacherTraining.Encode(selected, log, _patch.FirstLayer, new SeededRandom(seed));
        UserInputs inputs = UserInputs.Create(_model, events, plan, store, oldStore, teachers, _run.Random, ValidationUserFraction);
        using (inputs)
        {
            using optim.Optimizer optimizer = optim.Adam([.. _patch.Tensors.Values, .. _encoder.Tensors], _options.PatchLearningRate);
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
            bool servesColdStart = JudgeColdStart(store, inputs);
            RescaleColumns(store);
            return servesColdStart;
        }
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

    private void RescaleColumns(SampleStore store)
    {
        float[] factors = new float[_patch.Architecture.PatchSize];
        factors[0] = 1;
        if (factors.Length > 1)
        {
            PatchSolver.Settings settings = new(_options.Patches.L2, _options.Patches.InterceptL2, 1, 1);
            using Tensor columns = new BasisLearner(_model, _patch, settings).Normalize(store.Chunks);
            columns.ToArray().CopyTo(factors, 1);
        }

        _encoder.Rescale(factors);
    }

    private double RunEpoch(SampleStore store, UserInputs inputs, optim.Optimizer optimizer, Action<double> report)
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
            Tensor weight = chunk.Weight * (1 - isValidation);
            Tensor loss = PatchSolver.Loss(chunk, logits, weight).sum()
                + ((DistillationLoss.KullbackLeibler(teacher, logits) * weight * teaches * keeps).sum() * _options.TeacherWeight);
            double total = weight.sum().item<float>();
            if (total > 0)
            {
                optimizer.zero_grad();
                (loss / total).backward();
                _patch.FreezeUpOffset();
                optimizer.step();
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
