namespace DCCL.Benchmarks.Evidence.Personal;

/// <summary>A row of a raw log, to hand a single user's rows to a trainer.</summary>
internal sealed class DeviceRow
{
    public string UserId { get; set; } = "";

    public string ItemId { get; set; } = "";

    public double Timestamp { get; set; }

    public float Rating { get; set; }

    public bool Label { get; set; }

    public float[] Profile { get; set; } = [];
}
