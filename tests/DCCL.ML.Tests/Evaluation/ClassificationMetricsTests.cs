using CsCheck;
using DCCL.ML.Evaluation;
using DCCL.ML.Tests.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Evaluation;

public sealed class ClassificationMetricsTests
{
    private static readonly Gen<(float Score, bool Label)[]> _events =
        Gen.Select(Gen.Int[-4, 4].Select(value => value / 4f), Gen.Bool).Array[0, 60];

    [TestCase(new[] { 0.1f, 0.4f, 0.35f, 0.8f }, new[] { false, false, true, true }, 0.75)]
    [TestCase(new[] { 1f, 2f }, new[] { false, true }, 1.0)]
    [TestCase(new[] { 2f, 1f }, new[] { false, true }, 0.0)]
    [TestCase(new[] { 1f, 1f, 1f }, new[] { false, true, true }, 0.5)]
    [TestCase(new[] { 1f, 2f, 2f }, new[] { false, true, false }, 0.75)]
    [TestCase(new[] { 1f, 2f }, new[] { true, true }, double.NaN)]
    [TestCase(new[] { 1f, 2f }, new[] { false, false }, double.NaN)]
    [TestCase(new float[0], new bool[0], double.NaN)]
    [TestCase(new[] { 1f, float.NaN }, new[] { false, true }, double.NaN)]
    public void AreaUnderRocCurve_WorkedByHand(float[] scores, bool[] labels, double expected) =>
        Assert.That(ClassificationMetrics.AreaUnderRocCurve(scores, labels), Is.EqualTo(expected));

    [Test]
    public void AreaUnderRocCurve_RandomScoresWithTies_IsShareOfPairsInOrder()
    {
        foreach ((float Score, bool Label)[] events in SeededCases.Take(_events, 300))
        {
            double actual = ClassificationMetrics.AreaUnderRocCurve(
                [.. events.Select(pair => pair.Score)], [.. events.Select(pair => pair.Label)]);

            // Both are the same quotient of whole numbers below 2^53.
            Assert.That(actual, Is.EqualTo(CountPairs(events)), string.Join(", ", events));
        }
    }

    // -log(sigmoid(0)) = log 2; softplus(-2) = 0.126928011042972496..., softplus(2) = 2 + softplus(-2).
    [TestCase(0.0, true, 0.69314718055994531)]
    [TestCase(0.0, false, 0.69314718055994531)]
    [TestCase(2.0, true, 0.1269280110429725)]
    [TestCase(2.0, false, 2.1269280110429725)]
    [TestCase(-2.0, true, 2.1269280110429725)]
    [TestCase(1000.0, true, 0.0)]
    [TestCase(1000.0, false, 1000.0)]
    [TestCase(-1e30, true, 1e30)]
    public void LogLoss_WorkedByHand(double logit, bool label, double expected) =>
        Assert.That(ClassificationMetrics.LogLoss(logit, label), Is.EqualTo(expected).Within(1e-15 * Math.Max(1, expected)));

    [Test]
    public void LogLoss_RandomEvents_IsMeanOfNegativeLogProbability()
    {
        foreach ((float Score, bool Label)[] events in SeededCases.Take(_events.Where(events => events.Length > 0), 300))
        {
            double expected = events.Average(pair =>
            {
                double probability = 1 / (1 + Math.Exp(-pair.Score));
                return -Math.Log(pair.Label ? probability : 1 - probability);
            });
            double actual = ClassificationMetrics.LogLoss(
                [.. events.Select(pair => pair.Score)], [.. events.Select(pair => pair.Label)]);

            // Sixty terms of at most 1.4, each right to a few units of 2e-16.
            Assert.That(actual, Is.EqualTo(expected).Within(1e-13), string.Join(", ", events));
        }
    }

    [Test]
    public void LogLoss_NoEvents_IsNaN() => Assert.That(ClassificationMetrics.LogLoss([], []), Is.NaN);

    [Test]
    public void AreaUnderRocCurvePerUser_WorkedByHand_IsPlainMeanOverUsersWithBothClasses()
    {
        // User 1: one of one pairs; user 2: only positives; user 3: one and a half of four pairs; user 4: none.
        float[] scores = [1f, 2f, /**/ 5f, 5f, 5f, /**/ 1f, 2f, 2f, 3f];
        bool[] labels = [false, true, /**/ true, true, true, /**/ true, true, false, false];
        (double mean, int users) = ClassificationMetrics.AreaUnderRocCurvePerUser(scores, labels, [2, 3, 4, 0]);
        Assert.That(users, Is.EqualTo(2));

        // User 3: positives 1 and 2 against negatives 2 and 3: 0, 0, 1/2, 0 of 4 pairs.
        Assert.That(mean, Is.EqualTo((1 + (0.5 / 4)) / 2));
    }

    [Test]
    public void AreaUnderRocCurvePerUser_NobodyHasBothClasses_IsNaN()
    {
        (double mean, int users) = ClassificationMetrics.AreaUnderRocCurvePerUser([1f, 2f], [true, true], [1, 1]);
        Assert.That(mean, Is.NaN);
        Assert.That(users, Is.Zero);
    }

    [Test]
    public void Metrics_LengthsDiffer_Throw()
    {
        Assert.That(
            () => ClassificationMetrics.AreaUnderRocCurve([1f], [true, false]),
            Throws.ArgumentException.With.Message.StartsWith("There must be as many labels as scores (1), but there are 2."));
        Assert.That(() => ClassificationMetrics.LogLoss([1f], []), Throws.ArgumentException);
    }

    private static double CountPairs((float Score, bool Label)[] events)
    {
        double halves = 0;
        double pairs = 0;
        foreach ((float positive, bool _) in events.Where(pair => pair.Label))
        {
            foreach ((float negative, bool _) in events.Where(pair => !pair.Label))
            {
                halves += positive > negative ? 2 : positive == negative ? 1 : 0;
                pairs++;
            }
        }

        return pairs == 0 ? double.NaN : halves / (2 * pairs);
    }
}
