using DCCL.Cli.Logs;
using Spectre.Console;

namespace DCCL.Cli.Verbs;

/// <summary>Shows what was found out of a log, and asks where that is not enough.</summary>
internal static class LayoutDialog
{
    private const int CursorWidth = 2;

    /// <summary>Shows a layout, and settles what is open.</summary>
    /// <param name="console">Where to show and ask.</param>
    /// <param name="layout">What was found out.</param>
    /// <param name="asks">Whether somebody is to be asked about what was only guessed.</param>
    /// <param name="cancellation">Ends a question.</param>
    public static LogLayout Settle(ToolConsole console, LogLayout layout, bool asks, CancellationToken cancellation)
    {
        Show(console, layout);
        return Complete(console, layout, asks, cancellation);
    }

    /// <summary>Refuses a layout in which user or item is missing, without a word about one that is whole.</summary>
    public static LogLayout Check(LogLayout layout) => Complete(console: null, layout, asks: false, CancellationToken.None);

    private static LogLayout Complete(ToolConsole? console, LogLayout layout, bool asks, CancellationToken cancellation)
    {
        List<LogColumn> open = [.. layout.Columns.Where(column => !column.IsCertain && column.Role is ColumnRole.User or ColumnRole.Item)];
        if (asks && console is { IsInteractive: true } && open.Count > 0)
        {
            layout = Ask(console, layout, ColumnRole.User, "Which column says who?", cancellation);
            layout = Ask(console, layout, ColumnRole.Item, "Which column says what?", cancellation);
        }

        foreach (ColumnRole role in new[] { ColumnRole.User, ColumnRole.Item })
        {
            if (layout.Find(role) is null)
            {
                throw ToolException.BadInput(
                    $"The log '{layout.Path}' must have a column that says {(role == ColumnRole.User ? "who" : "what")}, but none of "
                    + $"{string.Join(", ", layout.Columns.Select(column => $"'{column.Name}'"))} is free for it. Name it with --{role.ToString().ToLowerInvariant()}.");
            }
        }

        return layout;
    }

    private static void Show(ToolConsole console, LogLayout layout)
    {
        console.Note($"{layout.Path}: {layout.DelimiterName} between columns, {(layout.HasHeader ? "with a header" : "without a header")}");
        int width = layout.Columns.Max(column => column.Name.Length);
        foreach (LogColumn column in layout.Columns)
        {
            string role = column.Role switch
            {
                ColumnRole.Ignored => "not used",
                ColumnRole.Rating when layout.PositiveRating is double rating => FormattableString.Invariant($"rating, positive from {rating} on"),
                ColumnRole.Rating => "rating, not used: every event is positive (--rating uses it)",
                _ => column.Role.ToString().ToLowerInvariant(),
            };
            console.Note($"  {column.Name.PadRight(width)}  {column.Type.ToString().ToLowerInvariant(),-7}  {role}{(column.Why.Length > 0 ? $" ({column.Why})" : "")}");
        }

        if (layout.Time is null)
        {
            console.Note("  no time: the order of the rows counts");
        }
    }

    private static string Describe(LogColumn column, int width)
    {
        string text = ToolConsole.Escape($"{column.Name} ({column.Type.ToString().ToLowerInvariant()}: {column.Examples})");
        return text.Length <= width ? text : $"{text[..Math.Max(0, width - 4)]}...)";
    }

    private static LogLayout Ask(ToolConsole console, LogLayout layout, ColumnRole role, string question, CancellationToken cancellation)
    {
        LogColumn? guess = layout.Find(role);
        if (guess is { IsCertain: true })
        {
            return layout;
        }

        LogColumn[] choices = [.. layout.Columns.Where(column => column.Role is ColumnRole.Ignored || column.Role == role || !column.IsCertain).OrderBy(column => column != guess)];
        SelectionPrompt<LogColumn> prompt = new SelectionPrompt<LogColumn>()
            .Title(question)
            .UseConverter(column => Markup.Escape(Describe(column, console.Error.Profile.Width - CursorWidth)))
            .AddChoices(choices);
        LogColumn answer;
        try
        {
            answer = prompt.ShowAsync(console.Error, cancellation).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            console.Note(""); // the prompt ends within a line
            throw;
        }
        finally
        {
            console.Error.Cursor.Show(true); // the prompt hides it, and shows it again only after an answer
        }

        console.Note($"{question} {answer.Name}"); // the prompt leaves nothing behind
        LogColumn[] columns = [.. layout.Columns.Select(column =>
            column == answer ? column with { Role = role, Why = "you say so", IsCertain = true }
            : column == guess ? column with { Role = answer.Role, Why = "" }
            : column)];
        return layout with { Columns = columns };
    }
}
