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

public sealed class BasisLearnerTests
{
    // Features in float32 are products along at most four layers of sums of some hundred terms: about 5e-6 of the largest.
    private const double Tolerance = 2e-5;

    private static readonly PatchSolver.Settings _settings = new(L2: 0.8, InterceptL2: 0.3, NumberOfSteps: 1, LearningRate: 0.1);

    [Test]
    public void Linearize_RandomModels_IsTheDerivativeOfThePatchedLogitAtZero([Range(1, 30)] int seed)
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(new SeededRandom(seed));

        (Tensor features, Tensor logits) = new BasisLearner(model.Frozen, model.Patch, _settings).Linearize(model.Chunk);

        double[] expected = [.. Samples(model).SelectMany(sample => GetFeatures(model, sample))];
        double[] cloud = [.. Samples(model).Select(sample => model.GetLogit(sample.User, sample.Sample, []))];
        Assert.That(features.shape, Is.EqualTo(new long[] { model.NumberOfUsers, model.NumberOfSamples, model.PatchSize }));
        Assert.That(Deviation.Max(features.ToArray(), expected, Math.Max(1, expected.Max(Math.Abs))), Is.LessThan(Tolerance), $"{model}");
        Assert.That(Deviation.Max(logits.ToArray(), cloud), Is.LessThan(Tolerance), $"{model}");
    }

    [Test]
    public void SolveLinearized_RandomProblems_IsNewtonsMethod([Range(1, 20)] int seed)
    {
        SeededRandom random = new(seed);
        (int users, int samples, int size, int steps) = (1 + random.Next(4), 1 + random.Next(15), 1 + random.Next(6), random.Next(4));
        RidgeProblem[] problems = [.. Enumerable.Range(0, users).Select(_ => RidgeProblem.Create(random, samples, size, _settings))];
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(new SeededRandom(1));

        Tensor theta = new BasisLearner(model.Frozen, model.Patch, _settings).SolveLinearized(
            Stack(problems, problem => problem.Features, users, samples, size),
            Stack(problems, problem => problem.Logits, users, samples),
            Stack(problems, problem => problem.Labels, users, samples),
            Stack(problems, problem => problem.Weights, users, samples),
            steps);

        double[] expected = [.. problems.SelectMany(problem => problem.Solve(steps))];
        Assert.That(Deviation.Max(theta.ToArray(), expected), Is.LessThan(Tolerance), $"{users} users, {samples} samples, {size} features, {steps} steps");
    }

    [Test]
    public void SolveLinearized_ManySteps_FindsTheOptimum()
    {
        RidgeProblem problem = RidgeProblem.Create(new SeededRandom(1), 20, 4, _settings);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(new SeededRandom(1));

        Tensor theta = new BasisLearner(model.Frozen, model.Patch, _settings).SolveLinearized(
            Stack([problem], p => p.Features, 1, 20, 4), Stack([problem], p => p.Logits, 1, 20), Stack([problem], p => p.Labels, 1, 20),
            Stack([problem], p => p.Weights, 1, 20), steps: 8);

        double[] optimum = FiniteDifference.Minimize(problem.GetObjective, new double[4]);
        Assert.That(Deviation.Max(theta.ToArray(), optimum), Is.LessThan(Tolerance));
    }

    [Test]
    public void SolveLinearized_ItsGradientByTheFeatures_IsThatOfFiniteDifferences([Values(1, 2)] int steps)
    {
        SeededRandom random = new(7);
        RidgeProblem problem = RidgeProblem.Create(random, 6, 3, _settings);
        double[] coefficients = [0.5, -1, 2];
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(new SeededRandom(1));
        Tensor features = Stack([problem], p => p.Features, 1, 6, 3).requires_grad_();

        Tensor theta = new BasisLearner(model.Frozen, model.Patch, _settings).SolveLinearized(
            features, Stack([problem], p => p.Logits, 1, 6), Stack([problem], p => p.Labels, 1, 6), Stack([problem], p => p.Weights, 1, 6), steps);
        (theta * tensor(new float[] { 0.5f, -1, 2 })).sum().backward();

        double[] expected = FiniteDifference.Gradient(
            point => (problem with { Features = point }).Solve(steps).Zip(coefficients, (x, y) => x * y).Sum(), problem.Features);
        Assert.That(Deviation.Max(features.grad!.ToArray(), expected), Is.LessThan(Tolerance));
    }

    [Test]
    public void QueryLoss_RandomModels_AndItsGradientByTheBasisAreThoseOfTheDefinition([Range(1, 6)] int seed)
    {
        SeededRandom random = new(seed);
        PatchActivation activation = seed % 2 == 0 ? PatchActivation.Tanh : PatchActivation.Identity;
        PatchArchitecture patch = new() { PatchSize = 4, BottleneckSize = 2, Layers = [0, 2], Activation = activation };
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random, patch, 2, 7, DinActivation.Dice); // smooth: the step is too wide for kinks
        float[] support = [.. Enumerable.Range(0, 14).Select(i => i % 7 < 4 ? 0.5f + random.NextSingle() : 0)];
        float[] query = [.. Enumerable.Range(0, 14).Select(i => i % 7 < 4 ? 0 : 0.5f + random.NextSingle())];

        Tensor loss = new BasisLearner(model.Frozen, model.Patch, _settings).QueryLoss(model.Chunk, tensor(support, 2, 7), tensor(query, 2, 7));
        loss.backward();

        Assert.That(loss.item<float>(), Is.EqualTo(DefineQueryLoss(model, model.Parameters, support, query)).Within(Tolerance * loss.item<float>()));
        foreach ((string name, TorchSharp.Modules.Parameter tensor) in model.Patch.Tensors)
        {
            // Offset and basis are float32, so the step is a power of two; its square, 4e-6, is about the error of truncation.
            // What the outer loss would gain from an offset of W_up does not count: it stays zero.
            const float Step = 1f / 512;
            bool isOffset = name.EndsWith(".offset", StringComparison.Ordinal);
            float[] gradient = tensor.grad!.ToArray();
            for (int trial = 0; trial < 4; trial++)
            {
                int index = random.Next(isOffset ? gradient.Length / 2 : gradient.Length);
                double expected = (DefineQueryLoss(model, Move(model.Parameters, name, index, Step), support, query)
                    - DefineQueryLoss(model, Move(model.Parameters, name, index, -Step), support, query)) / (2 * Step);
                Assert.That(gradient[index], Is.EqualTo(expected).Within(1e-4 * Math.Max(1, Math.Abs(expected))), $"{name} {index} {model}");
            }
        }
    }

    [Test]
    public void Normalize_RandomBasis_GivesEveryColumnTheSameEffectOnTheLogit([Range(1, 6)] int seed, [Values(1, 2.5)] double scale)
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(
            new SeededRandom(seed), new PatchArchitecture { PatchSize = 4, BottleneckSize = 2, Layers = seed % 2 == 0 ? [1] : [0, 2] }, 4, 9);
        Dictionary<string, float[]> before = model.Patch.Export();
        SampleChunk[] chunks = [model.Chunk.Narrow(0, 3), model.Chunk.Narrow(3, 1)];

        float[] factors = new BasisLearner(model.Frozen, model.Patch, _settings).Normalize(chunks, scale).ToArray();

        Dictionary<string, float[]> after = model.Patch.Export();
        double weights = model.Weights.Sum(weight => (double)weight);
        for (int column = 1; column < 4; column++)
        {
            double square = Samples(model).Sum(sample =>
                model.Weights[(sample.User * 9) + sample.Sample] * Math.Pow(GetFeatures(model, sample)[column], 2)) / weights;
            Assert.That(factors[column - 1], Is.EqualTo(scale / Math.Sqrt(square)).Within(2).Percent);
            foreach (int layer in model.Parameters.Patch!.Layers)
            {
                float[] scaled = after[$"patch.{layer}.basis"].Chunk(before[$"patch.{layer}.basis"].Length / 3).ElementAt(column - 1);
                float[] original = before[$"patch.{layer}.basis"].Chunk(scaled.Length).ElementAt(column - 1);
                Assert.That(scaled, Is.EqualTo(original.Select(value => value * factors[column - 1])).Within(1e-6));
                Assert.That(after[$"patch.{layer}.offset"], Is.EqualTo(before[$"patch.{layer}.offset"]));
            }
        }

        (Tensor features, _) = new BasisLearner(model.Frozen, model.Patch, _settings).Linearize(model.Chunk);
        float[] effects = ((features.pow(2) * model.Chunk.Weight.unsqueeze(2)).sum([0, 1]) / model.Chunk.Weight.sum()).sqrt().ToArray();
        Assert.That(effects[1..], Is.All.EqualTo((float)scale).Within(scale * Tolerance));
    }

    [Test]
    public void Normalize_AnInterceptAlone_ChangesNothing()
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(new SeededRandom(1), new PatchArchitecture { PatchSize = 1, Layers = [0] }, 2, 3);

        Tensor factors = new BasisLearner(model.Frozen, model.Patch, _settings).Normalize([model.Chunk]);

        Assert.That(factors.numel(), Is.Zero);
    }

    private static double DefineQueryLoss(PatchedModel model, DeviceCloudModelParameters parameters, float[] support, float[] query)
    {
        TextbookDin textbook = new(parameters, new SeededRandom(1));
        double loss = 0;
        for (int user = 0; user < model.NumberOfUsers; user++)
        {
            int first = user * model.NumberOfSamples;
            int[] samples = [.. Enumerable.Range(0, model.NumberOfSamples)];
            RidgeProblem problem = new(
                [.. samples.SelectMany(sample => FiniteDifference.Gradient(theta => model.GetLogit(textbook, user, sample, theta), new double[model.PatchSize]))],
                [.. samples.Select(sample => model.GetLogit(textbook, user, sample, []))],
                [.. samples.Select(sample => (double)model.Labels[first + sample])],
                [.. samples.Select(sample => (double)support[first + sample])],
                _settings);
            double[] patch = problem.Solve(steps: 1);
            loss += samples.Sum(sample =>
                query[first + sample] * PatchedModel.CrossEntropy(model.GetLogit(textbook, user, sample, patch), model.Labels[first + sample]));
        }

        return loss;
    }

    private static DeviceCloudModelParameters Move(DeviceCloudModelParameters parameters, string name, int index, float step)
    {
        Dictionary<string, float[]> tensors = parameters.TensorShapes.ToDictionary(shape => shape.Name, shape => parameters[shape.Name].ToArray());
        tensors[name][index] += step;
        return new DeviceCloudModelParameters(parameters.Architecture, parameters.Patch, parameters.Encoder, tensors);
    }

    private static IEnumerable<(int User, int Sample)> Samples(PatchedModel model) =>
        from user in Enumerable.Range(0, model.NumberOfUsers) from sample in Enumerable.Range(0, model.NumberOfSamples) select (user, sample);

    private static double[] GetFeatures(PatchedModel model, (int User, int Sample) sample) =>
        FiniteDifference.Gradient(theta => model.GetLogit(sample.User, sample.Sample, theta), new double[model.PatchSize]);

    private static Tensor Stack(RidgeProblem[] problems, Func<RidgeProblem, double[]> part, params long[] shape) =>
        tensor(problems.SelectMany(part).Select(value => (float)value).ToArray(), shape);
}
