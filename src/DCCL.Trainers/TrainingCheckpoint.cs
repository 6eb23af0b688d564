using DCCL.Trainers.Checkpoints;
using DCCL.Trainers.Torch;

namespace DCCL.Trainers;

/// <summary>What the file of <see cref="TrainingRunOptions.CheckpointPath"/> says of the training whose state it holds.</summary>
/// <remarks>Immutable and thread-safe. To go on from the file, train with its path.</remarks>
public sealed class TrainingCheckpoint
{
    private TrainingCheckpoint(string run, List<EpochResult> epochs, TimeSpan elapsed)
    {
        Run = RunDescription.Parse(run);
        Losses = [.. epochs.Select(epoch => epoch.Loss)];
        ValidationMetrics = [.. epochs.Select(epoch => epoch.Metric)];
        Elapsed = elapsed;
    }

    /// <summary>Gets all that the training depends on, by name.</summary>
    /// <remarks>
    /// "trainer", the trainer's options by their names, "seed", "number of threads", the SHA-256 of "log" and, where there is one, of "validation log", the fingerprint
    /// of "previous model" or "none", and the builds of the libraries by theirs. Only a run with the same values goes on from the file.
    /// </remarks>
    public IReadOnlyDictionary<string, string> Run { get; }

    /// <summary>Gets the mean loss of each epoch that is done.</summary>
    public IReadOnlyList<double> Losses { get; }

    /// <summary>Gets the metric that early stopping watches, of each epoch that is done; null where there is none. <see cref="TrainingProgress"/> says which.</summary>
    public IReadOnlyList<double?> ValidationMetrics { get; }

    /// <summary>Gets the time that the training took until then, in all processes that took part in it.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The path of the file.</param>
    /// <exception cref="CheckpointException">The file is damaged or of another version.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static TrainingCheckpoint Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        TrainingCheckpoint? read = null;
        Checkpoint.Read(path, (run, stream) =>
        {
            List<EpochResult> epochs = [];
            TimeSpan elapsed = CloudState.TransferProgress(new CheckpointState(stream), epochs, TimeSpan.Zero);
            read = new TrainingCheckpoint(run, epochs, elapsed);
        });
        return read!;
    }
}
