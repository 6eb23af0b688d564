using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.TestKit;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class PatchSolverTests
{
    [Test]
    public void Solve_RandomProblems_ComesCloseToTheOptimum([Range(1, 6)] int seed)
    {
        PatchArchitecture patch = new() { PatchSize = 1 + (seed % 3), BottleneckSize = 2, Layers = seed % 2 == 0 ? [0] : [0, 2] };
        PatchSolver.Settings settings = new(L2: 1.5, InterceptL2: 0.5, NumberOfSteps: 150, LearningRate: 0.1);
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random, patch, numberOfUsers: 3, numberOfSamples: 12);
        float[] start = [.. Enumerable.Range(0, 3 * patch.PatchSize).Select(_ => (float)random.NextGaussian() * 0.3f)];

        float[] theta = new PatchSolver(model.Frozen, model.Patch, settings)
            .Solve(model.Chunk, model.Chunk.Weight, tensor(start, 3, patch.PatchSize)).ToArray();

        double gain = 0;
        for (int user = 0; user < 3; user++)
        {
            double[] origin = Row(start, user, patch.PatchSize);
            double GetObjective(double[] point) => model.GetLoss(user, point)
                + point.Select((value, k) => (k == 0 ? settings.InterceptL2 : settings.L2) * Math.Pow(value - origin[k], 2) / 2).Sum();
            double[] optimum = FiniteDifference.Minimize(GetObjective, Row(theta, user, patch.PatchSize));

            // Adam's last steps are far below 0.1 but not zero; where the objective curves by at least L2, 0.03 off costs below 1e-3.
            double excess = GetObjective(Row(theta, user, patch.PatchSize)) - GetObjective(optimum);
            Assert.That(excess, Is.InRange(-1e-9, 1e-3), $"{model}");
            Assert.That(Deviation.Max(Row32(theta, user, patch.PatchSize), optimum), Is.LessThan(0.03), $"{model}");
            gain += GetObjective(origin) - GetObjective(optimum);
        }

        Assert.That(gain, Is.GreaterThan(0.05), "The start must not be the answer.");
    }

    [Test]
    public void HeldBackLoss_EventsWithNegatives_IsHowUnlikelyTheItemIsAmongThem()
    {
        using DisposeScope scope = NewDisposeScope();
        SeededRandom random = new(1);
        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
        float[] logits = Draw(2 * 6);
        float[] weights = [.. Draw(2 * 6).Select(MathF.Abs)];
        float[] labels = [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0];
        SampleChunk Chunk(int samplesPerEvent) =>
            new([0, 1], zeros(2, 6, 1), zeros(2, 6), tensor(labels, 2, 6), tensor(weights, 2, 6), zeros(2, 6)) { IsEvent = zeros(2, 6), SamplesPerEvent = samplesPerEvent };

        // Two events of a user with two negatives each.
        float[] actual = PatchSolver.HeldBackLoss(Chunk(3), tensor(logits, 2, 6), tensor(weights, 2, 6)).ToArray();
        for (int user = 0; user < 2; user++)
        {
            double expected = 0;
            for (int first = user * 6; first < (user + 1) * 6; first += 3)
            {
                expected -= weights[first] * Math.Log(Math.Exp(logits[first]) / Enumerable.Range(first, 3).Sum(i => Math.Exp(logits[i])));
            }

            Assert.That(actual[user], Is.EqualTo(expected).Within(1e-5));
        }

        // Labelled events: the cross-entropy.
        Assert.That(
            PatchSolver.HeldBackLoss(Chunk(1), tensor(logits, 2, 6), tensor(weights, 2, 6)).ToArray(),
            Is.EqualTo(PatchSolver.Loss(Chunk(1), tensor(logits, 2, 6), tensor(weights, 2, 6)).ToArray()));
    }

    [Test]
    public void Solve_OneUser_DoesNotDependOnTheOthersOfTheChunk([Range(1, 4)] int seed)
    {
        PatchSolver.Settings settings = new(L2: 2, InterceptL2: 0.5, NumberOfSteps: 30, LearningRate: 0.1);
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random, new PatchArchitecture { PatchSize = 5, BottleneckSize = 3, Layers = [0, 1] }, 5, 10);
        PatchSolver solver = new(model.Frozen, model.Patch, settings);
        Tensor start = tensor(Enumerable.Range(0, 25).Select(_ => (float)random.NextGaussian() * 0.3f).ToArray(), 5, 5);

        float[] together = solver.Solve(model.Chunk, model.Chunk.Weight, start).ToArray();

        for (int user = 0; user < 5; user++)
        {
            SampleChunk alone = model.Chunk.Narrow(user, 1);
            float[] theta = solver.Solve(alone, alone.Weight, start.narrow(0, user, 1)).ToArray();
            Assert.That(Deviation.Max(Row32(together, user, 5), theta), Is.LessThan(1e-5), $"{model}");
        }
    }

    [Test]
    public void Solve_SamplesOfNoWeight_KeepTheStartingPointExactly()
    {
        PatchSolver.Settings settings = new(L2: 2, InterceptL2: 0.5, NumberOfSteps: 10, LearningRate: 0.1);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(new SeededRandom(1), new PatchArchitecture { PatchSize = 3, BottleneckSize = 2, Layers = [0] }, 2, 4);
        Tensor weight = tensor(new float[] { 0, 0, 0, 0, 1, 1, 1, 1 }, 2, 4);
        Tensor start = tensor(new float[] { 0.5f, -1, 0.25f, 0.5f, -1, 0.25f }, 2, 3);

        float[] theta = new PatchSolver(model.Frozen, model.Patch, settings).Solve(model.Chunk, weight, start).ToArray();

        Assert.That(theta[..3], Is.EqualTo(start[0].ToArray()));
        Assert.That(theta[3..], Is.Not.EqualTo(start[1].ToArray()));
    }

    [Test]
    public void Solve_APadding_DoesNotChangeTheOthers()
    {
        PatchSolver.Settings settings = new(L2: 2, InterceptL2: 0.5, NumberOfSteps: 10, LearningRate: 0.1);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(new SeededRandom(1), new PatchArchitecture { PatchSize = 3, BottleneckSize = 2, Layers = [0] }, 1, 6);
        SampleChunk padded = model.Chunk;
        using (no_grad())
        {
            padded.Weight.narrow(1, 4, 2).zero_();
        }

        SampleChunk shorter = padded with
        {
            Activation = padded.Activation.narrow(1, 0, 4),
            Offset = padded.Offset.narrow(1, 0, 4),
            Label = padded.Label.narrow(1, 0, 4),
            Weight = padded.Weight.narrow(1, 0, 4),
        };
        PatchSolver solver = new(model.Frozen, model.Patch, settings);
        Tensor start = zeros(1, 3);

        float[] theta = solver.Solve(padded, padded.Weight, start).ToArray();

        Assert.That(theta, Is.EqualTo(solver.Solve(shorter, shorter.Weight, start).ToArray()).Within(1e-5));
        Assert.That(theta, Is.All.Not.Zero);
    }

    [Test]
    public void Solve_LabelledEvents_TakesTheInterceptThatFits([Range(1, 4)] int seed)
    {
        // The rest hardly moves in one such step.
        PatchSolver.Settings settings = new(L2: 1.5, InterceptL2: 0.5, NumberOfSteps: 1, LearningRate: 1e-6);
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random, new PatchArchitecture { PatchSize = 3, BottleneckSize = 2, Layers = [0, 1] }, 3, 12);
        float[] start = [.. Enumerable.Range(0, 3 * 3).Select(_ => (float)random.NextGaussian() * 0.3f)];
        PatchSolver solver = new(model.Frozen, model.Patch, settings);

        float[] theta = solver.Solve(model.Chunk, model.Chunk.Weight, tensor(start, 3, 3)).ToArray();
        float[] withNegatives = solver.Solve(model.Chunk with { SamplesPerEvent = 4 }, model.Chunk.Weight, tensor(start, 3, 3)).ToArray();

        for (int user = 0; user < 3; user++)
        {
            double[] origin = Row(start, user, 3);
            double[] fitted = FiniteDifference.Minimize(
                intercept => model.GetLoss(user, [intercept[0], .. origin[1..]]) + (settings.InterceptL2 * Math.Pow(intercept[0] - origin[0], 2) / 2), origin[..1]);
            Assert.That(theta[user * 3], Is.EqualTo(fitted[0]).Within(1e-3), $"{model}");
            Assert.That(Math.Abs(fitted[0] - origin[0]), Is.GreaterThan(0.01));
        }

        Assert.That(withNegatives, Is.EqualTo(start).Within(1e-5));
    }

    [Test]
    public void ScoreByStrength_AnyPatches_HasTheLogitsOnTheWay([Range(1, 4)] int seed)
    {
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random, new PatchArchitecture { PatchSize = 4, BottleneckSize = 2, Layers = [0, 2] }, 3, 8);
        float[] Draw() => [.. Enumerable.Range(0, 3 * 4).Select(_ => (float)random.NextGaussian() * 0.5f)];
        float[] start = Draw();
        float[] learnt = Draw();

        float[][] scores = new PatchSolver(model.Frozen, model.Patch, new PatchSolver.Settings(1, 1, 1, 0.1))
            .ScoreByStrength(model.Chunk, tensor(start, 3, 4), tensor(learnt, 3, 4), PatchGate.Strengths);

        for (int strength = 0; strength < PatchGate.Strengths.Count; strength++)
        {
            Assert.That(scores[strength], Is.EqualTo(model.GetLogitsOnTheWay(start, learnt, strength)).Within(1e-4), $"{model} strength {strength}");
        }

        Assert.That(scores[2], Is.SameAs(scores[0]));
    }

    private static float[] Row32(float[] values, int row, int size) => values[(row * size)..((row + 1) * size)];

    private static double[] Row(float[] values, int row, int size) => [.. Row32(values, row, size).Select(value => (double)value)];
}
