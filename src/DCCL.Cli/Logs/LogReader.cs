namespace DCCL.Cli.Logs;

/// <summary>Reads the events of a log, and counts the rows that are none.</summary>
/// <remarks>
/// A row may have more fields than there are columns, or fewer, as long as it has those that are used. So may a row over several lines, unless one of its further
/// lines could be a row by itself, having enough fields and a time: then stray quotes joined rows.
/// </remarks>
internal sealed class LogReader(LogLayout layout, bool isStrict)
{
    private readonly Dictionary<string, int> _users = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _items = new(StringComparer.Ordinal);
    private readonly List<LogEvent> _events = [];
    private readonly List<(int Line, string Fault)> _examples = [];
    private readonly int _width = layout.Columns.Where(column => column.Role != ColumnRole.Ignored).Max(column => column.Index) + 1;
    private readonly int[] _used = [.. layout.Columns.Where(column => column.Role != ColumnRole.Ignored).Select(column => column.Index)];
    private int _numberOfFaults;

    /// <summary>Reads the file.</summary>
    public EventLog Read(CancellationToken cancellation)
    {
        using LogRows rows = new(LogLines.Read(layout.Path), layout.Delimiter);
        bool isHeader = layout.HasHeader;
        while (rows.Read())
        {
            if (isHeader)
            {
                isHeader = false;
                continue;
            }

            if ((rows.Fault ?? ReadRow(rows)) is string fault)
            {
                Add(rows.Line, IsTorn(rows) ? rows.CutShort() : fault);
            }

            if (_events.Count % 100_000 == 0)
            {
                cancellation.ThrowIfCancellationRequested();
            }
        }

        if (_events.Count == 0 || _numberOfFaults > _events.Count)
        {
            throw ToolException.BadInput(
                $"Most rows of '{layout.Path}' must be events, but {_events.Count} are and {_numberOfFaults} are not"
                + (_examples.Count == 0 ? "" : $" (line {_examples[0].Line}: {_examples[0].Fault})")
                + ". Check --delimiter and the columns.");
        }

        return new EventLog(layout, [.. _users.Keys], [.. _items.Keys], _events, new RowFaults(_numberOfFaults, _examples));
    }

    // Of stray quotes come rows that are joined, or have ids, times and ratings over several lines.
    private bool IsTorn(LogRows row) => IsJoined(row)
        || (row.NumberOfLines > 1 && _used.Any(index => index < row.Count && row[index].Contains('\n', StringComparison.Ordinal)));

    private bool IsJoined(LogRows row) => row.NumberOfLines > 1 && row.Count != layout.Columns.Count && row.FurtherLines.Any(CouldBeRow);

    // Where quoted fields come first the time is in another place.
    private bool CouldBeRow(string line)
    {
        string[] fields = line.Split(layout.Delimiter);
        return fields.Length >= _width && (layout.Time is null || fields.Any(field => TryTime(field.Trim(' ', '"'), out _)));
    }

    private string? ReadRow(LogRows row)
    {
        if (row.Count < _width || IsJoined(row))
        {
            return $"{Words.Count(row.Count, "field")} instead of {layout.Columns.Count}";
        }

        string user = row[layout.User.Index];
        string item = row[layout.Item.Index];
        if (user.Length == 0 || item.Length == 0)
        {
            return user.Length == 0 ? "no user" : "no item";
        }

        double time = 0;
        if (layout.Time is LogColumn timeColumn)
        {
            string value = row[timeColumn.Index];
            if (!TryTime(value, out time))
            {
                return $"the time '{Shorten(value)}' is {(layout.HasDates ? "no date" : "no number from 0 on")}";
            }
        }

        bool isPositive = true;
        if (layout.Feedback is LogColumn feedback)
        {
            string value = row[feedback.Index];
            if (layout.PositiveRating is double rating)
            {
                if (!FieldText.TryNumber(value, out double number))
                {
                    return $"the rating '{Shorten(value)}' is no number";
                }

                isPositive = number >= rating;
            }
            else if (!FieldText.TryTruth(value, out isPositive))
            {
                return $"the label '{Shorten(value)}' is neither true nor false, 1 nor 0";
            }
        }

        _events.Add(new LogEvent(GetNumber(_users, user), GetNumber(_items, item), time, isPositive));
        return null;
    }

    private bool TryTime(string value, out double time)
    {
        if (!layout.HasDates)
        {
            return FieldText.TryNumber(value, out time) && time >= 0;
        }

        bool isDate = FieldText.TryDate(value, out DateTime date);
        time = date.Ticks;
        return isDate;
    }

    private void Add(int line, string fault)
    {
        if (isStrict)
        {
            throw ToolException.BadInput(
                $"Line {line} of '{layout.Path}' must be an event, but is not: {fault}. Correct the line, or leave --strict out and it is skipped and counted.");
        }

        _numberOfFaults++;
        if (_examples.Count < RowFaults.NumberOfExamples)
        {
            _examples.Add((line, fault));
        }
    }

    private static int GetNumber(Dictionary<string, int> ids, string id)
    {
        if (!ids.TryGetValue(id, out int number))
        {
            number = ids.Count;
            ids.Add(id, number);
        }

        return number;
    }

    private static string Shorten(string value) => value.Length <= 20 ? value : value[..20] + "...";
}
