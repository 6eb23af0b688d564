namespace DCCL.ML.Evaluation;

/// <summary>Names one of the figures of a <see cref="RankingReport"/>.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
public sealed class EvaluationMetric
{
    private EvaluationMetric(string name, MetricKind kind, int cutoff = 0)
    {
        Name = name;
        Kind = kind;
        Cutoff = cutoff;
    }

    /// <summary>The kinds of figures.</summary>
    internal enum MetricKind
    {
        HitRate,
        Ndcg,
        ReciprocalRank,
        AreaUnderRocCurve,
        AreaUnderRocCurvePerUser,
        LogLoss,
    }

    /// <summary>Gets the mean reciprocal rank over the ranked events, "mrr".</summary>
    public static EvaluationMetric MeanReciprocalRank { get; } = new("mrr", MetricKind.ReciprocalRank);

    /// <summary>Gets the AUC over the labelled events of all users together, "auc".</summary>
    public static EvaluationMetric AreaUnderRocCurve { get; } = new("auc", MetricKind.AreaUnderRocCurve);

    /// <summary>Gets the mean AUC over the users who have labelled events of both classes, "gauc".</summary>
    public static EvaluationMetric AreaUnderRocCurvePerUser { get; } = new("gauc", MetricKind.AreaUnderRocCurvePerUser);

    /// <summary>Gets the mean cross-entropy of the labelled events, "logLoss"; the only figure where less is better.</summary>
    public static EvaluationMetric LogLoss { get; } = new("logLoss", MetricKind.LogLoss);

    /// <summary>Gets the name under which a report's JSON holds the figure, such as "ndcg10".</summary>
    public string Name { get; }

    internal MetricKind Kind { get; }

    internal int Cutoff { get; }

    /// <summary>Gets the hit rate HR@k: the share of ranked events whose item is among the first <c>k</c>.</summary>
    /// <param name="cutoff"><c>k</c>, one of the report's cutoffs.</param>
    /// <returns>The metric.</returns>
    public static EvaluationMetric HitRate(int cutoff) => new($"hr{cutoff}", MetricKind.HitRate, cutoff);

    /// <summary>Gets NDCG@k, the mean over the ranked events.</summary>
    /// <param name="cutoff"><c>k</c>, one of the report's cutoffs.</param>
    /// <returns>The metric.</returns>
    public static EvaluationMetric Ndcg(int cutoff) => new($"ndcg{cutoff}", MetricKind.Ndcg, cutoff);

    /// <summary>Gets the name.</summary>
    /// <returns><see cref="Name"/>.</returns>
    public override string ToString() => Name;
}
