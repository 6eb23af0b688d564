namespace DCCL.Cli.Logs;

/// <summary>The first lines of a file, cut into fields, and how that was done.</summary>
/// <param name="Delimiter">The character between fields.</param>
/// <param name="Rows">The fields of the first lines.</param>
internal sealed record LogSample(char Delimiter, IReadOnlyList<string[]> Rows)
{
    private const int NumberOfRows = 300;
    private static readonly char[] _delimiters = ['\t', ',', ';', '|'];

    /// <summary>Reads the first lines with the delimiter that cuts most of them into equally many fields.</summary>
    public static LogSample Read(string path, char? delimiter)
    {
        if (Directory.Exists(path))
        {
            throw ToolException.BadInput($"The log '{path}' must be a file, but is a folder. Name the file in it.");
        }

        if (!File.Exists(path))
        {
            string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            string? nearest = Directory.Exists(folder)
                ? ColumnNames.FindNearest(Path.GetFileName(path), Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file)))
                : null;
            throw ToolException.BadInput(
                $"The log '{path}' must be a file, but there is none. "
                + (nearest is null ? $"Relative paths start from '{Directory.GetCurrentDirectory()}'." : $"Did you mean '{nearest}'?"));
        }

        string[] lines = [.. LogLines.Read(path).Where(line => line.Length > 0).Take(NumberOfRows)];
        if (lines.Length == 0)
        {
            throw ToolException.BadInput($"The log '{path}' must have events, but is empty. Name the file that has them.");
        }

        if (lines[0].Contains('\0', StringComparison.Ordinal))
        {
            throw ToolException.BadInput($"The log '{path}' must be text, but is something else. Save it as CSV in UTF-8.");
        }

        char[] candidates = delimiter is char given ? [given] : _delimiters;
        LogSample best = candidates.Select(candidate => new LogSample(candidate, Cut(lines, candidate))).MaxBy(sample => sample.Score)!;
        return best.Rows.Count > 0
            ? best
            : throw ToolException.BadInput($"The log '{path}' must have rows that can be read, but in all of the first {lines.Length} lines a quote is not closed. Save it as CSV again.");
    }

    // The number of rows with the most usual number of fields, and then that number; a single field is no table at all.
    private (int Rows, int Fields) Score => Rows
        .Where(row => row.Length > 1)
        .GroupBy(row => row.Length)
        .Select(group => (group.Count(), group.Key))
        .DefaultIfEmpty((0, 0))
        .Max();

    private static List<string[]> Cut(string[] lines, char delimiter)
    {
        using LogRows reader = new(lines, delimiter);
        List<string[]> rows = [];
        while (reader.Read())
        {
            if (reader.Fault is null)
            {
                rows.Add(reader.Fields);
            }
        }

        return rows;
    }
}
