namespace DCCL.ML.Data;

/// <summary>One row of the log of <see cref="SyntheticDeviceCloud"/>.</summary>
public sealed class SyntheticEvent
{
    /// <summary>Gets or sets the user's id.</summary>
    public string UserId { get; set; } = string.Empty;

    /// <summary>Gets or sets the item's id.</summary>
    public string ItemId { get; set; } = string.Empty;

    /// <summary>Gets or sets the time, in seconds since 1970.</summary>
    public long Timestamp { get; set; }

    /// <summary>Gets or sets a value indicating whether the user took the item; always true where there are no labels.</summary>
    public bool Label { get; set; }

    /// <summary>Gets or sets what is known of the user.</summary>
    public float[] Profile { get; set; } = [];
}
