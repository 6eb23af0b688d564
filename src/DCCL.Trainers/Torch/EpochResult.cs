namespace DCCL.Trainers.Torch;

/// <summary>What an epoch came to.</summary>
/// <param name="Loss">The mean loss.</param>
/// <param name="Metric">The validation metric, higher is better; null if there is none.</param>
internal readonly record struct EpochResult(double Loss, double? Metric);
