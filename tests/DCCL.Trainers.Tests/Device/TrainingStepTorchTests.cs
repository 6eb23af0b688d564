using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Tests.MetaPatch;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Tests.Device;

/// <summary>The exported step against torch's own derivative, on the objective of <see cref="PatchSolver"/>.</summary>
public sealed class TrainingStepTorchTests
{
    // Both are sums over some ten samples in float32.
    private const double Tolerance = 1e-5;
    private const float L2 = 1.5f;
    private const float InterceptL2 = 0.5f;

    private static readonly int[][] _positions = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2], []];

    [Test]
    public void Step_EveryPositionAndActivation_IsTorchs(
        [Range(0, 7)] int position, [Values] PatchActivation patchActivation, [Values] DinActivation activation)
    {
        SeededRandom random = new(position);
        PatchArchitecture patch = new() { PatchSize = 5, BottleneckSize = 2, Activation = patchActivation, Layers = _positions[position] };
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random, patch, numberOfUsers: 1, activation: activation);
        Check(random, model);
    }

    [Test]
    public void Step_RandomArchitectures_IsTorchs([Range(1, 30)] int seed, [Values("din", "sasrec")] string backbone)
    {
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random, numberOfUsers: 1, backbone: backbone);
        Check(random, model);
    }

    [Test]
    public void Steps_TwentyOfThem_EndWhereTheSolverEnds([Range(1, 8)] int seed)
    {
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random, new PatchArchitecture { PatchSize = 6, BottleneckSize = 3, Layers = [0, 2] }, numberOfUsers: 1, numberOfSamples: 12);
        PatchSolver.Settings settings = new(L2, InterceptL2, NumberOfSteps: 20, LearningRate: 0.1);
        float[] start = Draw(random, 6, 0.3);

        // Events without labels: of labelled ones the solver fits the intercept itself.
        float[] expected = new PatchSolver(model.Frozen, model.Patch, settings)
            .Solve(model.Chunk with { SamplesPerEvent = 2 }, model.Chunk.Weight, tensor(start, 1, 6)).ToArray();

        using StockRuntime learning = new(Export(model.Parameters));
        float[] patch = RunSteps(learning, model, start, before: _ => { });

        // Twenty steps of 0.1, each with a direction that is right to 1e-5; where a gradient is almost zero, Adam magnifies.
        Assert.That(Deviation.Max(patch, expected), Is.LessThan(1e-4), $"{model}");
        Assert.That(Deviation.Max(patch, start), Is.GreaterThan(0.05));
    }

    // As FORMAT.md says it.
    [Test]
    public void Steps_OnLabelledEventsWithTheInterceptFitted_EndWhereTheSolverEnds([Range(1, 8)] int seed)
    {
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random, new PatchArchitecture { PatchSize = 6, BottleneckSize = 3, Layers = [0, 2] }, numberOfUsers: 1, numberOfSamples: 12);
        PatchSolver.Settings settings = new(L2, InterceptL2, NumberOfSteps: 20, LearningRate: 0.1);
        float[] start = Draw(random, 6, 0.3);
        float[] expected = new PatchSolver(model.Frozen, model.Patch, settings).Solve(model.Chunk, model.Chunk.Weight, tensor(start, 1, 6)).ToArray();

        using StockRuntime learning = new(Export(model.Parameters));
        float[] patch = RunSteps(learning, model, start, FitIntercept);
        FitIntercept(patch);
        Assert.That(Deviation.Max(patch, expected), Is.LessThan(1e-4), $"{model}");
        Assert.That(Deviation.Max(patch, start), Is.GreaterThan(0.05));

        void FitIntercept(float[] current)
        {
            current[0] = 0;
            float[] scores = Run(learning, model, current, start, new float[6], new float[6], 1, 0, "score")[0];
            current[0] = (float)FiniteDifference.Minimize(
                point => scores.Select((score, i) => model.Weights[i] * PatchedModel.CrossEntropy(score + point[0], model.Labels[i])).Sum()
                    + (InterceptL2 * Math.Pow(point[0] - start[0], 2) / 2),
                [(double)start[0]])[0];
        }
    }

    private static float[] RunSteps(StockRuntime learning, PatchedModel model, float[] start, Action<float[]> before)
    {
        float[] patch = [.. start];
        float[] first = new float[start.Length];
        float[] second = new float[start.Length];
        for (int step = 1; step <= 20; step++)
        {
            before(patch);
            double rate = 0.1 * 0.5 * (1 + Math.Cos(Math.PI * (step - 1) / 20));
            float[][] next = Run(learning, model, patch, start, first, second, step, (float)rate, "next_patch", "next_first_moment", "next_second_moment");
            (patch, first, second) = (next[0], next[1], next[2]);
        }

        return patch;
    }

    private static void Check(SeededRandom random, PatchedModel model)
    {
        int size = model.PatchSize;
        float[] patch = Draw(random, size, 0.5);
        float[] start = Draw(random, size, 0.5);
        float[] first = Draw(random, size, 1);
        float[] second = [.. Draw(random, size, 1).Select(MathF.Abs)];
        int step = 1 + random.Next(20);

        Tensor variable = tensor(patch, [1, size], requires_grad: true);
        Tensor logits = new PatchSolver(model.Frozen, model.Patch, new PatchSolver.Settings(L2, InterceptL2, 1, 0.1)).Score(model.Chunk, variable);
        float[] strengths = [InterceptL2, .. Enumerable.Repeat(L2, size - 1)];
        Tensor distance = variable - tensor(start, 1, size);
        Tensor penalty = (distance * distance * tensor(strengths)).sum().Times(0.5);
        Tensor loss = PatchSolver.Loss(model.Chunk, logits, model.Chunk.Weight).sum().Plus(penalty);
        float[] gradient = autograd.grad([loss], [variable])[0].ToArray();

        using StockRuntime learning = new(Export(model.Parameters));
        float[][] outputs = Run(
            learning, model, patch, start, first, second, step, 0.1f, "next_patch", "next_first_moment", "next_second_moment", "loss", "score");

        double scale = Math.Max(1, gradient.Max(MathF.Abs));
        Assert.That(Deviation.Max([.. outputs[1].Zip(first, (next, moment) => (next - (0.9f * moment)) / 0.1f)], gradient, scale), Is.LessThan(Tolerance), $"{model}");
        Assert.That(Deviation.Max(outputs[3], loss.reshape(1).ToArray()), Is.LessThan(Tolerance), $"{model}");
        Assert.That(Deviation.Max(outputs[4], logits.flatten().ToArray()), Is.LessThan(Tolerance), $"{model}");
        Adam.Update(patch, gradient, first, second, step, 0.1);
        Assert.That(Deviation.Max(outputs[0], patch), Is.LessThan(Tolerance), $"{model}");
        Assert.That(Deviation.Max(outputs[1], first, scale), Is.LessThan(Tolerance), $"{model}");
        Assert.That(Deviation.Max(outputs[2], second, scale * scale), Is.LessThan(Tolerance), $"{model}");
    }

    private static float[][] Run(
        StockRuntime learning, PatchedModel model, float[] patch, float[] start, float[] first, float[] second, int step, float rate, params string[] outputs)
    {
        int samples = model.NumberOfSamples;
        int size = model.PatchSize;
        float[] activation = model.Chunk.Activation.ToArray();
        return learning.Run(
            outputs,
            ("activation", activation, [samples, activation.Length / samples]),
            ("offset", model.Chunk.Offset.ToArray(), [samples]),
            ("label", model.Labels, [samples]),
            ("weight", model.Weights, [samples]),
            ("patch", patch, [1, size]),
            ("start", start, [1, size]),
            ("first_moment", first, [1, size]),
            ("second_moment", second, [1, size]),
            ("step", new float[] { step }, [1]),
            ("learning_rate", new[] { rate }, [1]),
            ("l2", new[] { L2 }, [1]),
            ("intercept_l2", new[] { InterceptL2 }, [1]));
    }

    private static byte[] Export(DeviceCloudModelParameters parameters)
    {
        using MemoryStream stream = new();
        new DeviceCloudPredictionTransformer(
            parameters, null, new BehaviorHistory([0], [], parameters.Architecture.ProfileDimension, [], []), new InteractionColumns("User", "Item"))
            .ExportTrainingStep(stream);
        return stream.ToArray();
    }

    private static float[] Draw(SeededRandom random, int count, double scale) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(scale * random.NextGaussian()))];
}
