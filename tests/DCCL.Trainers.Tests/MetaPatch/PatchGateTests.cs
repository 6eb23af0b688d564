using DCCL.ML.Data;
using DCCL.Trainers.MetaPatch;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class PatchGateTests
{
    private static readonly int _full = PatchGate.Strengths.Count - 1;

    [Test]
    public void Strengths_FirstAndLast_AreTheStartAndTheWholePatch()
    {
        Assert.That(PatchGate.Strengths[0], Is.EqualTo((0f, 0f)));
        Assert.That(PatchGate.Strengths[_full], Is.EqualTo((1f, 1f)));
        Assert.That(PatchGate.Strengths, Is.Unique);
    }

    [Test]
    public void Apply_AnyStrength_MovesInterceptAndOthersByTheirShares()
    {
        float[] start = [1, 1, -2];
        float[] learnt = [2, 3, 2];
        float[] result = new float[3];
        for (int strength = 0; strength <= _full; strength++)
        {
            (float intercept, float others) = PatchGate.Strengths[strength];

            PatchGate.Apply(start, learnt, strength, result);

            Assert.That(result, Is.EqualTo(new[] { 1 + intercept, 1 + (2 * others), -2 + (4 * others) }).Within(1e-6));
        }
    }

    [Test]
    public void Choose_AHeavyPrior_TakesTheStrengthOfTheLeastTotalLoss()
    {
        // Alone, the first user would take strength 2 and the second one strength 1; together 2 is best.
        double[][] losses = [Losses(5, 4, 1), Losses(5, 4, 6)];

        Assert.That(PatchGate.Choose([7, 7], [3, 3], losses, priorEvents: 1000), Is.EqualTo(new[] { 2, 2 }));
    }

    [Test]
    public void Choose_NoPrior_JudgesEachUserAlone()
    {
        double[][] losses = [Losses(5, 4.8, 1), Losses(5, 4.8, 6), Losses(5, 5.8, 5.1), Losses(5, 4.8, 4.9)];

        Assert.That(PatchGate.Choose([7, 7, 7, 7], [4, 4, 4, 4], losses, priorEvents: 0), Is.EqualTo(new[] { 2, 1, 0, 1 }));
    }

    [Test]
    public void Choose_APriorOfSomeEvents_AddsAsManyTimesTheBucketsMeanLoss([Values(0.5, 2, 5)] double prior, [Range(1, 10)] int seed)
    {
        SeededRandom random = new(seed);
        int[] heldBack = [.. Enumerable.Range(0, 6).Select(_ => 1 + random.Next(4))];
        double[][] losses = [.. heldBack.Select(_ => Enumerable.Range(0, _full + 1).Select(_ => random.NextDouble()).ToArray())];

        int[] strengths = PatchGate.Choose([7, 7, 7, 7, 7, 7], heldBack, losses, prior);

        for (int user = 0; user < 6; user++)
        {
            int expected = Enumerable.Range(0, _full + 1).MinBy(strength =>
                losses[user][strength] + (prior * losses.Sum(own => own[strength]) / heldBack.Sum()));
            Assert.That(strengths[user], Is.EqualTo(expected));
        }
    }

    // Each of a hundred users gains or loses as much as another one by strength 1; strength 2 helps most of them.
    [Test]
    public void ChooseForAll_UsersWithGains_TakesTheStrengthThatIsSurelyBestForAllOrNone([Values(0.7, 0.5)] double share)
    {
        double[][] gains = [.. Enumerable.Range(0, 100).Select(user => (double[])[0, user % 2 == 0 ? 1 : -1, user < 100 * share ? 1 : -1, .. new double[_full - 2]])];

        Assert.That(PatchGate.ChooseForAll(gains), Is.EqualTo(share > 0.6 ? 2 : 0));
    }

    [Test]
    public void Choose_PatchesThatHelpNobody_GatesAll()
    {
        double[][] losses = [Losses(1, 2, 3), Losses(1, 2, 3)];

        Assert.That(PatchGate.Choose([7, 9], [0, 0], losses, priorEvents: 4), Is.EqualTo(new[] { 0, 0 }));
    }

    [Test]
    public void Choose_NothingHeldBack_GatesAll()
    {
        double[][] losses = [Losses(0, 0, 0), Losses(0, 0, 0)];

        Assert.That(PatchGate.Choose([1, 1], [0, 0], losses, priorEvents: 4), Is.EqualTo(new[] { 0, 0 }));
    }

    [Test]
    public void Choose_Nobody_IsEmpty()
    {
        Assert.That(PatchGate.Choose([], [], [], priorEvents: 4), Is.Empty);
    }

    [Test]
    public void Choose_UsersOfDifferentActivity_AreJudgedInFifths()
    {
        // Users 0 to 9 with 1 to 10 events: five buckets of two. Odd buckets profit from the whole patch, even ones do not.
        double[][] losses = [.. Enumerable.Range(0, 10).Select(user => user / 2 % 2 == 1 ? Losses(2, 1.9, 1.8, last: 1) : Losses(1, 2, 3))];

        int[] strengths = PatchGate.Choose([.. Enumerable.Range(1, 10)], [.. Enumerable.Repeat(1, 10)], losses, priorEvents: 1000);

        Assert.That(strengths, Is.EqualTo(new[] { 0, 0, _full, _full, 0, 0, _full, _full, 0, 0 }));
    }

    [Test]
    public void Choose_LabelledEvents_TakesTheRestThatTellsPairsApart()
    {
        // By the losses the whole patch is best for everybody, but pairs are told apart at strength 3 alone.
        HeldBackEvidence[] evidence = [.. Enumerable.Range(0, 4).Select(user => new HeldBackEvidence(5, Losses(9, 5, 4, last: 1), Pairs((3, 0.5 + (0.01 * user)))))];
        foreach (HeldBackEvidence own in evidence)
        {
            own.Losses[3] = 2;
        }

        Assert.That(PatchGate.Choose([7, 7, 7, 7], evidence, priorEvents: 4), Is.EqualTo(new[] { 3, 3, 3, 3 }));
    }

    [Test]
    public void Choose_LabelledEventsWhosePairsAreNotToldApart_KeepsInterceptsAlone()
    {
        // The rest seems to help each of them by the losses; of pairs it tells as many apart as it mixes up.
        HeldBackEvidence[] evidence =
        [
            new(5, Losses(9, 5, 4, last: 1), Pairs((_full, 0.5))), new(5, Losses(9, 4, 5, last: 1), Pairs((_full, 0.9))),
            new(5, Losses(3, 5, 4, last: 1), Pairs((_full, 0.5))), new(5, Losses(9, 5, 4, last: 1), Pairs((_full, 0.9))),
        ];

        Assert.That(PatchGate.Choose([7, 7, 7, 7], evidence, priorEvents: 0), Is.EqualTo(new[] { 2, 1, 0, 2 }));
    }

    // The gains in pairs of two users, a and b: mean (a + b) / 2, standard error |a - b| / 2.
    [TestCase(0.3, 0.01, 6)]
    [TestCase(0.3, -0.01, 2)]
    public void Choose_LabelledEvents_AGainInPairsCountsFromOneStandardErrorOn(double first, double second, int expected)
    {
        HeldBackEvidence[] evidence = [new(5, Losses(9, 5, 4, last: 1), Pairs((_full, 0.7 - first))), new(5, Losses(9, 5, 4, last: 1), Pairs((_full, 0.7 - second)))];

        Assert.That(PatchGate.Choose([7, 7], evidence, priorEvents: 4), Is.EqualTo(new[] { expected, expected }));
    }

    [Test]
    public void Choose_ASingleUserWithLabels_HasAnInterceptIfItHelps()
    {
        HeldBackEvidence helped = new(5, Losses(9, 5, 4, last: 1), Pairs((_full, 0.1)));
        HeldBackEvidence harmed = new(5, Losses(3, 5, 4, last: 1), Pairs((_full, 0.1)));

        Assert.That(PatchGate.Choose([7], [helped], priorEvents: 4), Is.EqualTo(new[] { 2 }));
        Assert.That(PatchGate.Choose([7], [harmed], priorEvents: 4), Is.EqualTo(new[] { 0 }));
    }

    [Test]
    public void Choose_LabelledEventsThatHelpSomeAndHarmOthers_GatesAll()
    {
        // The best strength gains 1 and -1 in the mean of a user's events.
        HeldBackEvidence[] evidence = [new(1, Losses(2, 1, 1, last: 1), Pairs((_full, 0.7))), new(1, Losses(1, 2, 2, last: 2), Pairs((_full, 0.7)))];

        Assert.That(PatchGate.Choose([7, 7], evidence, priorEvents: 0), Is.EqualTo(new[] { 0, 0 }));
    }

    [Test]
    public void Choose_LabelledEventsOfOneClass_FollowsTheBucketsRest()
    {
        HeldBackEvidence[] evidence =
        [
            new(5, Losses(9, 5, 4, last: 1), Pairs((_full, 0.5))), new(5, Losses(9, 5, 4, last: 1), Pairs((_full, 0.5))), new(5, Losses(9, 5, 4, last: 3), null),
            new(5, Losses(1, 5, 4, last: 3), null),
        ];

        Assert.That(PatchGate.Choose([7, 7, 7, 7], evidence, priorEvents: 0), Is.EqualTo(new[] { _full, _full, _full, 0 }));
    }

    [Test]
    public void ChooseByGain_ABucket_TakesTheGainThatIsSurest()
    {
        // Strength 1 gains 1 for sure, strength 2 gains 1.5 in the mean, but anything from 0 to 3; strength 3 loses.
        double[][] gains = [Gains(2, 3, 2, 1), Gains(5, 6, 8, 4), Gains(1, 2, 1, 0), Gains(0, 1, 3, -1)];

        Assert.That(PatchGate.ChooseByGain([7, 7, 7, 7], [true, true, true, true], gains), Is.EqualTo(new[] { 1, 1, 1, 1 }));
    }

    [Test]
    public void ChooseByGain_WhatIsNotClearlyBetter_IsGated()
    {
        double[][] gains = [Gains(1, 2, 0, 0), Gains(1, 0.1, 0, 0), Gains(1, 1, 0, 0)];

        Assert.That(PatchGate.ChooseByGain([7, 7, 7], [true, true, true], gains), Is.EqualTo(new[] { 0, 0, 0 }));
    }

    // Gains of two users, a and b: mean (a + b) / 2, standard error |a - b| / 2. 3 and 1.01 are 2.02 standard errors, 3 and 0.99 are 1.98.
    [TestCase(3, 1.01, 1)]
    [TestCase(3, 0.99, 0)]
    public void ChooseByGain_AGain_CountsFromTwoStandardErrorsOn(double first, double second, int expected) => Assert.That(
        PatchGate.ChooseByGain([7, 7], [true, true], [Gains(0, first, -1, -1), Gains(0, second, -1, -1)]), Is.EqualTo(new[] { expected, expected }));

    [Test]
    public void ChooseByGain_UsersWhoseGainIsUnknown_FollowTheirBucket()
    {
        double[][] gains = [Gains(1, 2, 0, 0), Gains(0, 0, 0, 0), Gains(1, 2, 0, 0), Gains(9, 0, 0, 0)];

        Assert.That(PatchGate.ChooseByGain([7, 7, 7, 7], [true, false, true, false], gains), Is.EqualTo(new[] { 1, 1, 1, 1 }));
        Assert.That(PatchGate.ChooseByGain([7, 7, 7, 7], [true, false, false, false], gains), Is.EqualTo(new[] { 0, 0, 0, 0 }), "One is no sample.");
        Assert.That(PatchGate.ChooseByGain([], [], []), Is.Empty);
    }

    [TestCase(1, 0.2, new[] { true })]
    [TestCase(2, 0.2, new[] { false, true })]
    [TestCase(5, 0.2, new[] { false, false, false, false, true })]
    [TestCase(6, 0.2, new[] { false, false, false, false, true, true })]
    [TestCase(4, 0.5, new[] { false, false, true, true })]
    public void IsHeldBack_AShare_IsTheMostRecentEventsAtLeastTheLast(int count, double fraction, bool[] expected) =>
        Assert.That(Enumerable.Range(0, count).Select(place => PatchTraining.IsHeldBack(place, count, fraction)), Is.EqualTo(expected));

    // The gains of the first four strengths; the others lose.
    private static double[] Gains(double first, double second, double third, double fourth)
    {
        double[] gains = new double[_full + 1];
        Array.Fill(gains, -100);
        (gains[0], gains[1], gains[2], gains[3]) = (first, second, third, fourth);
        return gains;
    }

    // The loss of pairs under a strength; under the others it is 0.7, as of a coin, and under the intercept's own the same as without.
    private static double[] Pairs((int Strength, double Loss) own)
    {
        double[] losses = new double[_full + 1];
        Array.Fill(losses, 0.7);
        losses[own.Strength] = own.Loss;
        return losses;
    }

    // The losses of the first three strengths and of the last; those in between are bad.
    private static double[] Losses(double first, double second, double third, double last = 100)
    {
        double[] losses = new double[_full + 1];
        Array.Fill(losses, 100);
        (losses[0], losses[1], losses[2], losses[_full]) = (first, second, third, last);
        if (first == 0)
        {
            Array.Clear(losses);
        }

        return losses;
    }
}
