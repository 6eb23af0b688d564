namespace DCCL.Trainers;

/// <summary>A training cannot go on from a checkpoint: the file is damaged, of another run, or of another version. Nothing was trained.</summary>
/// <remarks>The message names the file, what was expected and found, and the remedy.</remarks>
public sealed class CheckpointException : Exception
{
    internal CheckpointException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
