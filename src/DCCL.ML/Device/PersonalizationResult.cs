namespace DCCL.ML.Device;

/// <summary>What came of learning.</summary>
/// <param name="Status">Whether there is a new patch, and if not, why.</param>
/// <param name="NumberOfEvents">The number of new events.</param>
/// <param name="Gain">
/// The mean gain on the held-back events: less cross-entropy where events have labels, else <c>1 / log2(1 + rank)</c>.
/// </param>
public sealed record PersonalizationResult(PersonalizationStatus Status, int NumberOfEvents, double Gain);
