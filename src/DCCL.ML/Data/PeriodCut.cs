namespace DCCL.ML.Data;

/// <summary>How a log is cut into the cloud's, the devices' and the test period.</summary>
public enum PeriodCut
{
    /// <summary><see cref="Global"/> where at least half of the users have events on both sides of the first cut, else <see cref="PerUser"/>.</summary>
    Auto = 0,

    /// <summary>At one moment for everybody: the honest way, since no model then knows anything of what comes after it.</summary>
    Global = 1,

    /// <summary>Each user's own events in order: for logs in which most people come only once.</summary>
    PerUser = 2,
}
