using DCCL.Benchmarks.Evidence.Metrics;
using DCCL.Benchmarks.Evidence.Outcomes;
using NUnit.Framework;

namespace DCCL.Benchmarks.Tests.Evidence.Metrics;

public sealed class MetricCatalogTests
{
    [Test]
    public void Ranking_Events_AreMeansOverEvents()
    {
        UserSet set = UserSets.Create(UserSets.Ranked(1, 1, 8), UserSets.Ranked(2, 15));
        Assert.Multiple(() =>
        {
            Assert.That(Compute("hr5", set), Is.EqualTo(1.0 / 3).Within(1e-12));
            Assert.That(Compute("hr10", set), Is.EqualTo(2.0 / 3).Within(1e-12));
            Assert.That(Compute("hr20", set), Is.EqualTo(1));
            Assert.That(Compute("ndcg10", set), Is.EqualTo((1 + (1 / Math.Log2(9))) / 3).Within(1e-12));
            Assert.That(Compute("mrr", set), Is.EqualTo((1 + (1.0 / 8) + (1.0 / 15)) / 3).Within(1e-12));
        });
    }

    [Test]
    public void Recall_Lists_IsTheShareOfWhatIsTaken()
    {
        // The users take the items 1 to 4 in the test.
        UserOutcome first = new(1, 1, [], [], [], [1, 9, 2, 8, 7, 4]);
        UserOutcome second = new(2, 1, [], [], [], [5, 6]);
        UserSet set = UserSets.Create(first, second);
        Assert.Multiple(() =>
        {
            Assert.That(Compute("recall5", set), Is.EqualTo((2.0 / 4) / 2));
            Assert.That(Compute("recall10", set), Is.EqualTo((3.0 / 4) / 2));
        });
    }

    [Test]
    public void Calibration_TwoBins_IsTheErrorByHand()
    {
        // Probability 1/2: one positive of four, so |4/2 - 1| = 1. Probability 0.9: two of two, so |1.8 - 2| = 0.2. Six events.
        float logit = (float)Math.Log(9);
        UserSet set = UserSets.Create(
            UserSets.Labelled(1, (0, true), (0, false), (logit, true)), UserSets.Labelled(2, (0, false), (0, false), (logit, true)));
        Assert.That(Compute("ece", set), Is.EqualTo(1.2 / 6).Within(1e-6));
    }

    [Test]
    public void Calibration_DrawnUsers_CountAsOftenAsTheyAreDrawn()
    {
        UserSet set = UserSets.Create(UserSets.Labelled(1, (0, true)), UserSets.Labelled(2, (0, false)));
        Func<int[], double> statistic = MetricCatalog.All.Single(metric => metric.Name == "ece").Create(set);
        Assert.Multiple(() =>
        {
            Assert.That(statistic([1, 1]), Is.Zero);
            Assert.That(statistic([2, 0]), Is.EqualTo(0.5));
            Assert.That(statistic([3, 1]), Is.EqualTo(0.25));
        });
    }

    private static double Compute(string name, UserSet set) => MetricCatalog.All.Single(metric => metric.Name == name).Compute(set);
}
