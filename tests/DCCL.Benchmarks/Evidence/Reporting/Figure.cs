using System.Text.Json.Serialization;
using DCCL.Benchmarks.Evidence.Metrics;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence.Reporting;

/// <summary>A figure of a method: the mean over seeds, with an interval over users.</summary>
/// <param name="Estimate">The mean over seeds.</param>
/// <param name="Lower">The lower end of the 95 % interval; null where none was computed.</param>
/// <param name="Upper">The upper end.</param>
/// <param name="Seeds">The figure with each seed.</param>
internal sealed record Figure(double? Estimate, double? Lower, double? Upper, IReadOnlyList<double?> Seeds)
{
    /// <summary>Gets the mean and the ends of its interval.</summary>
    [JsonIgnore]
    public (double? Estimate, double? Lower, double? Upper) Interval => (Estimate, Lower, Upper);

    /// <summary>Computes a figure: each draw takes the same users with every seed.</summary>
    public static Figure Compute(EvidenceMetric metric, UserSet[] seeds, bool withInterval)
    {
        double[] values = [.. seeds.Select(metric.Compute)];
        return withInterval
            ? Resample(seeds[0].Users.Length, values, [.. seeds.Select(metric.Create)], statistics => statistics.Average())
            : new Figure(Finite(values.Average()), null, null, [.. values.Select(Finite)]);
    }

    /// <summary>Computes how much a method is above another on the same users.</summary>
    public static Figure Compare(EvidenceMetric metric, UserSet[] seeds, UserSet[] baseline, bool relative)
    {
        Func<int[], double>[] statistics = [.. seeds.Select(metric.Create)];
        Func<int[], double>[] others = [.. baseline.Select(metric.Create)];
        Func<int[], double>[] differences =
        [
            .. statistics.Zip(others, (ours, theirs) => (Func<int[], double>)(draws =>
            {
                double reference = theirs(draws);
                double difference = ours(draws) - reference;
                return relative ? difference / reference : difference;
            })),
        ];
        int[] once = Once(seeds);
        return Resample(once.Length, [.. differences.Select(difference => difference(once))], differences, values => values.Average());
    }

    /// <summary>Computes how much of another method's gain over a baseline a method has, on the same users.</summary>
    public static Figure Share(EvidenceMetric metric, UserSet[] seeds, UserSet[] baseline, UserSet[] most)
    {
        Func<int[], double>[][] statistics = [.. new[] { seeds, baseline, most }.Select(sets => sets.Select(metric.Create).ToArray())];
        int[] once = Once(seeds);
        return Resample(
            once.Length,
            [.. Enumerable.Range(0, seeds.Length).Select(seed => Divide(statistics[0][seed](once), statistics[1][seed](once), statistics[2][seed](once)))],
            [draws => Divide(Mean(statistics[0], draws), Mean(statistics[1], draws), Mean(statistics[2], draws))],
            values => values.Single());

        static double Mean(Func<int[], double>[] own, int[] draws) => own.Average(statistic => statistic(draws));
        static double Divide(double ours, double theirs, double best) => (ours - theirs) / (best - theirs);
    }

    /// <summary>JSON has no NaN: a figure of nothing is null.</summary>
    public static double? Finite(double value) => double.IsFinite(value) ? value : null;

    // Everybody, once.
    private static int[] Once(UserSet[] seeds)
    {
        int[] draws = new int[seeds[0].Users.Length];
        Array.Fill(draws, 1);
        return draws;
    }

    private static Figure Resample(
        int numberOfUsers, double[] values, Func<int[], double>[] statistics, Func<IEnumerable<double>, double> combine)
    {
        ConfidenceInterval interval = Bootstrap.Resample(
            numberOfUsers, draws => combine(statistics.Select(statistic => statistic(draws))), new BootstrapOptions());
        return new Figure(Finite(interval.Estimate), Finite(interval.Lower), Finite(interval.Upper), [.. values.Select(Finite)]);
    }
}
