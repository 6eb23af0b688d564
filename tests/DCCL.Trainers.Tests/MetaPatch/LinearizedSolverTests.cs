using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.TestKit;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class LinearizedSolverTests
{
    private const double L2 = 1.5;
    private const double InterceptL2 = 0.5;

    [Test]
    public void Linearize_AnyPatch_HasTheLogitsAndDerivativesOfTheTextbook(
        [Range(1, 12)] int seed, [Values(0, 0.4)] double scale, [Values("din", "sasrec")] string backbone)
    {
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random, backbone: backbone);
        float[] patches = Draw(random, model.NumberOfUsers * model.PatchSize, scale);

        LinearizedProblem problem = new LinearizedSolver(model.Frozen, model.Patch, L2, InterceptL2, 1).Linearize(model.Chunk, patches);

        for (int user = 0; user < model.NumberOfUsers; user++)
        {
            double[] theta = Row(patches, user, model.PatchSize);
            for (int sample = 0; sample < model.NumberOfSamples; sample++)
            {
                int at = (user * model.NumberOfSamples) + sample;
                double[] features = Row(problem.Features, at, model.PatchSize);
                double logit = problem.Constants[at] + features.Zip(theta, (feature, value) => feature * value).Sum();
                Assert.That(logit, Is.EqualTo(model.GetLogit(user, sample, theta)).Within(1e-4), $"{model}");
                for (int k = 0; k < theta.Length; k++)
                {
                    double step = 1e-5;
                    double up = model.GetLogit(user, sample, [.. theta.Select((value, i) => value + (i == k ? step : 0))]);
                    double down = model.GetLogit(user, sample, [.. theta.Select((value, i) => value - (i == k ? step : 0))]);

                    // Float32 products of some dozen terms of order 1. Where a kink of PReLU or ReLU is crossed, the two sides differ.
                    double straight = Math.Abs(up + down - (2 * model.GetLogit(user, sample, theta))) / step;
                    Assert.That(features[k], Is.EqualTo((up - down) / (2 * step)).Within(1e-3 + straight), $"{model} {k}");
                }
            }
        }
    }

    [Test]
    public void Solve_SomeSteps_ComesCloseToTheOptimum([Range(1, 6)] int seed)
    {
        PatchArchitecture patch = new() { PatchSize = 1 + (seed % 3), BottleneckSize = 2, Layers = seed % 2 == 0 ? [0] : [0, 2] };
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random, patch, numberOfUsers: 3, numberOfSamples: 12);
        float[] start = Draw(random, 3 * patch.PatchSize, 0.3);
        float[] theta = [.. start];

        LinearizedSolver solver = new(model.Frozen, model.Patch, L2, InterceptL2, numberOfSteps: 12);
        solver.Solve(solver.Linearize(model.Chunk, start), model.Weights, start, theta);

        double gain = 0;
        for (int user = 0; user < 3; user++)
        {
            double[] origin = Row(start, user, patch.PatchSize);
            double GetObjective(double[] point) => model.GetLoss(user, point)
                + point.Select((value, k) => (k == 0 ? InterceptL2 : L2) * Math.Pow(value - origin[k], 2) / 2).Sum();
            double[] optimum = FiniteDifference.Minimize(GetObjective, Row(theta, user, patch.PatchSize));
            Assert.That(GetObjective(Row(theta, user, patch.PatchSize)) - GetObjective(optimum), Is.InRange(-1e-9, 1e-3), $"{model}");
            gain += GetObjective(origin) - GetObjective(optimum);
        }

        Assert.That(gain, Is.GreaterThan(0.05), "The start must not be the answer.");
    }

    [Test]
    public void Solve_StrongPenalty_OneStepIsWhereAdamEnds([Range(1, 4)] int seed)
    {
        // Close to the start a logit is as good as linear.
        const double Strong = 60;
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random, new PatchArchitecture { PatchSize = 5, BottleneckSize = 3, Layers = [0, 1] }, 4, 10);
        float[] start = Draw(random, 4 * 5, 0.2);
        float[] theta = [.. start];
        LinearizedSolver solver = new(model.Frozen, model.Patch, Strong, InterceptL2, numberOfSteps: 1);

        solver.Solve(solver.Linearize(model.Chunk, start), model.Weights, start, theta);

        float[] adam = new PatchSolver(model.Frozen, model.Patch, new PatchSolver.Settings(Strong, InterceptL2, 300, 0.05))
            .Solve(model.Chunk, model.Chunk.Weight, tensor(start, 4, 5)).ToArray();
        Assert.That(Deviation.Max(theta, Array.ConvertAll(adam, value => (double)value)), Is.LessThan(0.02));
        Assert.That(Deviation.Max(theta, Array.ConvertAll(start, value => (double)value)), Is.GreaterThan(0.05));
    }

    [Test]
    public void ScoreByStrength_AnyPatches_HasTheLogitsOnTheWay([Range(1, 6)] int seed)
    {
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random, new PatchArchitecture { PatchSize = 4, BottleneckSize = 2, Layers = [0, 2] }, 3, 8);
        float[] start = Draw(random, 3 * 4, 0.3);
        float[] learnt = [.. start.Select(value => value + (float)(random.NextGaussian() * 0.05))];
        LinearizedSolver solver = new(model.Frozen, model.Patch, L2, InterceptL2, 1);

        float[][] scores = solver.ScoreByStrength(solver.Linearize(model.Chunk, start), start, learnt, PatchGate.Strengths);

        for (int strength = 0; strength < PatchGate.Strengths.Count; strength++)
        {
            // At both ends exact; in between a cubic of a small step is left.
            double tolerance = PatchGate.Strengths[strength].Others is 0 or 1 ? 1e-4 : 0.01;
            Assert.That(scores[strength], Is.EqualTo(model.GetLogitsOnTheWay(start, learnt, strength)).Within(tolerance), $"{model} strength {strength}");
        }

        Assert.That(scores[2], Is.SameAs(scores[0]));
        Assert.That(Deviation.Max(scores[^1], Array.ConvertAll(scores[0], value => (double)value)), Is.GreaterThan(0.01));
    }

    private static float[] Draw(SeededRandom random, int count, double scale) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextGaussian() * scale))];

    private static double[] Row(float[] values, int row, int size) => [.. values[(row * size)..((row + 1) * size)].Select(value => (double)value)];
}
