namespace DCCL.ML.Device;

/// <summary>Decides from one person's held-back events how much of a learnt patch is kept.</summary>
/// <remarks>
/// A device knows nothing of other people, so that the gain on the few held-back events has to be clearly above zero by itself. The
/// intercept has a strength of its own: it gains so much that it would hide what the rest does. Pure arithmetic.
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
