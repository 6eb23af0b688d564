using Spectre.Console;

namespace DCCL.Cli;

/// <summary>Tables that fit where they are shown: with borders on a terminal, as Markdown in a file.</summary>
internal static class Tables
{
    /// <summary>Makes a table; all columns but the first are numbers.</summary>
    public static Table Create(ToolConsole console, IReadOnlyList<string> columns, bool hasNumbers = true)
    {
        Table table = new Table().Border(console.Output.Profile.Capabilities.Ansi ? TableBorder.Rounded : TableBorder.Markdown);
        for (int i = 0; i < columns.Count; i++)
        {
            TableColumn column = new(Markup.Escape(columns[i]));
            table.AddColumn(i > 0 && hasNumbers ? column.RightAligned() : column);
        }

        return table;
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
