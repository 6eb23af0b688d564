namespace DCCL.Cli;

/// <summary>What the process says to a script when it ends. <c>dccl --help</c> lists them.</summary>
internal static class ExitCode
{
    /// <summary>Done. A training that was interrupted and kept its best epoch counts as done, and says so.</summary>
    public const int Success = 0;

    /// <summary>The machine lacks something: a native library, memory, a setting that <c>doctor</c> found wrong.</summary>
    public const int Environment = 1;

    /// <summary>The command line or the data are not as they must be.</summary>
    public const int BadInput = 2;

    /// <summary>Something cannot be written, or exists and must not be overwritten.</summary>
    public const int Output = 3;

    /// <summary>A model, a checkpoint or another artefact is missing, damaged, or does not fit.</summary>
    public const int BadModel = 4;

    /// <summary>A fault of the tool itself.</summary>
    public const int Fault = 70;

    /// <summary>Interrupted before there was anything to keep.</summary>
    public const int Cancelled = 130;
}
