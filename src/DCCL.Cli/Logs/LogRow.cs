namespace DCCL.Cli.Logs;

/// <summary>An event as ML.NET reads it; the schema leaves out what a log does not have.</summary>
internal sealed class LogRow
{
    /// <summary>Gets or sets who.</summary>
    public string UserId { get; set; } = "";

    /// <summary>Gets or sets what.</summary>
    public string ItemId { get; set; } = "";

    /// <summary>Gets or sets when, as a number.</summary>
    public double Timestamp { get; set; }

    /// <summary>Gets or sets when, as a date.</summary>
    public DateTime Date { get; set; }

    /// <summary>Gets or sets a value indicating whether the event is positive.</summary>
    public bool Label { get; set; }

    /// <summary>Gets or sets the number of the event in the log, from 0.</summary>
    public int Row { get; set; }
}
