namespace DCCL.ML.Device;

/// <summary>Decides from one person's held-back events how much of a learnt patch is kept.</summary>
/// <remarks>
/// A device knows nothing of other people, so that the gain on the few held-back events has to be clearly above zero by itself. The
/// intercept has a strength of its own: it gains so much that it would hide what the rest does. On labelled events it is fitted to
/// each strength: learnt together with the rest it fits only the whole of it. Pure arithmetic.
/// </remarks>
internal static class HeldBackGate
{
    /// <summary>Gets the strengths to choose from, of the intercept and of the rest; the first is the starting point itself.</summary>
    public static IReadOnlyList<(float Intercept, float Others)> Strengths { get; } =
        [(0, 0), (0.5f, 0), (1, 0), (1, 0.25f), (1, 0.5f), (1, 0.75f), (1, 1)];

    /// <summary>Moves from one patch towards another.</summary>
    public static float[] Apply(ReadOnlySpan<float> start, ReadOnlySpan<float> learnt, int strength)
    {
        float[] result = new float[start.Length];
        for (int k = 0; k < result.Length; k++)
        {
            result[k] = start[k] + ((k == 0 ? Strengths[strength].Intercept : Strengths[strength].Others) * (learnt[k] - start[k]));
        }

        return result;
    }

    private const int MaximumNumberOfNewtonSteps = 100;
    private const double MaximumStep = 1;
    private const double Tolerance = 1e-6;

    /// <summary>Fits an intercept: the least cross-entropy plus <paramref name="l2"/> (intercept - start)^2 / 2.</summary>
    /// <remarks>
    /// Newton's method. The second derivative of the cross-entropy changes by at most a factor of e from one point to another at distance 1, so
    /// that steps of at most 1 never lead further away.
    /// </remarks>
    /// <param name="scores">Logits without intercept.</param>
    /// <param name="labels">0 or 1.</param>
    /// <param name="weights">The weight of each, at least 0.</param>
    /// <param name="start">What the intercept is drawn to.</param>
    /// <param name="l2">How strongly, above 0.</param>
    public static float FitIntercept(ReadOnlySpan<float> scores, ReadOnlySpan<float> labels, ReadOnlySpan<float> weights, float start, double l2)
    {
        double intercept = start;
        for (int i = 0; i < MaximumNumberOfNewtonSteps; i++)
        {
            double slope = l2 * (intercept - start);
            double curvature = l2;
            for (int sample = 0; sample < scores.Length; sample++)
            {
                double probability = 1 / (1 + Math.Exp(-(scores[sample] + intercept)));
                slope += weights[sample] * (probability - labels[sample]);
                curvature += weights[sample] * probability * (1 - probability);
            }

            double step = Math.Clamp(slope / curvature, -MaximumStep, MaximumStep);
            intercept -= step;
            if (!(Math.Abs(step) > Tolerance))
            {
                break;
            }
        }

        return (float)intercept;
    }

    /// <summary>Chooses the strength.</summary>
    /// <param name="gains">What each event gains over the starting point under each strength [strengths][events].</param>
    /// <param name="standardErrors">How many standard errors above zero the mean gain must be.</param>
    /// <returns>The strength whose mean gain less these standard errors is largest, 0 if none is above zero; and its mean gain.</returns>
    public static (int Strength, double Gain) Choose(double[][] gains, double standardErrors)
    {
        (int Strength, double Gain, double Sure) best = (0, 0, 0);
        for (int strength = 1; strength < gains.Length; strength++)
        {
            double[] own = gains[strength];
            if (own.Length < 2)
            {
                continue; // one event says nothing of how sure its gain is
            }

            double mean = own.Average();
            double variance = own.Sum(gain => (gain - mean) * (gain - mean)) / (own.Length - 1);
            double sure = mean - (standardErrors * Math.Sqrt(variance / own.Length));
            if (sure > best.Sure)
            {
                best = (strength, mean, sure);
            }
        }

        return (best.Strength, best.Gain);
    }
}
