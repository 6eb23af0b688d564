using DCCL.Benchmarks.Evidence.Metrics;

namespace DCCL.Benchmarks.Evidence.Reporting;

/// <summary>How many users a method serves worse than another, and how much: a mean may hide them.</summary>
/// <param name="Users">The users with a figure of their own.</param>
/// <param name="Harmed">The share of them whose mean over seeds is lower.</param>
/// <param name="Helped">The share whose mean is higher.</param>
/// <param name="WorstDecile">The mean change of the tenth of users who lose most.</param>
/// <param name="Median">The median change.</param>
internal sealed record Harm(int Users, double Harmed, double Helped, double? WorstDecile, double? Median)
{
    /// <summary>Differences below this are those of sums in another order.</summary>
    private const double Tolerance = 1e-12;

    /// <summary>Computes it for one figure.</summary>
    /// <param name="metric">The figure.</param>
    /// <param name="method">The method's users, with each seed.</param>
    /// <param name="baseline">The other's.</param>
    public static Harm Compute(EvidenceMetric metric, UserSet[] method, UserSet[] baseline)
    {
        List<double> changes = [];
        double[] ours = GetMeans(metric, method);
        double[] theirs = GetMeans(metric, baseline);
        for (int user = 0; user < ours.Length; user++)
        {
            double change = (ours[user] - theirs[user]) * (metric.LessIsBetter ? -1 : 1);
            if (!double.IsNaN(change))
            {
                changes.Add(change);
            }
        }

        return Compute(changes);
    }

    /// <summary>Computes it from what each user gains.</summary>
    public static Harm Compute(IReadOnlyList<double> changes)
    {
        double[] sorted = [.. changes.Order()];
        int decile = (int)Math.Ceiling(sorted.Length / 10.0);
        double median = sorted.Length == 0 ? double.NaN : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        return new Harm(
            sorted.Length,
            Share(sorted.Count(change => change < -Tolerance)),
            Share(sorted.Count(change => change > Tolerance)),
            decile == 0 ? null : sorted.Take(decile).Average(),
            Figure.Finite(median));

        double Share(int count) => sorted.Length == 0 ? 0 : (double)count / sorted.Length;
    }

    private static double[] GetMeans(EvidenceMetric metric, UserSet[] seeds)
    {
        double[] means = new double[seeds[0].Users.Length];
        foreach (UserSet seed in seeds)
        {
            for (int user = 0; user < means.Length; user++)
            {
                UserSet one = new([seed.Users[user]], [seed.Facts[user]], [seed.Test[user]]);
                means[user] += metric.Compute(one) / seeds.Length;
            }
        }

        return means;
    }
}
