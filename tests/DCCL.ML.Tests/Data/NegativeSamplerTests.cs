using DCCL.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Data;

public sealed class NegativeSamplerTests
{
    [TestCase(0)]
    [TestCase(0.75)]
    public void Sample_RandomLogs_NeverDrawsSeenAndDrawsAllUnseen(double exponent)
    {
        int[] negatives = new int[500];
        foreach (RandomLog random in SeededCases.Take(RandomLog.Gen, 100))
        {
            NegativeSampler sampler = new(random.Create(), seed: 3, exponent);
            for (int user = 1; user <= RandomLog.NumberOfUsers; user++)
            {
                int[] seen = [.. random.Expected(user).Select(row => row.Item).Distinct().Order()];
                int[] unseen = [.. Enumerable.Range(1, RandomLog.NumberOfItems).Except(seen)];
                sampler.Sample(user, negatives);

                // The least likely item has probability at least 1/9 of (1/80)^0.75, above 0.4 %, mostly far above;
                // uniformly 1/9: missing it 500 times has probability 1e-26.
                Assert.That(sampler.GetSeenItems(user).ToArray(), Is.EqualTo(seen), $"{random}");
                Assert.That(negatives.Intersect(seen), Is.Empty, $"{random}");
                Assert.That(negatives.Distinct().Order(), Is.EqualTo(unseen.Length == 0 ? [0] : unseen), $"{random}");
            }
        }
    }

    [Test]
    public void Sample_Uniform_PassesTheChiSquareTest()
    {
        // User 1 has seen the odd items of 40, so that 20 are left, 19 degrees of freedom.
        int[] items = [.. Enumerable.Range(0, 20).Select(i => (2 * i) + 1)];
        NegativeSampler sampler = new(InteractionLog.Create(1, 40, [.. items.Select(_ => 1)], items, timestamps: null), seed: 5);

        Assert.That(ChiSquare(sampler, [.. Enumerable.Range(1, 20).Select(i => (2 * i, 1.0))]), Is.LessThan(43.8), "99.9 % quantile for 19 degrees");
    }

    [TestCase(5, "by rejection")]
    [TestCase(1, "exactly: user 1 has seen nearly all of the weight")]
    public void Sample_ByPopularity_PassesTheChiSquareTest(int numberOfPopularUnseen, string way)
    {
        // Items 1 to 10 have 9,999 events each, all but some of them seen by user 1; items 11 to 20 have 0 to 9 events.
        List<int> users = [];
        List<int> items = [];
        for (int item = 1; item <= 20; item++)
        {
            int events = item <= 10 ? 9999 : item - 11;
            users.AddRange(Enumerable.Repeat(2, events));
            items.AddRange(Enumerable.Repeat(item, events));
        }

        bool exactly = numberOfPopularUnseen == 1;
        int numberOfSeen = exactly ? 10 : 10 - numberOfPopularUnseen;
        users.AddRange(Enumerable.Repeat(1, numberOfSeen));
        items.AddRange(Enumerable.Range(1, numberOfSeen));
        NegativeSampler sampler = new(InteractionLog.Create(2, 20, [.. users], [.. items], timestamps: null), seed: 5, exponent: 0.5);
        (int, double)[] expected = exactly
            ? [.. Enumerable.Range(11, 10).Select(item => (item, Math.Sqrt(item - 10)))]
            : [.. Enumerable.Range(6, 5).Select(item => (item, 100.0)), (0, Enumerable.Range(1, 10).Sum(n => Math.Sqrt(n)))];

        Assert.That(ChiSquare(sampler, expected), Is.LessThan(27.9), $"99.9 % quantile for 9 degrees, and more than for 5; drawn {way}");
    }

    [Test]
    public void Sample_UserHasSeenEverything_FillsWithPadding()
    {
        int[] negatives = [7, 7, 7];
        foreach (double exponent in new[] { 0, 1.0 })
        {
            new NegativeSampler(InteractionLog.Create(1, 2, [1, 1], [1, 2], timestamps: null), seed: 1, exponent).Sample(1, negatives);
            Assert.That(negatives, Is.EqualTo(new[] { 0, 0, 0 }));
        }
    }

    [Test]
    public void Sample_SameSeed_SameItemsAndOtherSeedOthers()
    {
        InteractionLog log = InteractionLog.Create(1, 1000, [1], [1], timestamps: null);
        int[] first = new int[50];
        int[] same = new int[50];
        int[] other = new int[50];
        new NegativeSampler(log, seed: 1).Sample(1, first);
        new NegativeSampler(log, seed: 99).Sample(1, same, new SeededRandom(1));
        new NegativeSampler(log, seed: 2).Sample(1, other);

        Assert.That(same, Is.EqualTo(first));
        Assert.That(other, Is.Not.EqualTo(first));
    }

    [TestCase(0)]
    [TestCase(2)]
    public void Sample_UserOutsideTheLog_Throws(int user)
        => Assert.That(
            () => new NegativeSampler(InteractionLog.Create(1, 2, [1], [1], timestamps: null), seed: 1).Sample(user, new int[1]),
            Throws.TypeOf<ArgumentOutOfRangeException>());

    // Weights by item; item 0 stands for all items not named.
    private static double ChiSquare(NegativeSampler sampler, (int Item, double Weight)[] expected)
    {
        int[] drawn = new int[50_000];
        sampler.Sample(1, drawn);
        double sum = expected.Sum(entry => entry.Weight);
        HashSet<int> named = [.. expected.Select(entry => entry.Item)];
        return expected.Sum(entry =>
        {
            double count = drawn.Length * entry.Weight / sum;
            int actual = drawn.Count(item => item == entry.Item || (entry.Item == 0 && !named.Contains(item)));
            return (actual - count) * (actual - count) / count;
        });
    }
}
