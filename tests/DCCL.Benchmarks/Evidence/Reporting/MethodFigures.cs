using DCCL.Benchmarks.Evidence.Metrics;
using DCCL.Benchmarks.Evidence.Outcomes;

namespace DCCL.Benchmarks.Evidence.Reporting;

/// <summary>A method's row in the report.</summary>
/// <param name="Name">The method.</param>
/// <param name="Group">What it belongs to.</param>
/// <param name="Description">What it is.</param>
/// <param name="Users">The number of users it was tested on.</param>
/// <param name="PersonalizedUsers">The number of users with a patch or model of their own.</param>
/// <param name="Overall">Its figures, by metric.</param>
/// <param name="Groups">Its figures by group of users: quintiles of activity, and cold users.</param>
/// <param name="Reliability">The reliability curve; null where scores are no logits.</param>
internal sealed record MethodFigures(
    string Name,
    string Group,
    string Description,
    int Users,
    double PersonalizedUsers,
    IReadOnlyDictionary<string, Figure> Overall,
    IReadOnlyList<GroupFigures> Groups,
    IReadOnlyList<ReliabilityPoint>? Reliability)
{
    private static readonly string[] _ofGroups = ["hr10", "ndcg10", "mrr", "recall10", "gauc", "logLoss"];

    public static MethodFigures Create(EvidenceMethod method, OutcomeTable table, bool hasLabels)
    {
        bool isProbabilistic = table.IsProbabilistic(method.Name);
        UserSet[] all = table.Get(method.Name);
        EvidenceMetric[] metrics =
            [.. MetricCatalog.For(hasLabels).Where(metric => isProbabilistic || !metric.NeedsProbabilities)];
        HashSet<string> compared = [.. MetricCatalog.Compared(hasLabels).Select(metric => metric.Name)];
        List<GroupFigures> groups = [];
        for (int quintile = 1; quintile <= 5; quintile++)
        {
            Add($"quintile {quintile}", (user, _) => user.Quintile == quintile);
        }

        Add("cold", (_, facts) => facts.IsCold);
        return new MethodFigures(
            method.Name,
            method.Group,
            method.Description,
            all[0].Users.Length,
            table.NumberOfPersonalizedUsers[method.Name],
            metrics.ToDictionary(metric => metric.Name, metric => Figure.Compute(metric, all, compared.Contains(metric.Name))),
            groups,
            hasLabels && isProbabilistic ? ReliabilityPoint.Create(all) : null);

        void Add(string name, Func<UserOutcome, UserFacts, bool> select)
        {
            UserSet[] users = table.Get(method.Name, select: select);
            groups.Add(new GroupFigures(
                name,
                users[0].Users.Length,
                metrics.Where(metric => _ofGroups.Contains(metric.Name))
                    .ToDictionary(metric => metric.Name, metric => Figure.Finite(users.Average(metric.Compute)))));
        }
    }
}

/// <summary>Figures of a group of users.</summary>
internal sealed record GroupFigures(string Name, int Users, IReadOnlyDictionary<string, double?> Figures);

/// <summary>A point of a reliability curve.</summary>
/// <param name="Events">The number of events in the bin, mean over seeds.</param>
/// <param name="Predicted">Their mean probability.</param>
/// <param name="Observed">The share of positive ones.</param>
internal sealed record ReliabilityPoint(double Events, double Predicted, double Observed)
{
    public static IReadOnlyList<ReliabilityPoint> Create(UserSet[] seeds)
    {
        Calibration.Bin[] sum = new Calibration.Bin[Calibration.NumberOfBins];
        foreach (UserSet seed in seeds)
        {
            Calibration.Bin[] bins = Calibration.Count(seed);
            for (int bin = 0; bin < sum.Length; bin++)
            {
                sum[bin] = sum[bin].Plus(bins[bin], 1);
            }
        }

        return
        [
            .. sum.Where(bin => bin.Count > 0)
                .Select(bin => new ReliabilityPoint(bin.Count / seeds.Length, bin.Probability / bin.Count, bin.Positives / bin.Count)),
        ];
    }
}
