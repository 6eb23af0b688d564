using DCCL.Trainers.Torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MoMoDistill;

/// <summary>The patched models of all users: a batch is scored with each row's own patch.</summary>
/// <remarks>Scoring is thread-safe.</remarks>
internal interface ITeachers
{
    /// <summary>The teachers' logits, and their weights.</summary>
    /// <param name="batch">The events.</param>
    /// <param name="users">Each event's user.</param>
    /// <param name="folds">Each event's fold; -1 for the cloud's events, on which nobody teaches.</param>
    /// <returns>[events, candidates] and [events, 1], or null if none of the users teaches.</returns>
    (Tensor Logits, Tensor Weights)? Score(TrainingBatch batch, ReadOnlySpan<int> users, ReadOnlySpan<int> folds);
}
