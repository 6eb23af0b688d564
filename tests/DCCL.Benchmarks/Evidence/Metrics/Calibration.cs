using DCCL.Benchmarks.Evidence.Outcomes;

namespace DCCL.Benchmarks.Evidence.Metrics;

/// <summary>Whether what is said to happen with probability p happens in a share p of the cases.</summary>
/// <remarks>
/// Events fall into bins of equal width by their probability. The expected calibration error is the mean over events of
/// <c>|mean label of the bin - mean probability of the bin|</c>. Source: Naeini et al., "Obtaining well calibrated probabilities using
/// Bayesian binning", AAAI 2015.
/// </remarks>
internal static class Calibration
{
    public const int NumberOfBins = 10;

    /// <summary>A bin of the reliability curve.</summary>
    /// <param name="Count">The number of events.</param>
    /// <param name="Probability">The sum of their probabilities.</param>
    /// <param name="Positives">The number of positive ones.</param>
    public readonly record struct Bin(double Count, double Probability, double Positives)
    {
        public Bin Plus(Bin other, double times) =>
            new(Count + (times * other.Count), Probability + (times * other.Probability), Positives + (times * other.Positives));
    }

    /// <summary>Sorts events into bins.</summary>
    public static Bin[] Count(ReadOnlySpan<float> logits, ReadOnlySpan<bool> labels)
    {
        Bin[] bins = new Bin[NumberOfBins];
        for (int i = 0; i < logits.Length; i++)
        {
            double probability = 1 / (1 + Math.Exp(-logits[i]));
            int bin = double.IsNaN(probability) ? 0 : Math.Min(NumberOfBins - 1, (int)(probability * NumberOfBins));
            bins[bin] = bins[bin].Plus(new Bin(1, probability, labels[i] ? 1 : 0), 1);
        }

        return bins;
    }

    /// <summary>Gets the expected calibration error; NaN without events.</summary>
    public static double GetError(IReadOnlyList<Bin> bins) =>
        bins.Sum(bin => Math.Abs(bin.Probability - bin.Positives)) / bins.Sum(bin => bin.Count);

    /// <summary>Gets the bins of many users.</summary>
    public static Bin[] Count(UserSet set)
    {
        Bin[] sum = new Bin[NumberOfBins];
        foreach (UserOutcome user in set.Users)
        {
            Bin[] bins = Count(user.Logits, user.Labels);
            for (int bin = 0; bin < sum.Length; bin++)
            {
                sum[bin] = sum[bin].Plus(bins[bin], 1);
            }
        }

        return sum;
    }

    public static Func<int[], double> CreateStatistic(UserSet set)
    {
        Bin[][] ofUsers = [.. set.Users.Select(user => Count(user.Logits, user.Labels))];
        return draws =>
        {
            Bin[] sum = new Bin[NumberOfBins];
            for (int user = 0; user < draws.Length; user++)
            {
                for (int bin = 0; bin < sum.Length; bin++)
                {
                    sum[bin] = sum[bin].Plus(ofUsers[user][bin], draws[user]);
                }
            }

            return GetError(sum);
        };
    }
}
