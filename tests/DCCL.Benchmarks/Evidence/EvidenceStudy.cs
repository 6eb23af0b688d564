using DCCL.ML.Data;

namespace DCCL.Benchmarks.Evidence;

/// <summary>A log that has been cut: what methods may learn from, and, apart from it, the test.</summary>
/// <param name="Fold">The number of the fold, from 1; 1 where there is only one.</param>
/// <param name="Training">What methods get to see.</param>
/// <param name="Test">The test events, which only the evaluator gets to see.</param>
/// <param name="Description">How the log was cut.</param>
internal sealed record EvidenceStudy(int Fold, TrainingData Training, InteractionLog Test, string Description);
