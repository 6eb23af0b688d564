using DCCL.ML.Data;
using DCCL.ML.Recommendation;
using NUnit.Framework;

namespace DCCL.ML.Tests.Recommendation;

public sealed class TopItemsTests
{
    [Test]
    public void Select_RandomScoresWithTies_IsTheHeadOfTheSortedList([Range(1, 30)] int seed)
    {
        SeededRandom random = new(seed);
        float[] scores = [.. Enumerable.Range(0, random.Next(60)).Select(_ => (float)(random.Next(12) - 6))];
        int count = random.Next(70);

        int[] actual = TopItems.Select(scores, count);

        int[] expected = [.. Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i]).ThenBy(i => i).Take(count)];
        Assert.That(actual, Is.EqualTo(expected));
    }

    [Test]
    public void Select_InfiniteScores_ComeFirstAndLast() =>
        Assert.That(TopItems.Select([1, float.NegativeInfinity, float.PositiveInfinity, 2], 4), Is.EqualTo(new[] { 2, 3, 0, 1 }));

    [TestCase(2, new[] { 3, 1 })]
    [TestCase(5, new[] { 3, 1, 4, 0, 2 })]
    public void Select_ScoresThatAreNoNumbers_ComeLast(int count, int[] expected) =>
        Assert.That(TopItems.Select([float.NaN, 1, float.NaN, 2, float.NegativeInfinity], count), Is.EqualTo(expected));
}
