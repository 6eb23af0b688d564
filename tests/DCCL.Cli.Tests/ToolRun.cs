using System.Text.Json.Nodes;

namespace DCCL.Cli.Tests;

/// <summary>What a verb wrote, and how it ended.</summary>
/// <param name="ExitCode">The exit code.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record ToolRun(int ExitCode, string Output, string Error)
{
    /// <summary>Gets the last line of standard error: the fault, where there is one.</summary>
    public string LastError => Error.TrimEnd().Split('\n')[^1];

    /// <summary>Gets standard output as JSON.</summary>
    public JsonNode Json => JsonNode.Parse(Output)!;

    /// <summary>Runs a verb in this process.</summary>
    public static ToolRun Of(params string[] args) => Of(CancellationToken.None, args);

    /// <summary>Runs a verb in this process.</summary>
    public static ToolRun Of(CancellationToken cancellation, params string[] args)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        int exitCode = Tool.Run(args, new ToolConsole(output, error), cancellation);
        return new ToolRun(exitCode, output.ToString(), error.ToString());
    }
}
