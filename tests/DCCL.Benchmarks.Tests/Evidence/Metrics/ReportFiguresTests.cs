using DCCL.Benchmarks.Evidence.Metrics;
using DCCL.Benchmarks.Evidence.Reporting;
using NUnit.Framework;

namespace DCCL.Benchmarks.Tests.Evidence.Metrics;

public sealed class ReportFiguresTests
{
    private static readonly EvidenceMetric _hitRate = MetricCatalog.All.Single(metric => metric.Name == "hr10");

    [Test]
    public void Harm_TenUsers_IsTheTableByHand()
    {
        Harm harm = Harm.Compute([-0.5, -0.1, 0, 0, 0, 0.1, 0.1, 0.2, 0.3, 0.4]);
        Assert.Multiple(() =>
        {
            Assert.That(harm.Harmed, Is.EqualTo(0.2));
            Assert.That(harm.Helped, Is.EqualTo(0.5));
            Assert.That(harm.WorstDecile, Is.EqualTo(-0.5));
            Assert.That(harm.Median, Is.EqualTo(0.05));
        });
    }

    [Test]
    public void Harm_UsersWithSeeds_CountByTheirMean()
    {
        // User 1: gains with one seed what the other loses. User 2: loses with one.
        UserSet[] method = [UserSets.Create(UserSets.Ranked(1, 1), UserSets.Ranked(2, 50)), UserSets.Create(UserSets.Ranked(1, 50), UserSets.Ranked(2, 1))];
        UserSet[] baseline = [UserSets.Create(UserSets.Ranked(1, 50), UserSets.Ranked(2, 1)), UserSets.Create(UserSets.Ranked(1, 1), UserSets.Ranked(2, 1))];
        Harm harm = Harm.Compute(_hitRate, method, baseline);
        Assert.Multiple(() =>
        {
            Assert.That(harm.Users, Is.EqualTo(2));
            Assert.That(harm.Harmed, Is.EqualTo(0.5));
            Assert.That(harm.Helped, Is.Zero);
        });
    }

    [Test]
    public void Compare_EveryUserGains_ExcludesZero()
    {
        UserSet better = UserSets.Create([.. Enumerable.Range(1, 20).Select(user => UserSets.Ranked(user, 1, 1))]);
        UserSet worse = UserSets.Create([.. Enumerable.Range(1, 20).Select(user => UserSets.Ranked(user, 1, user % 2 == 0 ? 50 : 1))]);
        Figure figure = Figure.Compare(_hitRate, [better, better], [worse, better], relative: false);
        Assert.Multiple(() =>
        {
            Assert.That(figure.Seeds, Is.EqualTo(new double?[] { 0.25, 0 }));
            Assert.That(figure.Estimate, Is.EqualTo(0.125).Within(1e-12));
            Assert.That(Comparison.GetVerdict(figure), Is.EqualTo("better"));
            Assert.That(Comparison.GetVerdict(Figure.Compare(_hitRate, [better], [better], relative: false)), Is.EqualTo("the same"));
            Assert.That(Comparison.GetVerdict(Figure.Compare(_hitRate, [worse], [better], relative: false)), Is.EqualTo("worse"));
        });
    }

    // The rates are 1 for the best, 1 or 3/4 with the two seeds in between, and 1/2 for the baseline.
    [Test]
    public void Share_OfAGain_IsThatOfTheMeans()
    {
        UserSet best = UserSets.Create([.. Enumerable.Range(1, 20).Select(user => UserSets.Ranked(user, 1))]);
        UserSet between = UserSets.Create([.. Enumerable.Range(1, 20).Select(user => UserSets.Ranked(user, user % 4 == 0 ? 50 : 1))]);
        UserSet worst = UserSets.Create([.. Enumerable.Range(1, 20).Select(user => UserSets.Ranked(user, user % 2 == 0 ? 50 : 1))]);

        Figure figure = Figure.Share(_hitRate, [best, between], [worst, worst], [best, best]);

        Assert.That(figure.Seeds, Is.EqualTo(new double?[] { 1, 0.5 }));
        Assert.That(figure.Estimate, Is.EqualTo(0.75).Within(1e-12));
        Assert.That(figure.Lower, Is.InRange(0.5, 0.75));
        Assert.That(figure.Upper, Is.InRange(0.75, 1));
    }
}
