namespace DCCL.ML.Evaluation;

/// <summary>What a model achieved for one user: the rank of every ranked test event and the logit of every labelled one.</summary>
/// <remarks>Immutable and thread-safe. Users are what the bootstrap resamples.</remarks>
public sealed class UserEvaluation
{
    /// <summary>Creates the result of one user.</summary>
    /// <param name="user">The user's key value.</param>
    /// <param name="quintile">The quintile of activity, 1 (least active) to 5.</param>
    /// <param name="ranks">The mean rank of every ranked test event, in order of time.</param>
    /// <param name="logits">The logit of every labelled test event, in order of time; empty without labels.</param>
    /// <param name="labels">Whether each of them is positive; as many as logits.</param>
    public UserEvaluation(
        int user, int quintile, ReadOnlyMemory<double> ranks, ReadOnlyMemory<float> logits, ReadOnlyMemory<bool> labels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(user, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(quintile, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(quintile, ActivityQuintiles.Count);
        User = user;
        Quintile = quintile;
        Ranks = ranks;
        Logits = logits;
        Labels = labels;
        bool bothClasses = labels.Span.Contains(true) && labels.Span.Contains(false);
        AreaUnderRocCurve = bothClasses ? ClassificationMetrics.AreaUnderRocCurve(logits.Span, labels.Span) : null;
    }

    /// <summary>Gets the user's key value.</summary>
    public int User { get; }

    /// <summary>Gets the quintile of activity among the users of the test log, 1 (least active) to 5.</summary>
    public int Quintile { get; }

    /// <summary>Gets the mean rank of every ranked test event, in order of time.</summary>
    public ReadOnlyMemory<double> Ranks { get; }

    /// <summary>Gets the logit of every labelled test event, in order of time; empty without labels.</summary>
    public ReadOnlyMemory<float> Logits { get; }

    /// <summary>Gets whether each labelled test event is positive.</summary>
    public ReadOnlyMemory<bool> Labels { get; }

    /// <summary>Gets the AUC over the user's own events, or null unless there are events of both classes.</summary>
    public double? AreaUnderRocCurve { get; }

    /// <summary>Gets the same result with one number added to all of the user's logits.</summary>
    internal UserEvaluation WithIntercept(double intercept)
    {
        float[] logits = Logits.ToArray();
        for (int i = 0; i < logits.Length; i++)
        {
            logits[i] = (float)(logits[i] + intercept);
        }

        return new UserEvaluation(User, Quintile, Ranks, logits, Labels);
    }

    /// <summary>Gets the sum of a metric over the user's events, and what to divide it by.</summary>
    /// <remarks>
    /// A figure over many users is the sum of their sums over the sum of their weights. The AUC of all users together is
    /// no such quotient.
    /// </remarks>
    internal (double Sum, double Weight) GetTerm(EvaluationMetric metric)
    {
        double sum = 0;
        switch (metric.Kind)
        {
            case EvaluationMetric.MetricKind.HitRate:
                foreach (double rank in Ranks.Span)
                {
                    sum += ItemRankingMetrics.HitRate(rank, metric.Cutoff);
                }

                return (sum, Ranks.Length);
            case EvaluationMetric.MetricKind.Ndcg:
                foreach (double rank in Ranks.Span)
                {
                    sum += ItemRankingMetrics.Ndcg(rank, metric.Cutoff);
                }

                return (sum, Ranks.Length);
            case EvaluationMetric.MetricKind.ReciprocalRank:
                foreach (double rank in Ranks.Span)
                {
                    sum += ItemRankingMetrics.ReciprocalRank(rank);
                }

                return (sum, Ranks.Length);
            case EvaluationMetric.MetricKind.LogLoss:
                for (int i = 0; i < Logits.Length; i++)
                {
                    sum += ClassificationMetrics.LogLoss(Logits.Span[i], Labels.Span[i]);
                }

                return (sum, Logits.Length);
            case EvaluationMetric.MetricKind.AreaUnderRocCurvePerUser:
                return AreaUnderRocCurve is double area ? (area, 1) : (0, 0);
            default:
                throw new ArgumentException($"'{metric.Name}' is not a mean over users.", nameof(metric));
        }
    }
}
