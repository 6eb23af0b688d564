using Spectre.Console;
using Spectre.Console.Rendering;

namespace DCCL.Cli;

/// <summary>Tables that fit where they are shown: with borders on a terminal, as Markdown in a file.</summary>
internal static class Tables
{
    private const int NarrowWidth = 60;

    /// <summary>Whether a table has room where results go, without breaking what should stay whole.</summary>
    public static bool Fits(ToolConsole console, Table table) =>
        ((IRenderable)table).Measure(RenderOptions.Create(console.Output), int.MaxValue).Min <= console.Output.Profile.Width;

    /// <summary>Makes a table; all columns but the first are numbers.</summary>
    public static Table Create(ToolConsole console, IReadOnlyList<string> columns, bool hasNumbers = true) =>
        Create(console.Output, [.. columns.Select((column, i) => CreateColumn(column, isNumber: i > 0 && hasNumbers))]);

    /// <summary>Makes a table of numbers that changes while one looks on.</summary>
    public static Table CreateLive(ToolConsole console, IReadOnlyList<string> columns) =>
        Create(console.Error, [.. columns.Select(column => CreateColumn(column, isNumber: true))]);

    // A narrow terminal has no room for lines between columns; numbers stay whole everywhere.
    private static Table Create(IAnsiConsole console, TableColumn[] columns)
    {
        bool isTerminal = console.Profile.Capabilities.Ansi;
        bool isNarrow = isTerminal && console.Profile.Width < NarrowWidth;
        foreach (TableColumn column in isNarrow ? columns : [])
        {
            column.Padding(0, 0, 1, 0);
        }

        return new Table().Border(isNarrow ? TableBorder.Simple : isTerminal ? TableBorder.Rounded : TableBorder.Markdown).AddColumns(columns);
    }

    // Markdown has no right-aligned column of a single character.
    private static TableColumn CreateColumn(string title, bool isNumber)
    {
        TableColumn column = new(Markup.Escape(isNumber ? title.PadLeft(2) : title));
        return isNumber ? column.RightAligned().NoWrap() : column;
    }

    /// <summary>Prints a result.</summary>
    public static void Print(ToolConsole console, Table table)
    {
        if (console.Output.Profile.Capabilities.Ansi)
        {
            console.Output.Write(table);
            return;
        }

        // Spectre puts blank lines around a Markdown table.
        using StringWriter writer = new();
        new ToolConsole(writer, TextWriter.Null).Output.Write(table);
        foreach (string line in writer.ToString().Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0))
        {
            console.WriteLine(line);
        }
    }
}
