namespace DCCL.Cli.Logs;

/// <summary>What the values of a column look like.</summary>
internal enum ColumnType
{
    /// <summary>Whole numbers.</summary>
    Integer,

    /// <summary>Numbers.</summary>
    Number,

    /// <summary>Dates, perhaps with a time of day.</summary>
    Date,

    /// <summary>True and false.</summary>
    Boolean,

    /// <summary>Anything else.</summary>
    Text,
}
