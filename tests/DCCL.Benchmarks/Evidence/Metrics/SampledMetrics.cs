using DCCL.Benchmarks.Evidence.Outcomes;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence.Metrics;

/// <summary>Ranking among sampled candidates, as much of the literature does it, and corrected.</summary>
/// <remarks>
/// <para>
/// Each event's item is ranked among candidates drawn uniformly, with replacement, from the other unseen items. Of such a draw
/// only the number of those that stand above the item counts, which is binomial with probability <c>(rank - 1) / (n - 1)</c>: it is drawn from
/// the rank among all. The same draws serve all methods.
/// </para>
/// <para>Such figures do not tell which method is better: they are here to be compared with the literature.</para>
/// </remarks>
internal static class SampledMetrics
{
    private const int Cutoff = 10;

    public static IEnumerable<EvidenceMetric> Create()
    {
        int count = MetricCatalog.NumberOfSampledCandidates;
        string drawn = $"among {count} sampled candidates; NOT comparable with the ranking among all items";
        yield return Raw("sampledHr10", "HR@10 (sampled)", drawn, rank => ItemRankingMetrics.HitRate(rank, Cutoff));
        yield return Raw("sampledNdcg10", "NDCG@10 (sampled)", drawn, rank => ItemRankingMetrics.Ndcg(rank, Cutoff));
        string corrected = $"estimated from {count} sampled candidates, corrected (Krichene and Rendle, KDD 2020)";
        yield return Corrected("correctedHr10", "HR@10 (sampled, corrected)", corrected, rank => ItemRankingMetrics.HitRate(rank, Cutoff));
        yield return Corrected("correctedNdcg10", "NDCG@10 (sampled, corrected)", corrected, rank => ItemRankingMetrics.Ndcg(rank, Cutoff));
    }

    /// <summary>Draws the rank of a user's event among sampled candidates.</summary>
    /// <param name="user">The user.</param>
    /// <param name="index">The event's number among the user's ranked ones.</param>
    /// <param name="rank">The rank among all.</param>
    /// <param name="numberOfCandidates">The number of items that it was ranked among, itself included.</param>
    /// <param name="numberOfSamples">The number of candidates to draw.</param>
    public static int DrawRank(int user, int index, double rank, int numberOfCandidates, int numberOfSamples)
    {
        double share = numberOfCandidates < 2 ? 0 : (rank - 1) / (numberOfCandidates - 1);
        SeededRandom random = new SeededRandom(user).Fork((ulong)index);
        int above = 0;
        for (int i = 0; i < numberOfSamples; i++)
        {
            above += random.NextDouble() < share ? 1 : 0;
        }

        return 1 + above;
    }

    private static EvidenceMetric Raw(string name, string title, string description, Func<double, double> metric) =>
        EvidenceMetric.Mean(name, title, description, (user, facts, _) => (Sum(user, facts, rank => metric(rank)), user.Ranks.Length)) with
        {
            IsQuality = false,
        };

    private static EvidenceMetric Corrected(string name, string title, string description, Func<double, double> metric) => new(
        name,
        title,
        description,
        set =>
        {
            // One estimator for the mean number of candidates; users differ in it by what they have seen.
            double events = set.Users.Sum(user => (double)user.Ranks.Length);
            int candidates = (int)Math.Round(set.Facts.Sum(facts => facts.Candidates.Sum(count => (double)count)) / Math.Max(1, events));
            double[] estimator = SampledEstimator.Solve(candidates, MetricCatalog.NumberOfSampledCandidates, metric);
            return EvidenceMetric.Mean(
                name, title, description, (user, facts, _) => (Sum(user, facts, rank => estimator[rank - 1]), user.Ranks.Length)).Create(set);
        })
    {
        IsQuality = false,
    };

    private static double Sum(UserOutcome user, UserFacts facts, Func<int, double> metric)
    {
        double sum = 0;
        for (int i = 0; i < user.Ranks.Length; i++)
        {
            sum += metric(DrawRank(user.User, i, user.Ranks[i], facts.Candidates[i], MetricCatalog.NumberOfSampledCandidates));
        }

        return sum;
    }
}
