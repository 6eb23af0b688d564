namespace DCCL.Benchmarks.Evidence;

/// <summary>A method: its name, and what makes it of the training data.</summary>
/// <param name="Name">The name in tables and on the command line.</param>
/// <param name="Group">What it belongs to: baselines, cloud models, personal models, DCCL.</param>
/// <param name="Description">What it is, in a line.</param>
/// <param name="Train">Trains it; it never gets to see the test.</param>
internal sealed record EvidenceMethod(string Name, string Group, string Description, Func<MethodContext, Contender> Train)
{
    /// <summary>Gets a value indicating whether it says anything only where events have labels.</summary>
    public bool NeedsLabels { get; init; }

    /// <summary>Gets a value indicating whether the seed plays no part.</summary>
    public bool IsDeterministic { get; init; }

    /// <summary>Gets a value indicating whether it is a way with a DIN that a SASRec does not have.</summary>
    public bool NeedsDin { get; init; }

    /// <summary>Gets a value indicating whether it knows what was planted in the built-in data.</summary>
    public bool NeedsTruth { get; init; }

    /// <summary>Gets a value indicating whether it is left out of quick runs.</summary>
    public bool IsSlow { get; init; }
}
