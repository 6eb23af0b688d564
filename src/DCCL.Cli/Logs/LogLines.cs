using System.Text;

namespace DCCL.Cli.Logs;

/// <summary>The lines of a log that must be text: UTF-8, or what its byte order mark says.</summary>
internal static class LogLines
{
    // Stands for bytes that are none of UTF-8; a code that Unicode keeps free of any character.
    private const char Fault = '\uFFFF';

    private static readonly Encoding _encoding = Encoding.GetEncoding(
        "utf-8", EncoderFallback.ReplacementFallback, new DecoderReplacementFallback(Fault.ToString()));

    /// <summary>Reads a file line by line.</summary>
    /// <exception cref="ToolException">A line is not UTF-8.</exception>
    public static IEnumerable<string> Read(string path)
    {
        using StreamReader reader = new(path, _encoding);
        for (int number = 1; reader.ReadLine() is string line; number++)
        {
            yield return line.Contains(Fault, StringComparison.Ordinal)
                ? throw ToolException.BadInput($"The log '{path}' must be UTF-8, but line {number} is not. Save it as CSV in UTF-8.")
                : line;
        }
    }
}
