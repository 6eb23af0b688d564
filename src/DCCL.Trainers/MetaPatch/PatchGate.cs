namespace DCCL.Trainers.MetaPatch;

/// <summary>Decides from held-back events how much of each user's patch is kept.</summary>
/// <remarks>
/// <para>
/// Users are put into buckets of similar numbers of events. A user's strength is the one under which start + s (theta - start) has
/// the least cross-entropy on the user's own held-back events and on a number of events, the prior, of which each has the mean loss
/// of the bucket: few events of one's own say little but noise, and the bucket decides; many decide alone. The intercept has a
/// strength of its own: its gain is so large that it would hide what the rest of the patch does.
/// </para>
/// <para>Pure arithmetic on plain arrays.</para>
/// </remarks>
internal static class PatchGate
{
    /// <summary>Gets the strengths to choose from, of the intercept and of the rest; the first is the starting point itself.</summary>
    public static IReadOnlyList<(float Intercept, float Others)> Strengths { get; } =
        [(0, 0), (0.5f, 0), (1, 0), (1, 0.25f), (1, 0.5f), (1, 0.75f), (1, 1)];

    /// <summary>What a strength multiplies each element of a patch by.</summary>
    /// <param name="strength">The index of the strength.</param>
    /// <param name="size">The length of the patch.</param>
    public static float[] GetFactors(int strength, int size)
    {
        float[] factors = new float[size];
        Array.Fill(factors, Strengths[strength].Others);
        factors[0] = Strengths[strength].Intercept;
        return factors;
    }

    /// <summary>Moves from one patch towards another.</summary>
    /// <param name="start">The starting point.</param>
    /// <param name="learnt">The learnt patch.</param>
    /// <param name="strength">The index of the strength.</param>
    /// <param name="result">Receives the patch.</param>
    public static void Apply(ReadOnlySpan<float> start, ReadOnlySpan<float> learnt, int strength, Span<float> result) =>
        Apply(start, learnt, Strengths[strength], result);

    /// <summary>Moves from one patch towards another.</summary>
    /// <param name="start">The starting point.</param>
    /// <param name="learnt">The learnt patch.</param>
    /// <param name="strength">How far, of the intercept and of the rest.</param>
    /// <param name="result">Receives the patch.</param>
    public static void Apply(ReadOnlySpan<float> start, ReadOnlySpan<float> learnt, (float Intercept, float Others) strength, Span<float> result)
    {
        (float intercept, float others) = strength;
        for (int k = 0; k < start.Length; k++)
        {
            result[k] = start[k] + ((k == 0 ? intercept : others) * (learnt[k] - start[k]));
        }
    }

    private const int NumberOfBuckets = 5;

    /// <summary>Chooses each user's strength.</summary>
    /// <param name="numberOfEvents">Each user's number of events.</param>
    /// <param name="numberOfHeldBackEvents">Each user's number of held-back events.</param>
    /// <param name="losses">Each user's cross-entropy on the held-back events under each strength [users][strengths].</param>
    /// <param name="priorEvents">How many events the bucket's mean loss counts for.</param>
    /// <returns>The index of each user's strength, 0 for gated, the weakest of equally good ones.</returns>
    public static int[] Choose(int[] numberOfEvents, int[] numberOfHeldBackEvents, double[][] losses, double priorEvents)
    {
        int[] order = [.. Enumerable.Range(0, numberOfEvents.Length).OrderBy(user => numberOfEvents[user])];
        int[] result = new int[order.Length];
        foreach (int[] bucket in GetBuckets(order, numberOfEvents))
        {
            double heldBack = Math.Max(1, bucket.Sum(user => numberOfHeldBackEvents[user]));
            double[] means = [.. Enumerable.Range(0, Strengths.Count).Select(strength => bucket.Sum(user => losses[user][strength]) / heldBack)];
            foreach (int user in bucket)
            {
                double[] judged = [.. means.Select((mean, strength) => losses[user][strength] + (priorEvents * mean))];
                result[user] = Array.IndexOf(judged, judged.Min());
            }
        }

        return result;
    }

    /// <summary>Chooses the strength of each bucket by a gain that is higher where patches are better.</summary>
    /// <remarks>
    /// A strength counts with the mean of its users' gains over the starting point, less two standard errors: what is not clearly better
    /// than nothing is gated.
    /// </remarks>
    /// <param name="numberOfEvents">Each user's number of events.</param>
    /// <param name="isMeasured">Whether a user's gain is known.</param>
    /// <param name="gains">Each user's gain under each strength [users][strengths].</param>
    /// <returns>The index of each user's strength, the same for a bucket, 0 for gated.</returns>
    public static int[] ChooseByGain(int[] numberOfEvents, bool[] isMeasured, double[][] gains)
    {
        int[] order = [.. Enumerable.Range(0, numberOfEvents.Length).OrderBy(user => numberOfEvents[user])];
        int[] result = new int[order.Length];
        foreach (int[] bucket in GetBuckets(order, numberOfEvents))
        {
            double[][] measured = [.. bucket.Where(user => isMeasured[user]).Select(user => gains[user])];
            double most = 0;
            int best = 0;
            for (int strength = 1; strength < Strengths.Count && measured.Length > 1; strength++)
            {
                double mean = measured.Average(own => own[strength] - own[0]);
                double variance = measured.Sum(own => Math.Pow(own[strength] - own[0] - mean, 2)) / (measured.Length - 1);
                double sure = mean - (2 * Math.Sqrt(variance / measured.Length));
                if (sure > most)
                {
                    (most, best) = (sure, strength);
                }
            }

            foreach (int user in bucket)
            {
                result[user] = best;
            }
        }

        return result;
    }

    // Equal parts, but users with equally many events stay together.
    private static IEnumerable<int[]> GetBuckets(int[] order, int[] numberOfEvents)
    {
        int start = 0;
        for (int bucket = 1; bucket <= NumberOfBuckets && start < order.Length; bucket++)
        {
            int end = bucket == NumberOfBuckets ? order.Length : Math.Max(start, order.Length * bucket / NumberOfBuckets);
            while (end > start && end < order.Length && numberOfEvents[order[end]] == numberOfEvents[order[end - 1]])
            {
                end++;
            }

            if (end > start)
            {
                yield return order[start..end];
            }

            start = end;
        }
    }
}
