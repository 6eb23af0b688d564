using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace DCCL.Cli;

/// <summary>Where a verb writes: results to one stream, everything else to the other. Neither has colour where it is no terminal.</summary>
internal sealed class ToolConsole
{
    private const int WidthOfFiles = 160;

    // Files are read by people as well: no \u escapes for what needs none.
    private static readonly JsonSerializerOptions _json = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <param name="output">Receives results.</param>
    /// <param name="error">Receives progress, warnings and faults.</param>
    /// <param name="isOutputTerminal">Whether somebody looks at the results as they come.</param>
    /// <param name="isErrorTerminal">Whether somebody looks at the progress as it comes.</param>
    /// <param name="isInteractive">Whether somebody is there to answer.</param>
    public ToolConsole(TextWriter output, TextWriter error, bool isOutputTerminal = false, bool isErrorTerminal = false, bool isInteractive = false)
    {
        Output = Create(output, isOutputTerminal);
        Error = Create(error, isErrorTerminal);
        IsLive = isErrorTerminal && Error.Profile.Capabilities.Ansi;
        IsInteractive = isInteractive && isErrorTerminal;
    }

    /// <summary>Gets where results go.</summary>
    public IAnsiConsole Output { get; }

    /// <summary>Gets where progress and questions go.</summary>
    public IAnsiConsole Error { get; }

    /// <summary>Gets a value indicating whether progress can be a table that changes.</summary>
    public bool IsLive { get; }

    /// <summary>Gets a value indicating whether questions can be asked.</summary>
    public bool IsInteractive { get; }

    /// <summary>The console of this process.</summary>
    public static ToolConsole OfProcess() => new(
        Console.Out, Console.Error, !Console.IsOutputRedirected, !Console.IsErrorRedirected, !Console.IsInputRedirected);

    /// <summary>Writes a result.</summary>
    public void WriteLine(FormattableString line) => WriteLine(FormattableString.Invariant(line));

    /// <summary>Writes a result.</summary>
    public void WriteLine(string line) => WriteLines(Output, line);

    /// <summary>Writes a result for a program: as it is, however wide the terminal.</summary>
    public void WriteVerbatim(string text) => Output.Profile.Out.Writer.WriteLine(text);

    /// <summary>Writes a note to whoever looks on.</summary>
    public void Note(FormattableString line) => Note(FormattableString.Invariant(line));

    /// <summary>Writes a note to whoever looks on.</summary>
    public void Note(string line) => WriteLines(Error, line);

    /// <summary>Says at once that somebody interrupts, where no table shows the work; until that is disposed.</summary>
    public CancellationTokenRegistration NoteInterruption(CancellationToken cancellation) => cancellation.Register(() => Note(Words.Interrupted));

    /// <summary>Writes a result for another program.</summary>
    public void WriteJson(JsonNode json) => WriteVerbatim(json.ToJsonString(_json));

    /// <summary>The text of a JSON file.</summary>
    public static string ToText(JsonNode json) => json.ToJsonString(_json) + "\n";

    /// <summary>Breaks a line between words, each part indented as the line is; a word that is longer stays whole.</summary>
    public static IEnumerable<string> Wrap(string line, int width)
    {
        string indent = line[..^line.TrimStart().Length];
        string rest = line;
        while (rest.Length > width)
        {
            int end = rest.LastIndexOf(' ', width);
            end = end > indent.Length ? end : rest.IndexOf(' ', indent.Length);
            if (end < 0)
            {
                break;
            }

            yield return rest[..end].TrimEnd();
            rest = indent + rest[end..].TrimStart();
        }

        yield return rest;
    }

    /// <summary>Shows control characters of what others wrote by their codes: a terminal would obey them.</summary>
    public static string Escape(string text) => text.Any(IsDangerous)
        ? string.Concat(text.Select(character => IsDangerous(character) ? $"\\u{(int)character:x4}" : character.ToString()))
        : text;

    private static bool IsDangerous(char character) => char.IsControl(character) && character is not ('\n' or '\t');

    // A file gets each line as it is.
    private static void WriteLines(IAnsiConsole console, string line)
    {
        line = Escape(line);
        foreach (string part in console.Profile.Capabilities.Ansi ? Wrap(line, console.Profile.Width) : [line])
        {
            console.Profile.Out.Writer.WriteLine(part);
        }
    }

    private static IAnsiConsole Create(TextWriter writer, bool isTerminal)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!isTerminal)
        {
            console.Profile.Width = WidthOfFiles;
        }

        return console;
    }
}
