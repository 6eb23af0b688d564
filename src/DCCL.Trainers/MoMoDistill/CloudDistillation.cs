using DCCL.ML.Data;
using DCCL.Trainers.Torch;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MoMoDistill;

/// <summary>Stage 1: trains the cloud model on, towards the patched models as teachers.</summary>
internal sealed class CloudDistillation(TrainingRun run, MoMoDistillEstimator.Options options)
{
    /// <summary>Trains a model in place.</summary>
    /// <param name="model">The old cloud model's copy.</param>
    /// <param name="events">All events.</param>
    /// <param name="log">What users have seen, for the negatives.</param>
    /// <param name="plan">Which of the events to learn from.</param>
    /// <param name="teachers">The patched models; null for none.</param>
    public void Train(TorchBackbone model, EventTable events, InteractionLog log, DistillationPlan plan, Teachers? teachers)
    {
        EventTable selected = events.Select(plan.StageOne);
        int[] folds = [.. plan.StageOne.Select(index => plan.Folds[index])];
        CloudTraining.Settings settings = new(
            options.BatchSize, options.LearningRate, options.WeightDecay, options.NumberOfNegatives, CandidateLoss.BinaryCrossEntropy, run.Threads);

        // Random numbers of its own, so that training with and without teachers sees the same batches and negatives.
        using CloudTraining training = new(model, selected, log, settings, run.Random.Fork(1));
        CloudTraining.Teacher? teacher = options.TeacherWeight == 0 || teachers is null ? null : (batch, indices, logits) =>
            Teach(teachers, selected, folds, batch, indices, logits);
        int epochs = run.RunEpochs(
            "momodistill: cloud model",
            options.NumberOfEpochs,
            patience: int.MaxValue,
            (_, report) => (training.RunEpoch(teacher, batch => report((double)batch / training.NumberOfBatches)), null),
            improved: () => { });
        run.Cancellation.ThrowIfCancellationRequestedUnless(epochs > 0);
    }

    private Tensor Teach(
        Teachers teachers, EventTable events, int[] folds, TrainingBatch batch, ReadOnlySpan<int> indices, Tensor logits)
    {
        int[] users = new int[indices.Length];
        int[] eventFolds = new int[indices.Length];
        for (int i = 0; i < indices.Length; i++)
        {
            users[i] = events.Users[indices[i]];
            eventFolds[i] = folds[indices[i]];
        }

        return teachers.Score(batch, users, eventFolds) is (Tensor teacher, Tensor weights)
            ? (DistillationLoss.KullbackLeibler(teacher, logits) * weights).sum() * (options.TeacherWeight / logits.shape[1])
            : zeros(1).sum();
    }
}
