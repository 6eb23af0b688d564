using DCCL.ML.Data;
using DCCL.Trainers.Torch;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MoMoDistill;

/// <summary>Stage 1: trains the cloud model on, towards the patched models as teachers.</summary>
/// <remarks>
/// Events with labels over-fit soon, because the model has learnt most of them before: the epoch with the least cross-entropy on the
/// events of stage 2 is kept, the start among them. Without labels it is the last: cross-entropy says little about rankings.
/// </remarks>
internal sealed class CloudDistillation
{
    private readonly TrainingRun _run;
    private readonly MoMoDistillEstimator.Options _options;
    private const int MeasuredBatch = 1024;
    private readonly EventTable _events;
    private readonly EventTable _heldOut;
    private readonly InteractionLog _log;
    private readonly int[] _folds;

    /// <summary>Prepares the stage.</summary>
    /// <param name="run">The run.</param>
    /// <param name="options">The options.</param>
    /// <param name="events">All events.</param>
    /// <param name="log">What users have seen, for the negatives.</param>
    /// <param name="plan">Which of the events to learn from.</param>
    public CloudDistillation(TrainingRun run, MoMoDistillEstimator.Options options, EventTable events, InteractionLog log, DistillationPlan plan)
    {
        _run = run;
        _options = options;
        _events = events.Select(plan.StageOne);
        _heldOut = events.Select(plan.StageTwo);
        _log = log;
        _folds = [.. plan.StageOne.Select(index => plan.Folds[index])];
    }

    /// <summary>Trains the cloud model that the teachers' patches will stand on, in place.</summary>
    public void TrainTeacher(TorchBackbone model) =>
        Train(model, teacher: null, "momodistill: teachers' cloud model", _options.NumberOfTeacherEpochs, _run.Random.Fork(2));

    /// <summary>Trains the new cloud model in place.</summary>
    /// <param name="model">The old cloud model's copy.</param>
    /// <param name="teachers">The patched models; null for none.</param>
    public void Train(TorchBackbone model, ITeachers? teachers)
    {
        // Random numbers of its own, so that training with and without teachers sees the same batches and negatives.
        double shift = GetLogitShift(model);
        CloudTraining.Teacher? teacher = _options.TeacherWeight == 0 || teachers is null ? null : (batch, indices, logits) =>
            Teach(teachers, batch, indices, logits, shift);
        int epochs = Train(model, teacher, "momodistill: cloud model", _options.NumberOfEpochs, _run.Random.Fork(1));
        _run.Cancellation.ThrowIfCancellationRequestedUnless(epochs > 0);
    }

    private int Train(TorchBackbone model, CloudTraining.Teacher? teacher, string stage, int epochs, SeededRandom random)
    {
        CloudTraining.Settings settings = new(
            _options.BatchSize, _options.LearningRate, _options.WeightDecay, GetNumberOfNegatives(model), CandidateLoss.BinaryCrossEntropy, _run.Threads,
            GetLogitShift(model));
        using CloudTraining training = new(model, _events, _log, settings, random);
        Dictionary<string, float[]> best = model.Export();
        double? start = MeasureHeldOut(model);
        double? held = null;
        int epoch = _run.RunEpochs(
            stage,
            epochs,
            patience: int.MaxValue,
            (_, report) =>
            {
                double loss = training.RunEpoch(teacher, batch => report((double)batch / training.NumberOfBatches));
                held = MeasureHeldOut(model);
                return (loss, -held);
            },
            improved: () => best = start is null || held < start ? model.Export() : best);
        model.Import(best);
        return epoch;
    }

    private int GetNumberOfNegatives(TorchBackbone model) => _options.NumberOfNegatives ?? model.BestNumberOfNegatives;

    private double GetLogitShift(TorchBackbone model) => _events.HasLabels || model.NegativesOfProbability is not { } meant
        ? 0
        : Math.Log((double)GetNumberOfNegatives(model) / meant);

    // The mean cross-entropy; null without labels.
    private double? MeasureHeldOut(TorchBackbone model)
    {
        if (!_heldOut.HasLabels || _heldOut.Count == 0)
        {
            return null;
        }

        using IDisposable noGradients = no_grad();
        double sum = 0;
        for (int first = 0; first < _heldOut.Count; first += MeasuredBatch)
        {
            using DisposeScope scope = NewDisposeScope();
            int[] indices = [.. Enumerable.Range(first, Math.Min(MeasuredBatch, _heldOut.Count - first))];
            Tensor labels = tensor(indices.Select(index => _heldOut.GetLabel(index) ? 1f : 0f).ToArray(), indices.Length, 1);
            Tensor logits = model.Forward(_heldOut.CreateBatch(indices, []), generator: null);
            sum += nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction: nn.Reduction.Sum).item<float>();
        }

        return sum / _heldOut.Count;
    }

    private Tensor Teach(ITeachers teachers, TrainingBatch batch, ReadOnlySpan<int> indices, Tensor logits, double shift)
    {
        int[] users = new int[indices.Length];
        int[] folds = new int[indices.Length];
        for (int i = 0; i < indices.Length; i++)
        {
            users[i] = _events.Users[indices[i]];
            folds[i] = _folds[indices[i]];
        }

        return teachers.Score(batch, users, folds) is (Tensor teacher, Tensor weights)
            ? (DistillationLoss.KullbackLeibler(teacher.Plus(-shift), logits) * weights).sum().Times(_options.TeacherWeight / logits.shape[1])
            : zeros(1).sum();
    }
}
