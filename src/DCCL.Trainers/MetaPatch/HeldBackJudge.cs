namespace DCCL.Trainers.MetaPatch;

/// <summary>What one user's labelled held-back events say of the user's patch.</summary>
/// <param name="NumberOfEvents">The number of held-back events.</param>
/// <param name="Losses">Their cross-entropy under each of the gate's strengths, summed.</param>
/// <param name="PairLosses">
/// How badly positive events are told from negative ones under each strength: the mean over all pairs of log(1 + exp(negative - positive)); null
/// without a pair.
/// </param>
internal sealed record HeldBackEvidence(int NumberOfEvents, double[] Losses, double[]? PairLosses);

/// <summary>Judges patches on labelled events: first the intercept is brought home for each strength, then held-back events are looked at.</summary>
/// <remarks>
/// An intercept that was learnt together with the rest of a patch fits only the whole of it. Were a weaker rest judged beside it, or none at all,
/// the rest would be credited with the base rate, which an intercept alone says as well. So each strength has the intercept that fits it best.
/// How well a user's taste is known is seen in pairs of the user's own events, in which no intercept takes part. Pure arithmetic on plain arrays.
/// Immutable and thread-safe.
/// </remarks>
internal sealed class HeldBackJudge
{
    // Of each label, the last ones: ten thousand pairs say enough.
    private const int MaximumNumberOfPairedEvents = 100;
    private readonly IReadOnlyList<(float Intercept, float Others)> _strengths;
    private readonly double _interceptL2;

    /// <summary>Prepares a judge.</summary>
    /// <param name="strengths">The strengths that are judged.</param>
    /// <param name="interceptL2">The weight of (intercept - start)^2 / 2.</param>
    public HeldBackJudge(IReadOnlyList<(float Intercept, float Others)> strengths, double interceptL2)
    {
        _strengths = strengths;
        _interceptL2 = interceptL2;
    }

    /// <summary>Fits each user's intercept to what the rest of the patch scores at each strength.</summary>
    /// <param name="scores">Logits without intercept under each strength [strengths][users, samples]; strengths of the same rest may share an array.</param>
    /// <param name="labels">0 or 1 [users, samples].</param>
    /// <param name="weights">The weight of each sample [users, samples].</param>
    /// <param name="starts">Where the intercept starts, and where the penalty draws it to [users].</param>
    /// <returns>[users, strengths], moved as far from the start as the strength says.</returns>
    public float[] FitIntercepts(float[][] scores, float[] labels, float[] weights, ReadOnlySpan<float> starts)
    {
        float[] result = new float[starts.Length * _strengths.Count];
        float[] fitted = starts.ToArray();
        for (int strength = 0; strength < _strengths.Count; strength++)
        {
            if (strength == 0 || scores[strength] != scores[strength - 1])
            {
                InterceptSolver.Solve(scores[strength], labels, weights, starts, _interceptL2, fitted);
            }

            for (int user = 0; user < fitted.Length; user++)
            {
                result[(user * _strengths.Count) + strength] = starts[user] + (_strengths[strength].Intercept * (fitted[user] - starts[user]));
            }
        }

        return result;
    }

    /// <summary>Judges.</summary>
    /// <param name="scores">Logits without intercept under each strength, of patches that have not seen the held-back events [strengths][users, samples].</param>
    /// <param name="intercepts">Such intercepts [users, strengths].</param>
    /// <param name="labels">0 or 1 [users, samples].</param>
    /// <param name="weights">The weight of each held-back sample, 0 for the others [users, samples].</param>
    /// <returns>Each user's evidence.</returns>
    public HeldBackEvidence[] Judge(float[][] scores, float[] intercepts, float[] labels, float[] weights)
    {
        int users = intercepts.Length / _strengths.Count;
        int samples = labels.Length / users;
        HeldBackEvidence[] result = new HeldBackEvidence[users];
        for (int user = 0; user < users; user++)
        {
            int[] own = [.. Enumerable.Range(user * samples, samples).Where(i => weights[i] != 0)];
            int[] positives = [.. own.Where(i => labels[i] > 0.5f).TakeLast(MaximumNumberOfPairedEvents)];
            int[] negatives = [.. own.Where(i => labels[i] <= 0.5f).TakeLast(MaximumNumberOfPairedEvents)];
            double[] losses = new double[_strengths.Count];
            double[] pairLosses = new double[_strengths.Count];
            for (int strength = 0; strength < losses.Length; strength++)
            {
                float[] logits = scores[strength];
                float intercept = intercepts[(user * _strengths.Count) + strength];
                losses[strength] = own.Sum(i => (double)(weights[i] * RidgeLogistic.CrossEntropy(logits[i] + intercept, labels[i])));
                pairLosses[strength] = strength > 0 && logits == scores[strength - 1]
                    ? pairLosses[strength - 1]
                    : GetPairLoss(logits, positives, negatives);
            }

            result[user] = new HeldBackEvidence(own.Length, losses, positives.Length > 0 && negatives.Length > 0 ? pairLosses : null);
        }

        return result;
    }

    private static double GetPairLoss(float[] logits, int[] positives, int[] negatives)
    {
        double sum = 0;
        foreach (int positive in positives)
        {
            foreach (int negative in negatives)
            {
                sum += RidgeLogistic.CrossEntropy(logits[positive] - logits[negative], 1);
            }
        }

        return sum / Math.Max(1, positives.Length * negatives.Length);
    }
}
