using CsCheck;
using DCCL.ML.Evaluation;
using DCCL.ML.Tests.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Evaluation;

public sealed class ItemRankingMetricsTests
{
    // Few different values, so that ties are the rule; lengths around the vector width.
    private static readonly Gen<float[]> _scores = Gen.Int[-3, 3].Select(value => value / 2f).Array[1, 70];

    [TestCase(new[] { 3f, 1f, 2f }, 0, 1.0)]
    [TestCase(new[] { 3f, 1f, 2f }, 1, 3.0)]
    [TestCase(new[] { 3f, 1f, 3f, 2f }, 0, 1.5)]
    [TestCase(new[] { 3f, 1f, 3f, 1f, 1f }, 4, 4.0)]
    [TestCase(new[] { 5f }, 0, 1.0)]
    [TestCase(new[] { 1f, float.PositiveInfinity, float.NegativeInfinity }, 0, 2.0)]
    [TestCase(new[] { 0f, -0f }, 0, 1.5)]
    public void GetRank_WorkedByHand(float[] scores, int target, double expected) =>
        Assert.That(ItemRankingMetrics.GetRank(scores, target), Is.EqualTo(expected));

    [Test]
    public void GetRank_RandomScoresWithTies_IsMeanPlaceOfEqualScoresInSortedOrder()
    {
        foreach ((float[] scores, int index) in SeededCases.Take(Gen.Select(_scores, Gen.Int[0, 69]), 300))
        {
            int target = index % scores.Length;
            float[] sorted = [.. scores.OrderDescending()];
            double expected = Enumerable.Range(0, sorted.Length)
                .Where(place => sorted[place] == scores[target])
                .Average(place => place + 1.0);
            Assert.That(
                ItemRankingMetrics.GetRank(scores, target), Is.EqualTo(expected), $"{target} of [{string.Join(", ", scores)}]");
        }
    }

    [Test]
    public void CountGreaterAndEqual_EveryLength_CountsOneByOne()
    {
        for (int length = 0; length <= 100; length++)
        {
            float[] scores = [.. Enumerable.Range(0, length).Select(i => i % 7 == 3 ? float.NaN : i * 13 % 5)];
            Assert.That(
                ItemRankingMetrics.CountGreaterAndEqual(scores, 2f),
                Is.EqualTo((scores.Count(score => score > 2f), scores.Count(score => score == 2f))),
                $"length {length}");
        }
    }

    [Test]
    public void GetRank_ConstantScores_IsTheMiddleAndNotFirst()
    {
        float[] scores = new float[101];
        Assert.That(ItemRankingMetrics.GetRank(scores, 0), Is.EqualTo(51));
    }

    [Test]
    public void GetRank_NaN_NeverRanksFirst()
    {
        Assert.Multiple(() =>
        {
            Assert.That(ItemRankingMetrics.GetRank([float.NaN, 1f], 0), Is.EqualTo(double.PositiveInfinity));
            Assert.That(ItemRankingMetrics.GetRank([float.NaN], 0), Is.EqualTo(double.PositiveInfinity));
            Assert.That(ItemRankingMetrics.GetRank([float.NaN, float.NaN], 1), Is.EqualTo(double.PositiveInfinity));
            Assert.That(ItemRankingMetrics.GetRank([float.NaN, 1f, 2f], 1), Is.EqualTo(2), "another item's NaN counts as lower");
            Assert.That(ItemRankingMetrics.HitRate(double.PositiveInfinity, int.MaxValue), Is.Zero);
            Assert.That(ItemRankingMetrics.Ndcg(double.PositiveInfinity, int.MaxValue), Is.Zero);
            Assert.That(ItemRankingMetrics.ReciprocalRank(double.PositiveInfinity), Is.Zero);
        });
    }

    [Test]
    public void GetRank_TargetOutsideScores_Throws()
    {
        Assert.That(() => ItemRankingMetrics.GetRank([1f], 1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => ItemRankingMetrics.GetRank([1f], -1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    // 1 / log2(2) = 1, 1 / log2(4) = 1/2, 1 / log2(8) = 1/3.
    [TestCase(1.0, 10, 1.0, 1.0, 1.0)]
    [TestCase(3.0, 10, 1.0, 0.5, 1 / 3.0)]
    [TestCase(7.0, 10, 1.0, 1 / 3.0, 1 / 7.0)]
    [TestCase(7.0, 5, 0.0, 0.0, 1 / 7.0)]
    [TestCase(10.0, 10, 1.0, 0.28906482631788788, 0.1)]
    [TestCase(10.5, 10, 0.0, 0.0, 1 / 10.5)]
    [TestCase(11.0, 10, 0.0, 0.0, 1 / 11.0)]
    public void Metrics_WorkedByHand(double rank, int cutoff, double hitRate, double ndcg, double reciprocalRank)
    {
        Assert.Multiple(() =>
        {
            Assert.That(ItemRankingMetrics.HitRate(rank, cutoff), Is.EqualTo(hitRate));

            // A few units in the last place of numbers up to 1.
            Assert.That(ItemRankingMetrics.Ndcg(rank, cutoff), Is.EqualTo(ndcg).Within(1e-15));
            Assert.That(ItemRankingMetrics.ReciprocalRank(rank), Is.EqualTo(reciprocalRank));
        });
    }
}
