using System.Globalization;

namespace DCCL.Cli.Logs;

/// <summary>Finds out how a log is written and what its columns mean: from options, then names, then values.</summary>
internal static class LayoutGuess
{
    private const double SecondsIn1980 = 3.2e8;
    private const double NanosecondsIn2200 = 7.3e18;
    private const int NumberOfRatings = 21;
    private const int NumberOfExamples = 3;

    /// <summary>Looks at the first lines of a log.</summary>
    /// <returns>The layout; user and item may be missing.</returns>
    public static LogLayout Guess(LogOptions options)
    {
        LogSample sample = LogSample.Read(options.Path, options.Delimiter);
        int width = sample.Rows.GroupBy(row => row.Length).MaxBy(group => group.Count())!.Key;
        if (width < 2)
        {
            string line = string.Concat(sample.Rows[0].First().Take(60));
            throw ToolException.BadInput(
                $"The log '{options.Path}' must have at least two columns, user and item, but its lines look like '{line}'. "
                + "Separate columns by tab, comma, semicolon or bar, or name the --delimiter.");
        }

        string[][] rows = [.. sample.Rows.Where(row => row.Length == width)];
        bool hasHeader = options.HasHeader ?? HasHeader(rows, sample.Rows[0]);
        string[] header = [.. Enumerable.Range(0, width).Select(i =>
            hasHeader && i < sample.Rows[0].Length && sample.Rows[0][i].Trim('\uFEFF').Length > 0
                ? sample.Rows[0][i].Trim('\uFEFF')
                : $"column {i + 1}")];
        string[][] body = hasHeader && rows.Length > 0 && ReferenceEquals(rows[0], sample.Rows[0]) ? rows[1..] : rows;
        if (body.Length == 0)
        {
            throw ToolException.BadInput($"The log '{options.Path}' must have events, but has only a header. Name the file that has them.");
        }

        string[][] values = [.. Enumerable.Range(0, width).Select(i => body.Select(row => row[i]).ToArray())];
        LogColumn[] columns = [.. values.Select((column, i) => new LogColumn(
            i, header[i], FieldText.GetType(column), ColumnRole.Ignored, "", true, string.Join(", ", column.Where(value => value.Length > 0).Distinct().Take(NumberOfExamples))))];
        AssignByOptions(options, columns);
        AssignByNames(columns);
        AssignByValues(columns, values);
        LogLayout layout = new(options.Path, sample.Delimiter, hasHeader, columns, PositiveRating: null);
        return WithRatings(layout, options, values);
    }

    // The first line differs from the others: a word above numbers, or names that are known.
    private static bool HasHeader(string[][] rows, string[] first)
    {
        if (first.Any(field => FieldText.TryNumber(field, out _) || FieldText.TryDate(field, out _)))
        {
            return false;
        }

        return first.Any(field => ColumnNames.GetRole(field.Trim('\uFEFF')) != ColumnRole.Ignored)
            || Enumerable.Range(0, rows[0].Length).Any(i => FieldText.GetType([.. rows.Skip(1).Select(row => row[i])]) != ColumnType.Text);
    }

    private static void AssignByOptions(LogOptions options, LogColumn[] columns)
    {
        foreach ((ColumnRole role, string name) in options.Columns)
        {
            int index = Array.FindIndex(columns, column => column.Name == name);
            index = index >= 0 ? index : Array.FindIndex(columns, column => string.Equals(column.Name, name, StringComparison.OrdinalIgnoreCase));
            if (index < 0 && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= 1 && number <= columns.Length)
            {
                index = number - 1;
            }

            string option = $"--{role.ToString().ToLowerInvariant()}";
            if (index < 0)
            {
                string? nearest = ColumnNames.FindNearest(name, columns.Select(column => column.Name));
                throw ToolException.BadInput(
                    $"The column '{name}' of {option} must be in '{options.Path}', but that has {string.Join(", ", columns.Select(column => $"'{column.Name}'"))}. "
                    + (nearest is null ? "Name one of these, or its number." : $"Did you mean '{nearest}'?"));
            }

            if (columns[index].Role != ColumnRole.Ignored)
            {
                throw ToolException.BadInput(
                    $"The column '{name}' must mean one thing, but is both --{columns[index].Role.ToString().ToLowerInvariant()} and {option}. Name another one.");
            }

            columns[index] = columns[index] with { Role = role, Why = $"{option} says so" };
        }
    }

