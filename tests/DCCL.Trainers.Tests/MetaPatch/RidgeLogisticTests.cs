using DCCL.ML.Data;
using DCCL.TestKit;
using DCCL.Trainers.MetaPatch;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class RidgeLogisticTests
{
    [Test]
    public void Solve_RandomProblems_FindsTheOptimum([Range(1, 8)] int seed)
    {
        SeededRandom random = new(seed);
        int size = 1 + random.Next(9);
        int samples = 1 + random.Next(30);
        float[] Draw(int count, double scale) => [.. Enumerable.Range(0, count).Select(_ => (float)(scale * random.NextGaussian()))];
        float[] features = Draw(samples * size, 2);
        float[] logits = Draw(samples, 3);
        float[] labels = [.. Enumerable.Range(0, samples).Select(_ => (float)random.Next(2))];
        float[] weights = [.. Enumerable.Range(0, samples).Select(_ => random.Next(4) == 0 ? 0 : random.NextSingle() * 2)];
        float[] penalty = [.. Enumerable.Range(0, size).Select(_ => 0.1f + random.NextSingle())];
        float[] center = Draw(size, 1);
        float[] solution = Draw(size, 1);

        new RidgeLogistic(penalty).Solve(features, logits, labels, weights, center, solution);

        double GetObjective(double[] point) =>
            Enumerable.Range(0, samples).Sum(i => weights[i] * PatchedModel.CrossEntropy(
                logits[i] + Enumerable.Range(0, size).Sum(k => features[(i * size) + k] * point[k]), labels[i]))
            + Enumerable.Range(0, size).Sum(k => penalty[k] * Math.Pow(point[k] - center[k], 2) / 2);
        double[] optimum = FiniteDifference.Minimize(GetObjective, [.. solution.Select(value => (double)value)]);

        // Newton's last step is below 1e-4 before it is taken, and what is left after it is of its square.
        Assert.That(Deviation.Max(solution, optimum), Is.LessThan(1e-4));
    }

    [Test]
    public void Solve_OneFeatureWithoutPenaltyToSpeakOf_IsTheLogitOfTheShare()
    {
        float[] solution = [0];

        new RidgeLogistic([1e-6f]).Solve([1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1], [0], solution);

        Assert.That(solution[0], Is.EqualTo(Math.Log(3)).Within(1e-4));
    }

    // Far out, where the curvature is next to nothing, a full step of Newton's overshoots.
    [Test]
    public void Solve_AStartFarOff_StillFindsTheOptimum()
    {
        float[] solution = [30];

        new RidgeLogistic([1e-3f]).Solve([1, 1], [0, 0], [1, 0], [1, 1], [0], solution);

        Assert.That(solution[0], Is.EqualTo(0).Within(1e-3));
    }

    [Test]
    public void Solve_NoWeight_EndsAtTheCenter()
    {
        float[] solution = [5, -5];

        new RidgeLogistic([1, 2]).Solve([1, 2, 3, 4], [0, 0], [1, 0], [0, 0], [0.5f, 0.25f], solution);

        Assert.That(solution, Is.EqualTo(new float[] { 0.5f, 0.25f }).Within(1e-6f));
    }
}
