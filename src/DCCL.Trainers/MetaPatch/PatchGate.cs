namespace DCCL.Trainers.MetaPatch;

/// <summary>Decides from held-back events how much of each user's patch is kept.</summary>
/// <remarks>
/// <para>
/// Users are put into buckets of similar numbers of events. A user's strength is the one under which start + s (theta - start) has
/// the least cross-entropy on the user's own held-back events and on a number of events, the prior, of which each has the mean loss
/// of the bucket: few events of one's own say little but noise, and the bucket decides; many decide alone. The intercept has a
/// strength of its own: its gain is so large that it would hide what the rest of the patch does. What else is asked for depends on what the
/// held-back events are: see the three ways to choose.
/// </para>
/// <para>Pure arithmetic on plain arrays.</para>
/// </remarks>
internal static class PatchGate
{
    /// <summary>Gets the strengths to choose from, of the intercept and of the rest; the first is the starting point itself.</summary>
    public static IReadOnlyList<(float Intercept, float Others)> Strengths { get; } =
        [(0, 0), (0.5f, 0), (1, 0), (1, 0.25f), (1, 0.5f), (1, 0.75f), (1, 1)];

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
    private static readonly int[] _all = [.. Enumerable.Range(0, Strengths.Count)];

    /// <summary>Chooses each user's strength by cross-entropy alone.</summary>
    /// <param name="numberOfEvents">Each user's number of events.</param>
    /// <param name="numberOfHeldBackEvents">Each user's number of held-back events.</param>
    /// <param name="losses">Each user's cross-entropy on the held-back events under each strength [users][strengths].</param>
    /// <param name="priorEvents">How many events the bucket's mean loss counts for.</param>
    /// <returns>The index of each user's strength, 0 for gated, the weakest of equally good ones.</returns>
    public static int[] Choose(int[] numberOfEvents, int[] numberOfHeldBackEvents, double[][] losses, double priorEvents)
    {
        int[] result = new int[numberOfEvents.Length];
        foreach (int[] bucket in GetBuckets(numberOfEvents))
        {
            Choose(bucket, _all, numberOfHeldBackEvents, losses, priorEvents, result);
        }

        return result;
    }

    /// <summary>Chooses each user's strength on labelled events.</summary>
    /// <remarks>
    /// The rest of a patch is there to tell a user's own items apart, and few events say little of that: all users have it at the same strength, the
    /// one under which pairs of a positive and a negative event of the same user are told apart best, if that is more than one standard error better
    /// than without. Then each user has nothing, half the intercept, or all of it with that rest, by cross-entropy; and nobody has anything unless
    /// that, too, is more than one standard error better for all users together. A single user is judged alone, and has an intercept at most.
    /// </remarks>
    /// <param name="numberOfEvents">Each user's number of events.</param>
    /// <param name="evidence">What each user's held-back events say.</param>
    /// <param name="priorEvents">How many events the bucket's mean loss counts for.</param>
    /// <returns>The index of each user's strength, 0 for gated.</returns>
    public static int[] Choose(int[] numberOfEvents, HeldBackEvidence[] evidence, double priorEvents)
    {
        int[] heldBack = Array.ConvertAll(evidence, own => own.NumberOfEvents);
        double[][] losses = Array.ConvertAll(evidence, own => own.Losses);
        double[][] ofPairs = Array.ConvertAll(evidence, own => Array.ConvertAll(own.PairLosses ?? [], loss => -loss));
        double[][] ofEvents = Array.ConvertAll(evidence, own => Array.ConvertAll(own.Losses, loss => -loss / own.NumberOfEvents));
        int[] users = [.. Enumerable.Range(0, evidence.Length)];
        int others = ChooseByGain([.. users.Where(user => ofPairs[user].Length > 0)], _all, ofPairs, standardErrors: 1);
        int[] offered = [0, 1, others == 0 ? 2 : others];
        int[] judged = [.. users.Where(user => heldBack[user] > 0)];
        int[] result = new int[numberOfEvents.Length];
        if (judged.Length == 1 || ChooseByGain(judged, offered, ofEvents, standardErrors: 1) > 0)
        {
            foreach (int[] bucket in GetBuckets(numberOfEvents))
            {
                Choose(bucket, offered, heldBack, losses, priorEvents, result);
            }
        }

        return result;
    }

    private static void Choose(int[] bucket, int[] offered, int[] numberOfHeldBackEvents, double[][] losses, double priorEvents, int[] result)
    {
        double heldBack = Math.Max(1, bucket.Sum(user => numberOfHeldBackEvents[user]));
        double[] means = [.. offered.Select(strength => bucket.Sum(user => losses[user][strength]) / heldBack)];
        foreach (int user in bucket)
        {
            double[] judged = [.. means.Select((mean, i) => losses[user][offered[i]] + (priorEvents * mean))];
            result[user] = offered[Array.IndexOf(judged, judged.Min())];
        }
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
        int[] result = new int[numberOfEvents.Length];
        foreach (int[] bucket in GetBuckets(numberOfEvents))
        {
            int best = ChooseByGain([.. bucket.Where(user => isMeasured[user])], _all, gains, standardErrors: 2);
            foreach (int user in bucket)
            {
                result[user] = best;
            }
        }

        return result;
    }

    /// <summary>Chooses one strength for all users by a gain that is higher where patches are better, if it is more than two standard errors.</summary>
    /// <remarks>For patches that are sums over a user's events: how much they count for is one number, which all users together tell best.</remarks>
    /// <param name="gains">The gain under each strength of each user who was measured [users][strengths].</param>
    /// <returns>The index of the strength, 0 for gated.</returns>
    public static int ChooseForAll(double[][] gains) => ChooseByGain(
        [.. Enumerable.Range(0, gains.Length)], [.. Enumerable.Range(0, gains.FirstOrDefault([]).Length)], gains, standardErrors: 2);

    // The strength whose mean gain over the starting point less some standard errors is the largest above 0; 0 if none is, or one user is all there are.
    private static int ChooseByGain(int[] users, int[] offered, double[][] gains, double standardErrors)
    {
        double most = 0;
        int best = 0;
        foreach (int strength in users.Length > 1 ? offered : [])
        {
            double mean = users.Average(user => gains[user][strength] - gains[user][0]);
            double variance = users.Sum(user => Math.Pow(gains[user][strength] - gains[user][0] - mean, 2)) / (users.Length - 1);
            double sure = mean - (standardErrors * Math.Sqrt(variance / users.Length));
            if (sure > most)
            {
                (most, best) = (sure, strength);
            }
        }

        return best;
    }

    // Equal parts, but users with equally many events stay together.
    private static IEnumerable<int[]> GetBuckets(int[] numberOfEvents)
    {
        int[] order = [.. Enumerable.Range(0, numberOfEvents.Length).OrderBy(user => numberOfEvents[user])];
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
