using DCCL.ML.Data;
using DCCL.Trainers.Torch;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MoMoDistill;

/// <summary>Stage 1: trains the cloud model on, towards the patched models as teachers.</summary>
internal sealed class CloudDistillation
{
    private readonly TrainingRun _run;
    private readonly MoMoDistillEstimator.Options _options;
    private readonly EventTable _events;
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
        _log = log;
        _folds = [.. plan.StageOne.Select(index => plan.Folds[index])];
    }

    /// <summary>Trains the cloud model that the teachers' patches will stand on, in place.</summary>
    public void TrainTeacher(TorchBackbone model) =>
        Train(model, teacher: null, "momodistill: teachers' cloud model", _options.NumberOfTeacherEpochs, _run.Random.Fork(2));

    /// <summary>Trains the new cloud model in place.</summary>
    /// <param name="model">The old cloud model's copy.</param>
    /// <param name="teachers">The patched models; null for none.</param>
    public void Train(TorchBackbone model, Teachers? teachers)
    {
        // Random numbers of its own, so that training with and without teachers sees the same batches and negatives.
        CloudTraining.Teacher? teacher = _options.TeacherWeight == 0 || teachers is null ? null : (batch, indices, logits) =>
            Teach(teachers, batch, indices, logits);
        int epochs = Train(model, teacher, "momodistill: cloud model", _options.NumberOfEpochs, _run.Random.Fork(1));
        _run.Cancellation.ThrowIfCancellationRequestedUnless(epochs > 0);
    }

    private int Train(TorchBackbone model, CloudTraining.Teacher? teacher, string stage, int epochs, SeededRandom random)
    {
        CloudTraining.Settings settings = new(
            _options.BatchSize, _options.LearningRate, _options.WeightDecay, _options.NumberOfNegatives, CandidateLoss.BinaryCrossEntropy, _run.Threads);
        using CloudTraining training = new(model, _events, _log, settings, random);
        return _run.RunEpochs(
            stage,
            epochs,
            patience: int.MaxValue,
            (_, report) => (training.RunEpoch(teacher, batch => report((double)batch / training.NumberOfBatches)), null),
            improved: () => { });
    }

    private Tensor Teach(Teachers teachers, TrainingBatch batch, ReadOnlySpan<int> indices, Tensor logits)
    {
        int[] users = new int[indices.Length];
        int[] folds = new int[indices.Length];
        for (int i = 0; i < indices.Length; i++)
        {
            users[i] = _events.Users[indices[i]];
            folds[i] = _folds[indices[i]];
        }

        return teachers.Score(batch, users, folds) is (Tensor teacher, Tensor weights)
            ? (DistillationLoss.KullbackLeibler(teacher, logits) * weights).sum().Times(_options.TeacherWeight / logits.shape[1])
            : zeros(1).sum();
    }
}
