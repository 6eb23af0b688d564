namespace DCCL.ML.Evaluation;

/// <summary>The arithmetic of telling positive from negative events: AUC and log loss, from logits.</summary>
/// <remarks>All members are pure and thread-safe.</remarks>
public static class ClassificationMetrics
{
    /// <summary>Gets the area under the ROC curve: the probability that a positive event scores above a negative one.</summary>
    /// <param name="scores">The scores, any monotone function of the probability.</param>
    /// <param name="labels">Whether each event is positive; as many as scores.</param>
    /// <returns>
    /// The Mann-Whitney statistic over the number of pairs, equal scores counting half. NaN if one of the classes is
    /// missing or a score is NaN.
    /// </returns>
    public static double AreaUnderRocCurve(ReadOnlySpan<float> scores, ReadOnlySpan<bool> labels)
    {
        CheckLengths(scores, labels);
        float[] sorted = scores.ToArray();
        bool[] sortedLabels = labels.ToArray();
        Array.Sort(sorted, sortedLabels);
        if (sorted.Length == 0 || float.IsNaN(sorted[0]))
        {
            // Array.Sort puts NaN first.
            return double.NaN;
        }

        double below = 0;
        double halfPairs = 0;
        double positives = 0;
        for (int start = 0; start < sorted.Length;)
        {
            double positive = 0;
            double negative = 0;
            int end = start;
            for (; end < sorted.Length && sorted[end] == sorted[start]; end++)
            {
                positive += sortedLabels[end] ? 1 : 0;
                negative += sortedLabels[end] ? 0 : 1;
            }

            // A positive beats the negatives below it and ties with those beside it; counted twice to stay whole.
            halfPairs += positive * ((2 * below) + negative);
            below += negative;
            positives += positive;
            start = end;
        }

        return positives > 0 && below > 0 ? halfPairs / (2 * positives * below) : double.NaN;
    }

    /// <summary>Gets the cross-entropy of one event from its logit, without overflow at any logit.</summary>
    /// <param name="logit">The logit.</param>
    /// <param name="label">Whether the event is positive.</param>
    /// <returns><c>log(1 + exp(-logit))</c> for a positive event, <c>log(1 + exp(logit))</c> for a negative one.</returns>
    public static double LogLoss(double logit, bool label)
    {
        double margin = label ? logit : -logit;
        return Math.Max(-margin, 0) + Math.Log(1 + Math.Exp(-Math.Abs(margin)));
    }

    /// <summary>Gets the mean cross-entropy of many events from their logits.</summary>
    /// <param name="logits">The logits.</param>
    /// <param name="labels">Whether each event is positive; as many as logits.</param>
    /// <returns>The mean in nats; NaN if there are no events.</returns>
    public static double LogLoss(ReadOnlySpan<float> logits, ReadOnlySpan<bool> labels)
    {
        CheckLengths(logits, labels);
        double sum = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            sum += LogLoss(logits[i], labels[i]);
        }

        return sum / logits.Length;
    }

    /// <summary>Gets the AUC per user (gauc): the plain mean over the users who have events of both classes.</summary>
    /// <param name="scores">The scores of all events, those of one user next to each other.</param>
    /// <param name="labels">Whether each event is positive; as many as scores.</param>
    /// <param name="numberOfEvents">The number of events of each user, in the order of the scores.</param>
    /// <returns>The mean, NaN if no user has both classes, and the number of users it is taken over.</returns>
    public static (double Mean, int NumberOfUsers) AreaUnderRocCurvePerUser(
        ReadOnlySpan<float> scores, ReadOnlySpan<bool> labels, ReadOnlySpan<int> numberOfEvents)
    {
        CheckLengths(scores, labels);
        double sum = 0;
        int users = 0;
        int start = 0;
        foreach (int count in numberOfEvents)
        {
            ReadOnlySpan<bool> ofUser = labels.Slice(start, count);
            if (ofUser.Contains(true) && ofUser.Contains(false))
            {
                sum += AreaUnderRocCurve(scores.Slice(start, count), ofUser);
                users++;
            }

            start += count;
        }

        return (sum / users, users);
    }

    private static void CheckLengths(ReadOnlySpan<float> scores, ReadOnlySpan<bool> labels)
    {
        if (scores.Length != labels.Length)
        {
            throw new ArgumentException(
                $"There must be as many labels as scores ({scores.Length}), but there are {labels.Length}.", nameof(labels));
        }
    }
}
