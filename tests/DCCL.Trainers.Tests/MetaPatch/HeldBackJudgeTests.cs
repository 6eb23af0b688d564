using DCCL.ML.Data;
using DCCL.Trainers.MetaPatch;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class HeldBackJudgeTests
{
    private const int Samples = 14;
    private const int Users = 3;
    private const double InterceptL2 = 0.7;
    private static readonly IReadOnlyList<(float Intercept, float Others)> _strengths = [(0, 0), (0.5f, 0), (1, 0), (1, 0.5f), (1, 1)];

    [Test]
    public void FitIntercepts_AnyScores_MinimizesThePenalizedLossForEachStrength([Range(1, 6)] int seed)
    {
        Problem problem = new(new SeededRandom(seed));

        float[] intercepts = problem.FitIntercepts();

        for (int user = 0; user < Users; user++)
        {
            float start = problem.Starts[user];
            for (int strength = 0; strength < _strengths.Count; strength++)
            {
                double[] fitted = FiniteDifference.Minimize(
                    point => problem.GetLoss(user, strength, point[0], problem.Support) + (InterceptL2 * Math.Pow(point[0] - start, 2) / 2), [start]);
                double expected = start + (_strengths[strength].Intercept * (fitted[0] - start));
                Assert.That(intercepts[(user * _strengths.Count) + strength], Is.EqualTo(expected).Within(1e-3));
            }
        }
    }

    [Test]
    public void Judge_HeldBackEvents_HasTheirLossAndThatOfTheirPairs([Range(1, 6)] int seed)
    {
        Problem problem = new(new SeededRandom(seed));
        float[] intercepts = problem.FitIntercepts();

        HeldBackEvidence[] evidence = problem.Judge(intercepts);

        for (int user = 0; user < Users; user++)
        {
            int[] own = [.. Enumerable.Range(user * Samples, Samples).Where(i => problem.HeldBack[i] != 0)];
            Assert.That(evidence[user].NumberOfEvents, Is.EqualTo(own.Length).And.Positive);
            for (int strength = 0; strength < _strengths.Count; strength++)
            {
                float intercept = intercepts[(user * _strengths.Count) + strength];
                Assert.That(evidence[user].Losses[strength], Is.EqualTo(problem.GetLoss(user, strength, intercept, problem.HeldBack)).Within(1e-4));
                double[] pairs =
                [
                    .. own.Where(i => problem.Labels[i] == 1).SelectMany(positive => own.Where(i => problem.Labels[i] == 0).Select(negative =>
                        Math.Log(1 + Math.Exp(problem.Scores[strength][negative] - problem.Scores[strength][positive])))),
                ];
                Assert.That(evidence[user].PairLosses?[strength], pairs.Length == 0 ? Is.Null : Is.EqualTo(pairs.DefaultIfEmpty().Average()).Within(1e-5));
            }
        }
    }

    [Test]
    public void Judge_EventsOfOneClass_HasNoPairs()
    {
        Problem problem = new(new SeededRandom(1));
        Array.Fill(problem.Labels, 1, 0, Samples);

        HeldBackEvidence[] evidence = problem.Judge(problem.FitIntercepts());

        Assert.That(evidence[0].PairLosses, Is.Null);
        Assert.That(evidence[1..].Select(own => own.PairLosses), Has.Some.Not.Null);
    }

    [Test]
    public void Judge_ManyEvents_LooksAtPairsOfTheLastHundredOfEachClass()
    {
        // Old positive events lie where negative ones do; the last hundred are told apart with certainty.
        float[] labels = [.. Enumerable.Range(0, 400).Select(i => i < 300 ? 1f : 0)];
        float[] scores = [.. Enumerable.Range(0, 400).Select(i => i is >= 200 and < 300 ? 50f : 0)];
        float[] weights = new float[400];
        Array.Fill(weights, 1);

        HeldBackEvidence evidence = new HeldBackJudge([(1, 1)], InterceptL2).Judge([scores], [0], labels, weights).Single();

        Assert.That(evidence.NumberOfEvents, Is.EqualTo(400));
        Assert.That(evidence.PairLosses!.Single(), Is.EqualTo(0).Within(1e-6));
    }

    /// <summary>Random scores and labels of some users, the first samples to fit to and the last to judge, some of no weight.</summary>
    private sealed class Problem
    {
        public Problem(SeededRandom random)
        {
            float[] Draw() => [.. Enumerable.Range(0, Users * Samples).Select(_ => (float)random.NextGaussian())];
            float[] cloud = Draw();
            Scores = [cloud, cloud, cloud, Draw(), Draw()];
            Labels = [.. Enumerable.Range(0, Users * Samples).Select(_ => (float)random.Next(2))];
            float[] weights = [.. Enumerable.Range(0, Users * Samples).Select(_ => random.Next(5) == 0 ? 0 : 0.5f + random.NextSingle())];
            Support = [.. weights.Select((weight, i) => i % Samples < 8 ? weight : 0)];
            HeldBack = [.. weights.Zip(Support, (weight, support) => weight - support)];
            Starts = [.. Enumerable.Range(0, Users).Select(_ => (float)random.NextGaussian())];
        }

        public float[][] Scores { get; }

        public float[] Labels { get; }

        public float[] Support { get; }

        public float[] HeldBack { get; }

        public float[] Starts { get; }

        public float[] FitIntercepts() => new HeldBackJudge(_strengths, InterceptL2).FitIntercepts(Scores, Labels, Support, Starts);

        public HeldBackEvidence[] Judge(float[] intercepts) => new HeldBackJudge(_strengths, InterceptL2).Judge(Scores, intercepts, Labels, HeldBack);

        public double GetLoss(int user, int strength, double intercept, float[] weights) => Enumerable.Range(user * Samples, Samples)
            .Sum(i => weights[i] * PatchedModel.CrossEntropy(Scores[strength][i] + intercept, Labels[i]));
    }
}
