namespace DCCL.Trainers;

/// <summary>How a trainer runs, as opposed to what it learns: seed, threads, progress, cancellation.</summary>
/// <remarks>Immutable and thread-safe, if <see cref="Progress"/> is.</remarks>
public sealed class TrainingRunOptions
{
    /// <summary>Gets the seed of all random numbers of the run.</summary>
    /// <value>The default is 1. The same seed, data, options and number of threads on the same machine give the same model, byte by byte.</value>
    public int Seed { get; init; } = 1;

    /// <summary>Gets the number of threads for libtorch and ONNX Runtime alike.</summary>
    /// <value>The default is 0, which means one per processor. At least 0.</value>
    public int NumberOfThreads { get; init; }

    /// <summary>Gets what is told of the run's progress, next to ML.NET's log; null for nobody.</summary>
    /// <value>The default is null.</value>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>
    /// Gets the token that ends the run early. A run that has something to return returns the best model so far; one that has
    /// not throws <see cref="OperationCanceledException"/>.
    /// </summary>
    /// <value>The default never cancels.</value>
    public CancellationToken CancellationToken { get; init; }

    internal int Threads => NumberOfThreads > 0 ? NumberOfThreads : Environment.ProcessorCount;
}