    private static void AssignByNames(LogColumn[] columns)
    {
        for (int i = 0; i < columns.Length; i++)
        {
            ColumnRole role = ColumnNames.GetRole(columns[i].Name);
            bool isFit = role switch
            {
                ColumnRole.Ignored => false,
                ColumnRole.Time => columns[i].Type is ColumnType.Integer or ColumnType.Number or ColumnType.Date,
                ColumnRole.Rating => columns[i].Type is ColumnType.Integer or ColumnType.Number,
                ColumnRole.Label => columns[i].Type != ColumnType.Text && columns[i].Type != ColumnType.Date,
                _ => true,
            };
            if (columns[i].Role == ColumnRole.Ignored && isFit && columns.All(column => column.Role != role))
            {
                columns[i] = columns[i] with { Role = role, Why = "by its name" };
            }
        }
    }

    private static void AssignByValues(LogColumn[] columns, string[][] values)
    {
        void Assign(ColumnRole role, string why, Func<int, bool> isFit)
        {
            int index = columns.Any(column => column.Role == role)
                ? -1
                : Array.FindIndex(columns, column => column.Role == ColumnRole.Ignored && isFit(column.Index));
            if (index >= 0)
            {
                columns[index] = columns[index] with { Role = role, Why = why, IsCertain = false };
            }
        }

        Assign(ColumnRole.Time, "dates", i => columns[i].Type == ColumnType.Date);
        Assign(ColumnRole.Time, "numbers as large as times since 1970", i => IsTime(columns[i].Type, values[i]));
        if (!columns.Any(column => column.Role == ColumnRole.Label))
        {
            Assign(ColumnRole.Rating, "few different numbers", i => i > 0 && IsRating(columns[i].Type, values[i]));
        }

        Assign(ColumnRole.User, "the first column left", _ => true);
        Assign(ColumnRole.Item, "the next column left", _ => true);
    }

    private static bool IsTime(ColumnType type, string[] values) => type is ColumnType.Integer or ColumnType.Number
        && values.Count(value => FieldText.TryNumber(value, out double number) && number is >= SecondsIn1980 and <= NanosecondsIn2200) >= 0.95 * values.Length;

    private static bool IsRating(ColumnType type, string[] values)
    {
        double[] numbers = [.. values.Where(value => FieldText.TryNumber(value, out _)).Select(value => double.Parse(value, CultureInfo.InvariantCulture))];
        return type is ColumnType.Integer or ColumnType.Number
            && numbers.Length >= 2 * NumberOfRatings && numbers.Max() <= 100 && numbers.Min() >= -10
            && numbers.Distinct().Count() is > 1 and <= NumberOfRatings;
    }

    // A rating is used where somebody asks for it: what people choose is learnt best from all that they chose.
    private static LogLayout WithRatings(LogLayout layout, LogOptions options, string[][] values)
    {
        LogColumn? rating = layout.Find(ColumnRole.Rating);
        if (options.PositiveRating is not null && rating is null)
        {
            throw ToolException.BadInput(
                $"--positive-rating needs a column of ratings, but '{layout.Path}' has none that looks like it. Name it with --rating, or leave the option out.");
        }

        if (rating is null || (options.PositiveRating is null && !options.Columns.ContainsKey(ColumnRole.Rating)))
        {
            return layout;
        }

        if (layout.Find(ColumnRole.Label) is LogColumn label)
        {
            throw ToolException.BadInput($"A log must have ratings or labels, but '{rating.Name}' and '{label.Name}' are both to be used. Leave one out.");
        }

        double[] numbers = [.. values[rating.Index].Where(value => FieldText.TryNumber(value, out _)).Select(value => double.Parse(value, CultureInfo.InvariantCulture))];
        if (numbers.Length == 0)
        {
            throw ToolException.BadInput($"The column '{rating.Name}' of --rating must hold numbers, but holds text. Name another one.");
        }

        // Four of five, seven of ten.
        return layout with { PositiveRating = options.PositiveRating ?? numbers.Where(number => number >= 0.7 * numbers.Max()).Min() };
    }
}
