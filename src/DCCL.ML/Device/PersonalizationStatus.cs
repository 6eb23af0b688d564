namespace DCCL.ML.Device;

/// <summary>What can come of learning on a device.</summary>
public enum PersonalizationStatus
{
    /// <summary>There is a new patch, which helped on held-back events; it serves from now on.</summary>
    Learnt = 1,

    /// <summary>A new patch would not help on held-back events: what served goes on serving, and the events wait for more.</summary>
    NotBetter = 2,

    /// <summary>There are too few new events.</summary>
    TooFewEvents = 3,
}
