using DCCL.Benchmarks.Evidence.Metrics;
using DCCL.Benchmarks.Evidence.Outcomes;

namespace DCCL.Benchmarks.Evidence.Reporting;

/// <summary>All figures of a run: what report.json holds and report.html shows. The same run gives the same report.</summary>
internal sealed record EvidenceReport
{
    private static readonly (string Method, string Baseline)[] _pairs =
    [
        ("dccl-e", "intercept"),
        ("dccl-e", "logistic-mf"),
        ("dccl-e", "fine-tuned"),
        ("dccl-e", "last-layer"),
        ("basis-e", "random-basis"),
        ("basis-e", "intercept"),
        ("dccl-e", "basis-e"),
        ("distilled", "retrained"),
        ("distilled", "fedavg"),
        ("dccl-m-1", "logistic-mf"),
        ("dccl-m-1", "dccl-e"),
        ("dccl-m-1", "distilled"),
        ("dccl-m-1", "retrained"),
        ("dccl-m-1", "retrained-intercept"),
        ("dccl-m-2", "retrained-2"),
        ("dccl-m-3", "retrained-3"),
        ("dccl-m-5", "retrained-5"),
        ("dccl-m-2", "dccl-m-1"),
        ("dccl-m-3", "dccl-m-1"),
        ("dccl-m-5", "dccl-m-1"),
    ];

    public required string Data { get; init; }

    public required string Protocol { get; init; }

    public required string Backbone { get; init; }

    public required IReadOnlyList<string> Splits { get; init; }

    public required bool HasLabels { get; init; }

    public required bool IsQuick { get; init; }

    public required int NumberOfSeeds { get; init; }

    public required DataFacts Facts { get; init; }

    /// <summary>Gets the name of the figure that counts most.</summary>
    public required string MainMetric { get; init; }

    public required IReadOnlyList<MetricText> Metrics { get; init; }

    public required IReadOnlyList<MethodFigures> Methods { get; init; }

    public required IReadOnlyList<Comparison> Comparisons { get; init; }

    /// <summary>Gets the pairs of methods that are compared: all with the cloud model, and those that claims are about.</summary>
    public static IEnumerable<(string Method, string Baseline)> GetPairs(OutcomeTable table) =>
        table.Methods.Where(method => method != MethodCatalog.Cloud).Select(method => (method, MethodCatalog.Cloud))
            .Concat(_pairs)
            .Where(pair => table.Has(pair.Item1) && table.Has(pair.Item2));

    public static IReadOnlyList<MetricText> GetTexts(bool hasLabels) =>
    [
        .. MetricCatalog.For(hasLabels).Select(metric => new MetricText(
            metric.Name, metric.Title, metric.Description, metric.LessIsBetter, metric.IsQuality)),
    ];
}

/// <summary>What a metric is.</summary>
internal sealed record MetricText(string Name, string Title, string Description, bool LessIsBetter, bool IsQuality);

/// <summary>The size of what was tested; fewer tested users than users of the test are a seeded sample of them.</summary>
internal sealed record DataFacts(
    int Users,
    int Items,
    int CloudEvents,
    int DeviceEvents,
    int TestEvents,
    int UsersOfTheTest,
    int TestedUsers,
    int RankedEvents,
    int ColdUsers,
    double MeanCandidates);
