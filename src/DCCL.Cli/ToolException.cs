namespace DCCL.Cli;

/// <summary>Ends a verb with one line on standard error: what must be, what is, and what to do.</summary>
internal sealed class ToolException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Gets the exit code of the process.</summary>
    public int ExitCode { get; } = exitCode;

    /// <summary>Data or options are not as they must be.</summary>
    public static ToolException BadInput(string message, Exception? inner = null) => new(Cli.ExitCode.BadInput, message, inner);

    /// <summary>Something cannot be written.</summary>
    public static ToolException Output(string message, Exception? inner = null) => new(Cli.ExitCode.Output, message, inner);

    /// <summary>An artefact is missing, damaged, or does not fit.</summary>
    public static ToolException BadModel(string message, Exception? inner = null) => new(Cli.ExitCode.BadModel, message, inner);
}
