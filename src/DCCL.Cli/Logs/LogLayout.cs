using DCCL.ML.Data;

namespace DCCL.Cli.Logs;

/// <summary>How a log is written, and what its columns mean.</summary>
/// <param name="Path">The path of the file.</param>
/// <param name="Delimiter">The character between fields.</param>
/// <param name="HasHeader">Whether the first line names the columns.</param>
/// <param name="Columns">The columns, in their order.</param>
/// <param name="PositiveRating">The smallest positive rating; null where ratings are not used.</param>
internal sealed record LogLayout(string Path, char Delimiter, bool HasHeader, IReadOnlyList<LogColumn> Columns, double? PositiveRating)
{
    /// <summary>The name of the column of users in what ML.NET reads.</summary>
    public const string UserColumnName = "UserId";

    /// <summary>The name of the column of items in what ML.NET reads.</summary>
    public const string ItemColumnName = "ItemId";

    /// <summary>The name of the column of times in what ML.NET reads.</summary>
    public const string TimeColumnName = "Timestamp";

    /// <summary>The name of the column of labels in what ML.NET reads.</summary>
    public const string LabelColumnName = "Label";

    /// <summary>Gets who.</summary>
    public LogColumn User => Find(ColumnRole.User)!;

    /// <summary>Gets what.</summary>
    public LogColumn Item => Find(ColumnRole.Item)!;

    /// <summary>Gets when.</summary>
    public LogColumn? Time => Find(ColumnRole.Time);

    /// <summary>Gets a value indicating whether times are dates instead of numbers.</summary>
    public bool HasDates => Time?.Type == ColumnType.Date;

    /// <summary>Gets the column that tells positive events from negative ones; null if all are positive.</summary>
    public LogColumn? Feedback => Find(ColumnRole.Label) ?? (PositiveRating is null ? null : Find(ColumnRole.Rating));

    /// <summary>Gets the columns as the trainers know them, before ids are mapped to keys.</summary>
    public InteractionColumns InteractionColumns => new(
        UserColumnName, ItemColumnName, Time is null ? null : TimeColumnName, Feedback is null ? null : LabelColumnName);

    /// <summary>Gets the columns as the trainers know them, after ids are mapped to keys.</summary>
    public InteractionColumns KeyedColumns => InteractionColumns with { UserColumnName = "User", ItemColumnName = "Item" };

    /// <summary>Gets the name of the delimiter.</summary>
    public string DelimiterName => GetName(Delimiter);

    /// <summary>Gets a column by what it means.</summary>
    public LogColumn? Find(ColumnRole role) => Columns.FirstOrDefault(column => column.Role == role);

    /// <summary>Gets a word for a delimiter.</summary>
    public static string GetName(char delimiter) => delimiter switch
    {
        '\t' => "tab",
        ',' => "comma",
        ';' => "semicolon",
        '|' => "bar",
        _ => $"'{delimiter}'",
    };
}
