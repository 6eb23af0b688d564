using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence.Metrics;

/// <summary>All figures, in the order of the tables.</summary>
internal static class MetricCatalog
{
    /// <summary>The number of candidates that sampled metrics draw.</summary>
    public const int NumberOfSampledCandidates = 100;

    public static IReadOnlyList<EvidenceMetric> All { get; } = [.. Ranking(), .. Recall(), .. Labels(), .. Lists(), .. SampledMetrics.Create()];

    /// <summary>Gets the figure that pictures show first.</summary>
    public static EvidenceMetric GetMain(bool hasLabels) => All.First(metric => metric.Name == (hasLabels ? "gauc" : "ndcg10"));

    /// <summary>Gets the figures of a log, with labels or without.</summary>
    public static IEnumerable<EvidenceMetric> For(bool hasLabels) => All.Where(metric => hasLabels || !metric.NeedsLabels);

    /// <summary>Gets the figures for which methods are compared in pairs.</summary>
    public static IEnumerable<EvidenceMetric> Compared(bool hasLabels) => All.Where(metric =>
        metric.Name is "ndcg10" or "hr10" or "mrr" || (hasLabels && metric.Name is "gauc" or "auc" or "logLoss"));

    private static IEnumerable<EvidenceMetric> Ranking()
    {
        foreach (int cutoff in MethodEvaluator.Cutoffs)
        {
            yield return EvidenceMetric.Of(
                EvaluationMetric.HitRate(cutoff), $"HR@{cutoff}", $"the share of test events whose item is among the first {cutoff} of all unseen items");
            yield return EvidenceMetric.Of(
                EvaluationMetric.Ndcg(cutoff), $"NDCG@{cutoff}", $"1 / log2(1 + rank) for ranks up to {cutoff}, mean over test events");
        }

        yield return EvidenceMetric.Of(EvaluationMetric.MeanReciprocalRank, "MRR", "1 / rank, mean over test events");
    }

    private static IEnumerable<EvidenceMetric> Recall() => MethodEvaluator.Cutoffs.Select(cutoff => EvidenceMetric.Mean(
        $"recall{cutoff}",
        $"Recall@{cutoff}",
        $"the share of a user's new test items in the list of {cutoff} shown before the first of them, mean over users",
        (user, facts, _) => facts.Relevant.Length == 0
            ? (0, 0)
            : ((double)user.Top.Take(cutoff).Intersect(facts.Relevant).Count() / facts.Relevant.Length, 1)));

    private static IEnumerable<EvidenceMetric> Labels()
    {
        yield return EvidenceMetric.Of(EvaluationMetric.AreaUnderRocCurve, "AUC", "of the events of all users together") with { NeedsLabels = true };
        yield return EvidenceMetric.Of(
            EvaluationMetric.AreaUnderRocCurvePerUser, "AUC per user", "mean over users with events of both classes") with
        { NeedsLabels = true };
        yield return EvidenceMetric.Of(EvaluationMetric.LogLoss, "Log loss", "mean cross-entropy in nats; less is better") with
        {
            NeedsLabels = true,
            NeedsProbabilities = true,
            LessIsBetter = true,
        };
        yield return new EvidenceMetric(
            "ece", "ECE", $"expected calibration error in {Calibration.NumberOfBins} bins of equal width; less is better", Calibration.CreateStatistic)
        {
            NeedsLabels = true,
            NeedsProbabilities = true,
            LessIsBetter = true,
        };
    }

    private static IEnumerable<EvidenceMetric> Lists()
    {
        yield return new EvidenceMetric(
            "coverage10", "Coverage@10", "the share of all items that stand in anybody's first ten", ListMetrics.CreateCoverage)
        { IsQuality = false };
        yield return EvidenceMetric.Mean(
            "popularity10",
            "Popularity@10",
            "the share of users who took a recommended item before the test, mean over the first ten",
            (user, _, test) => (user.Top.Take(10).Sum(test.GetPopularity), Math.Min(10, user.Top.Length))) with
        { IsQuality = false };
        yield return EvidenceMetric.Mean(
            "popularityLift10",
            "Popularity lift@10",
            "popularity of the first ten over that of what the user took before; above 1 the lists are more popular than the user's taste",
            (user, facts, test) => double.IsNaN(facts.HistoryPopularity) || user.Top.Length == 0
                ? (0, 0)
                : (user.Top.Take(10).Average(test.GetPopularity) / facts.HistoryPopularity, 1)) with
        { IsQuality = false };
    }
}
