namespace DCCL.ML.Device;

/// <summary>How a <see cref="PatchedSession"/> works.</summary>
/// <remarks>Immutable; as thread-safe as <see cref="PatchSource"/>.</remarks>
public sealed class PatchedSessionOptions
{
    /// <summary>Gets the number of people whose patches are kept in memory; of more, those who came last.</summary>
    /// <value>The default is 10,000. At least 1.</value>
    public int MaximumNumberOfPatches { get; init; } = 10_000;

    /// <summary>Gets what finds the adapter of a person who is not in memory: the bytes of the file, or null if there is none.</summary>
    /// <value>
    /// The default is null: only what <see cref="PatchedSession.Load(string, ReadOnlySpan{byte})"/> was given. May be called by several
    /// threads at once. Its answers are kept, but neither null nor an exception, which is reported as <see cref="PatchRefusal.SourceFailed"/>.
    /// </value>
    public Func<string, byte[]?>? PatchSource { get; init; }

    /// <summary>Gets the number of threads that one call may use.</summary>
    /// <value>The default is 1. At least 1.</value>
    public int NumberOfThreads { get; init; } = 1;
}
