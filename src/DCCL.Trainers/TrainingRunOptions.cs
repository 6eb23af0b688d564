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

    /// <summary>Gets the path of a file that holds the state of the training after each epoch; null for none.</summary>
    /// <remarks>
    /// <para>
    /// Where the file exists, the training goes on from it: killed at any moment and started again with the same options and data, it ends with the model
    /// that it would have ended with, byte by byte on the same machine. The file stays when <c>Fit</c> returns, so that nothing is lost before the model is
    /// saved: delete it then. Going on from the file of a training that is over gives its model at once.
    /// <see cref="Progress"/> is told of the epochs that were done before, too. The folder must exist; the file is some
    /// four times as large as the model, written aside and renamed. Two runs at a time must not have the same path.
    /// </para>
    /// <para>
    /// <see cref="DinTrainer"/> and <see cref="SasRecTrainer"/> keep one, and <see cref="CollaborativeTrainer"/> for its cloud model. A file that is damaged, of other
    /// options, data or versions of the libraries is refused with a <see cref="CheckpointException"/>. One that cannot be written after the first
    /// epoch or later is a warning, and the training goes on.
    /// </para>
    /// </remarks>
    /// <value>The default is null.</value>
    public string? CheckpointPath { get; init; }

    internal int Threads => NumberOfThreads > 0 ? NumberOfThreads : Environment.ProcessorCount;
}
