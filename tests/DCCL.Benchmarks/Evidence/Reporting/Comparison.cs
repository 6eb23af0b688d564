using System.Text.Json.Serialization;
using DCCL.Benchmarks.Evidence.Metrics;
using DCCL.Benchmarks.Evidence.Outcomes;

namespace DCCL.Benchmarks.Evidence.Reporting;

/// <summary>A method against another, user by user.</summary>
/// <param name="Method">The method.</param>
/// <param name="Baseline">The other.</param>
/// <param name="Users">The number of users that both were tested on.</param>
/// <param name="Differences">By how much it is above the other, by metric.</param>
/// <param name="Relative">The same as a share of the other's figure.</param>
/// <param name="Quintiles">The difference of the main figure in each quintile of activity.</param>
/// <param name="Harm">Who is worse off.</param>
/// <param name="Reached">The gain of the main figure as a share of the gain that can be reached; null where that is not known, or not surely above zero.</param>
internal sealed record Comparison(
    string Method,
    string Baseline,
    int Users,
    IReadOnlyDictionary<string, Figure> Differences,
    IReadOnlyDictionary<string, Figure> Relative,
    IReadOnlyList<Figure> Quintiles,
    Harm Harm,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Figure? Reached)
{
    /// <summary>Gets whether the main figure's interval lies above zero, below, or holds it.</summary>
    public static string GetVerdict(Figure figure) => figure switch
    {
        { Lower: > 0 } => "better",
        { Upper: < 0 } => "worse",
        { Lower: 0, Upper: 0 } => "the same",
        _ => "undecided",
    };

    public static Comparison Create(string method, string baseline, OutcomeTable table, bool hasLabels)
    {
        UserSet[] ours = table.Get(method, among: baseline);
        UserSet[] theirs = table.Get(baseline, among: method);
        bool probabilistic = table.IsProbabilistic(method) && table.IsProbabilistic(baseline);
        EvidenceMetric[] metrics =
            [.. MetricCatalog.Compared(hasLabels).Where(metric => probabilistic || !metric.NeedsProbabilities)];
        EvidenceMetric main = MetricCatalog.GetMain(hasLabels);
        return new Comparison(
            method,
            baseline,
            ours[0].Users.Length,
            metrics.ToDictionary(metric => metric.Name, metric => Figure.Compare(metric, ours, theirs, relative: false)),
            metrics.ToDictionary(metric => metric.Name, metric => Figure.Compare(metric, ours, theirs, relative: true)),
            [
                .. Enumerable.Range(1, 5).Select(quintile => Figure.Compare(
                    main,
                    table.Get(method, baseline, (user, _) => user.Quintile == quintile),
                    table.Get(baseline, method, (user, _) => user.Quintile == quintile),
                    relative: false)),
            ],
            Harm.Compute(main, ours, theirs),
            GetReached(method, baseline, main, ours, theirs, table));
    }

    // Where nothing is surely there to reach, a share of it means nothing.
    private static Figure? GetReached(string method, string baseline, EvidenceMetric main, UserSet[] ours, UserSet[] theirs, OutcomeTable table)
    {
        if (baseline != MethodCatalog.Cloud || method == MethodCatalog.Reachable || !table.Has(MethodCatalog.Reachable))
        {
            return null;
        }

        UserSet[] most = table.Get(MethodCatalog.Reachable, among: method);
        return Figure.Compare(main, most, theirs, relative: false).Lower > 0 ? Figure.Share(main, ours, theirs, most) : null;
    }
}
