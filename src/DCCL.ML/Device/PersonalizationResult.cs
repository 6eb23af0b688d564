using DCCL.ML.Model;

namespace DCCL.ML.Device;

/// <summary>What came of learning.</summary>
/// <param name="Status">
/// <see cref="PatchStatus.Patched"/>: there is a new patch; <see cref="PatchStatus.Gated"/>: it did not help on held-back events, the old one
/// stays; <see cref="PatchStatus.Cloud"/>: there were too few new events.
/// </param>
/// <param name="NumberOfEvents">The number of new events.</param>
/// <param name="Gain">
/// The mean gain on the held-back events: less cross-entropy where events have labels, else <c>1 / log2(1 + rank)</c>.
/// </param>
public sealed record PersonalizationResult(PatchStatus Status, int NumberOfEvents, double Gain);
