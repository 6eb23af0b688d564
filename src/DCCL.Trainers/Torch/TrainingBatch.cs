using TorchSharp;

namespace DCCL.Trainers.Torch;

/// <summary>A mini-batch: some histories, each with the same number of candidate items.</summary>
/// <remarks>The tensors belong to the dispose scope in which the batch was made.</remarks>
/// <param name="Items">Item key values, int64 [groups, candidates].</param>
/// <param name="History">Item key values, most recent first, 0 = padding, int64 [groups, length].</param>
/// <param name="Lengths">Position of the last item in each history, plus one [groups].</param>
/// <param name="Profiles">float32 [groups, profile], or null if the model has no profile input.</param>
internal sealed record TrainingBatch(torch.Tensor Items, torch.Tensor History, int[] Lengths, torch.Tensor? Profiles);
