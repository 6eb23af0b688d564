using DCCL.Benchmarks.Evidence.Metrics;
using DCCL.ML.Evaluation;
using NUnit.Framework;

namespace DCCL.Benchmarks.Tests.Evidence.Metrics;

public sealed class SampledEstimatorTests
{
    [Test]
    public void Solve_TwoItems_IsTheMetricItself()
    {
        // One sample of one other item: the sampled rank is the rank, whatever the weight of variance.
        Assert.That(SampledEstimator.Solve(2, 1, rank => 1 / rank, varianceWeight: 0.5), Is.EqualTo(new[] { 1, 0.5 }).Within(1e-12));
    }

    [Test]
    public void Solve_ThreeItems_IsTheSolutionByHand()
    {
        // P(1 | rank) = 1, 1/2, 0. Without variance: 1/3 [[5/4, 1/4], [1/4, 5/4]] x = 1/3 (1, 0), so x = (5/6, -1/6).
        double[] withoutVariance = SampledEstimator.Solve(3, 1, rank => ItemRankingMetrics.HitRate(rank, 1), varianceWeight: 0);
        Assert.That(withoutVariance, Is.EqualTo(new[] { 5.0 / 6, -1.0 / 6 }).Within(1e-12));

        // With variance alone, gamma = 1: c = (1/2, 1/2), so x = 2/3 (1, 0).
        double[] varianceAlone = SampledEstimator.Solve(3, 1, rank => ItemRankingMetrics.HitRate(rank, 1), varianceWeight: 1);
        Assert.That(varianceAlone, Is.EqualTo(new[] { 2.0 / 3, 0 }).Within(1e-12));
    }

    [Test]
    public void Solve_UniformRanks_KeepsTheMean()
    {
        // Summing the rows of the normal equations with gamma = 1: the mean over uniform ranks is that of the metric.
        const int Items = 60;
        const int Samples = 10;
        double[] estimator = SampledEstimator.Solve(Items, Samples, rank => ItemRankingMetrics.Ndcg(rank, 10), varianceWeight: 1);
        double mean = 0;
        for (int rank = 1; rank <= Items; rank++)
        {
            double share = (rank - 1.0) / (Items - 1);
            for (int above = 0; above <= Samples; above++)
            {
                mean += Choose(Samples, above) * Math.Pow(share, above) * Math.Pow(1 - share, Samples - above) * estimator[above] / Items;
            }
        }

        Assert.That(mean, Is.EqualTo(Enumerable.Range(1, Items).Average(rank => ItemRankingMetrics.Ndcg(rank, 10))).Within(1e-9));
    }

    [Test]
    public void DrawRank_ManyEvents_IsBinomial()
    {
        // Rank 26 of 101: a share of 1/4 of 40 samples stands above, 10 in the mean; the standard error of 4,000 draws is 0.043.
        double mean = Enumerable.Range(0, 4000).Average(index => SampledMetrics.DrawRank(7, index, 26, 101, 40));
        Assert.That(mean, Is.EqualTo(11).Within(0.17));
        Assert.That(SampledMetrics.DrawRank(7, 0, 1, 101, 40), Is.EqualTo(1), "nothing stands above the first");
        Assert.That(SampledMetrics.DrawRank(7, 0, 101, 101, 40), Is.EqualTo(41), "everything stands above the last");
    }

    private static double Choose(int n, int k) => Enumerable.Range(1, k).Aggregate(1.0, (product, i) => product * (n - k + i) / i);
}
