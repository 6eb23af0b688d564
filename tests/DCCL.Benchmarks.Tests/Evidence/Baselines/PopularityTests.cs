using DCCL.Benchmarks.Evidence.Baselines;
using NUnit.Framework;

namespace DCCL.Benchmarks.Tests.Evidence.Baselines;

public sealed class PopularityTests
{
    [Test]
    public void Train_WithoutLabels_CountsEvents()
    {
        Popularity popularity = Popularity.Train(SmallLog.Create(2, 4, (1, 1), (1, 2), (2, 2), (2, 3), (2, 2)));
        Assert.That(Scores.Of(popularity, 1, [1], 1, 2, 3, 4), Is.EqualTo(new[] { 1f, 3f, 1f, 0f }));
    }

    [Test]
    public void Train_WithLabels_IsTheSmoothedRate()
    {
        // Rate 2 of 4. Item 1: 2 of 2, so (2 + 10 * 0.5) / (2 + 10) = 7 / 12; item 2: (0 + 5) / 12; item 3, never shown: 1 / 2.
        Popularity popularity = Popularity.Train(SmallLog.CreateLabelled(2, 3, (1, 1, true), (1, 2, false), (2, 1, true), (2, 2, false)));
        float[] scores = Scores.Of(popularity, 1, [], 1, 2, 3);
        Assert.That(scores, Is.EqualTo(new[] { (float)Math.Log(7.0 / 5), (float)Math.Log(5.0 / 7), 0f }).Within(1e-6f));
    }
}
