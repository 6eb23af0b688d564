using System.Text.Json.Nodes;

namespace DCCL.ML.Evaluation;

/// <summary>What a model achieved for a group of users: all of them, or a quintile.</summary>
/// <remarks>
/// <para>
/// The ranking figures are means over the ranked events of the group, each test event ranked by itself; where every user has
/// one (leave-last-out) that is the mean over users. AUC and log loss are over all labelled events of the group together.
/// A figure without events is NaN.
/// </para>
/// <para>Immutable and thread-safe.</para>
/// </remarks>
public sealed class RankingFigures
{
    private readonly IReadOnlyList<UserEvaluation> _users;

    internal RankingFigures(IReadOnlyList<UserEvaluation> users)
    {
        _users = users;
        NumberOfRankedEvents = users.Sum(user => user.Ranks.Length);
        NumberOfLabelledEvents = users.Sum(user => user.Logits.Length);
        NumberOfUsersWithBothClasses = users.Count(user => user.AreaUnderRocCurve is not null);
        MeanReciprocalRank = GetMean(EvaluationMetric.MeanReciprocalRank);
        AreaUnderRocCurvePerUser = GetMean(EvaluationMetric.AreaUnderRocCurvePerUser);
        LogLoss = GetMean(EvaluationMetric.LogLoss);
        AreaUnderRocCurve = GetPooledArea();
    }

    /// <summary>Gets the number of users with at least one ranked or labelled event.</summary>
    public int NumberOfUsers => _users.Count;

    /// <summary>Gets the number of test events that were ranked among all items.</summary>
    public int NumberOfRankedEvents { get; }

    /// <summary>Gets the number of test events with a label; 0 without labels.</summary>
    public int NumberOfLabelledEvents { get; }

    /// <summary>Gets the number of users over whom <see cref="AreaUnderRocCurvePerUser"/> is the mean.</summary>
    public int NumberOfUsersWithBothClasses { get; }

    /// <summary>Gets the mean reciprocal rank (MRR).</summary>
    public double MeanReciprocalRank { get; }

    /// <summary>Gets the AUC over the labelled events of all users together.</summary>
    public double AreaUnderRocCurve { get; }

    /// <summary>Gets the plain mean of the users' own AUC (gauc), over users with events of both classes.</summary>
    public double AreaUnderRocCurvePerUser { get; }

    /// <summary>Gets the mean cross-entropy of the labelled events, in nats.</summary>
    public double LogLoss { get; }

    /// <summary>Gets a figure by its metric.</summary>
    /// <param name="metric">The metric.</param>
    public double this[EvaluationMetric metric]
    {
        get
        {
            ArgumentNullException.ThrowIfNull(metric);
            return metric.Kind == EvaluationMetric.MetricKind.AreaUnderRocCurve ? AreaUnderRocCurve : GetMean(metric);
        }
    }

    /// <summary>Gets the share of ranked events whose item is among the first <paramref name="cutoff"/> (HR@k).</summary>
    /// <param name="cutoff"><c>k</c>.</param>
    /// <returns>The hit rate.</returns>
    public double HitRate(int cutoff) => GetMean(EvaluationMetric.HitRate(cutoff));

    /// <summary>Gets the mean normalised discounted cumulative gain (NDCG@k).</summary>
    /// <param name="cutoff"><c>k</c>.</param>
    /// <returns>The mean.</returns>
    public double Ndcg(int cutoff) => GetMean(EvaluationMetric.Ndcg(cutoff));

    /// <summary>Adds the figures to a JSON object.</summary>
    internal void WriteTo(JsonObject json, IReadOnlyList<int> cutoffs, bool hasLabels, bool pooled)
    {
        json["users"] = NumberOfUsers;
        foreach (int cutoff in cutoffs)
        {
            Add(json, EvaluationMetric.HitRate(cutoff));
            Add(json, EvaluationMetric.Ndcg(cutoff));
        }

        Add(json, EvaluationMetric.MeanReciprocalRank);
        if (hasLabels && pooled)
        {
            Add(json, EvaluationMetric.AreaUnderRocCurve);
        }

        if (hasLabels)
        {
            Add(json, EvaluationMetric.AreaUnderRocCurvePerUser);
        }

        if (hasLabels && pooled)
        {
            json["gaucUsers"] = NumberOfUsersWithBothClasses;
            Add(json, EvaluationMetric.LogLoss);
        }
    }

    private void Add(JsonObject json, EvaluationMetric metric)
    {
        // JSON has no NaN: a figure without events is null.
        double value = this[metric];
        json[metric.Name] = double.IsFinite(value) ? value : null;
    }

    private double GetMean(EvaluationMetric metric)
    {
        double sum = 0;
        double weight = 0;
        foreach (UserEvaluation user in _users)
        {
            (double userSum, double userWeight) = user.GetTerm(metric);
            sum += userSum;
            weight += userWeight;
        }

        return sum / weight;
    }

    private double GetPooledArea()
    {
        float[] logits = new float[NumberOfLabelledEvents];
        bool[] labels = new bool[NumberOfLabelledEvents];
        int start = 0;
        foreach (UserEvaluation user in _users)
        {
            user.Logits.Span.CopyTo(logits.AsSpan(start));
            user.Labels.Span.CopyTo(labels.AsSpan(start));
            start += user.Logits.Length;
        }

        return ClassificationMetrics.AreaUnderRocCurve(logits, labels);
    }
}
