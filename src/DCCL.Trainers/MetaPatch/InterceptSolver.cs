namespace DCCL.Trainers.MetaPatch;

/// <summary>Fits users' intercepts to logits that are given: the least cross-entropy plus a quadratic penalty, solved to the end.</summary>
/// <remarks>
/// Newton's method. The second derivative of the cross-entropy changes by at most a factor of e from one point to another at distance 1, so that
/// steps of at most 1 never lead further away. Pure arithmetic on plain arrays.
/// </remarks>
internal static class InterceptSolver
{
    private const int MaximumNumberOfSteps = 100;
    private const double MaximumStep = 1;
    private const double Tolerance = 1e-6;

    /// <summary>Fits the intercepts.</summary>
    /// <param name="logits">Logits without intercept [users, samples].</param>
    /// <param name="labels">0 or 1 [users, samples].</param>
    /// <param name="weights">The weight of each sample, at least 0 [users, samples].</param>
    /// <param name="starts">Where the penalty draws the intercepts to [users].</param>
    /// <param name="l2">The weight of (intercept - start)^2 / 2, above 0.</param>
    /// <param name="intercepts">Where to begin; receives the intercepts [users].</param>
    public static void Solve(float[] logits, float[] labels, float[] weights, ReadOnlySpan<float> starts, double l2, Span<float> intercepts)
    {
        int samples = logits.Length / starts.Length;
        for (int user = 0; user < starts.Length; user++)
        {
            Range range = (user * samples)..((user + 1) * samples);
            intercepts[user] = Solve(logits.AsSpan(range), labels.AsSpan(range), weights.AsSpan(range), starts[user], l2, intercepts[user]);
        }
    }

    private static float Solve(
        ReadOnlySpan<float> logits, ReadOnlySpan<float> labels, ReadOnlySpan<float> weights, float start, double l2, double intercept)
    {
        for (int i = 0; i < MaximumNumberOfSteps; i++)
        {
            double slope = l2 * (intercept - start);
            double curvature = l2;
            for (int sample = 0; sample < logits.Length; sample++)
            {
                if (weights[sample] != 0)
                {
                    double probability = 1 / (1 + Math.Exp(-(logits[sample] + intercept)));
                    slope += weights[sample] * (probability - labels[sample]);
                    curvature += weights[sample] * probability * (1 - probability);
                }
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
}
