namespace DCCL.Cli.Logs;

/// <summary>The rows of a log that could not be read.</summary>
/// <param name="Count">How many.</param>
/// <param name="Examples">The first ones: the line, and what is wrong there.</param>
internal sealed record RowFaults(int Count, IReadOnlyList<(int Line, string Fault)> Examples)
{
    /// <summary>The number of examples that are kept.</summary>
    public const int NumberOfExamples = 5;

    /// <summary>Says which rows were left out; null if none.</summary>
    public string? Describe() => Count == 0
        ? null
        : $"{Words.Count(Count, "unreadable row")} {(Count == 1 ? "was" : "were")} left out: "
            + string.Join("; ", Examples.Select(example => $"line {example.Line}: {example.Fault}"))
            + (Count > Examples.Count ? " ..." : "");
}
