using Microsoft.ML;

namespace DCCL.Benchmarks.Evidence;

/// <summary>What a method is trained with.</summary>
/// <param name="Ml">The context.</param>
/// <param name="Data">What to learn from.</param>
/// <param name="Models">The models of DCCL's stages.</param>
/// <param name="Options">The run.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Users">The users who will be tested, ascending: whoever trains one model for each user need not do it for others.</param>
/// <param name="Cancellation">Ends the training.</param>
internal sealed record MethodContext(
    MLContext Ml, TrainingData Data, StageModels Models, EvidenceOptions Options, int Seed, IReadOnlyList<int> Users, CancellationToken Cancellation);
