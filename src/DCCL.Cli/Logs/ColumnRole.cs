namespace DCCL.Cli.Logs;

/// <summary>What a column of a log means.</summary>
internal enum ColumnRole
{
    /// <summary>Nothing that is used.</summary>
    Ignored,

    /// <summary>Who.</summary>
    User,

    /// <summary>What.</summary>
    Item,

    /// <summary>When; without it the order of the rows counts.</summary>
    Time,

    /// <summary>How much somebody liked it, as a number.</summary>
    Rating,

    /// <summary>Whether it was taken or refused.</summary>
    Label,
}
