namespace DCCL.Cli.Logs;

/// <summary>What the command line says of a log; null where it is to be found out.</summary>
internal sealed record LogOptions
{
    /// <summary>Gets the path of the log.</summary>
    public required string Path { get; init; }

    /// <summary>Gets the character between fields.</summary>
    public char? Delimiter { get; init; }

    /// <summary>Gets whether the first line names the columns.</summary>
    public bool? HasHeader { get; init; }

    /// <summary>Gets the columns by what they mean: a name, or a number from 1.</summary>
    public IReadOnlyDictionary<ColumnRole, string> Columns { get; init; } = new Dictionary<ColumnRole, string>();

    /// <summary>Gets the smallest positive rating.</summary>
    public double? PositiveRating { get; init; }

    /// <summary>Gets a value indicating whether the first unreadable row is a fault.</summary>
    public bool IsStrict { get; init; }
}
