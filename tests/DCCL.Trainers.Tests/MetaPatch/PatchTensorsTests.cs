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

public sealed class PatchTensorsTests
{
    // The gradient in float32 is a sum of some thousand products: sqrt(1000s) * 2^-24 is about 5e-6 of its largest component. The
    // expected one, by differences in double precision, is far better.
    private const double Tolerance = 2e-5;

    [Test]
    public void GradientOfTheLoss_ByTheta_IsThatOfFiniteDifferences([Range(1, 40)] int seed)
    {
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(random);
        int size = model.PatchSize;
        float[] theta = [.. Enumerable.Range(0, model.NumberOfUsers * size).Select(_ => (float)random.NextGaussian() * 0.7f)];
        PatchSolver solver = new(model.Frozen, model.Patch, new PatchSolver.Settings(1, 1, 1, 0.1));

        Tensor variable = tensor(theta, model.NumberOfUsers, size).requires_grad_();
        Tensor loss = PatchSolver.Loss(model.Chunk, solver.Score(model.Chunk, variable), model.Chunk.Weight);
        float[] gradient = autograd.grad([loss.sum()], [variable])[0].ToArray();

        float[] losses = loss.ToArray();
        for (int user = 0; user < model.NumberOfUsers; user++)
        {
            double[] at = [.. theta[(user * size)..((user + 1) * size)].Select(value => (double)value)];
            double[] expected = FiniteDifference.Gradient(point => model.GetLoss(user, point), at);
            Assert.That(losses[user], Is.EqualTo(model.GetLoss(user, at)).Within(Tolerance * Math.Max(1, losses[user])), $"{model}");
            Assert.That(
                Deviation.Max(gradient[(user * size)..((user + 1) * size)], expected, Math.Max(1, expected.Max(Math.Abs))),
                Is.LessThan(Tolerance), $"{model}");
        }
    }

    [Test]
    public void GradientAtZero_OfARandomBasis_IsNotZero([Values] PatchActivation activation)
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(
            new SeededRandom(5), new PatchArchitecture { PatchSize = 5, BottleneckSize = 2, Layers = [0, 2], Activation = activation }, 3, 20);
        using PatchTensors patch = PatchTensors.CreateRandom(model.Parameters.Patch!, model.Parameters.Architecture, new SeededRandom(6));
        PatchSolver solver = new(model.Frozen, patch, new PatchSolver.Settings(1, 1, 1, 0.1));
        Tensor variable = zeros(3, 5).requires_grad_();

        Tensor loss = PatchSolver.Loss(model.Chunk, solver.Score(model.Chunk, variable), model.Chunk.Weight).sum();
        float[] gradient = autograd.grad([loss], [variable])[0].ToArray();

        Assert.That(gradient.Select(Math.Abs), Is.All.GreaterThan(1e-5));
    }

    [Test]
    public void CreateRandom_AnyShape_HasAZeroUpOffsetAndNothingElseZero([Range(1, 10)] int seed)
    {
        SeededRandom random = new(seed);
        DinArchitecture architecture = RandomModel.CreateArchitecture(random);
        PatchArchitecture shape = RandomModel.CreatePatch(random, architecture);
        float[] factors = [.. Enumerable.Range(0, (architecture.NumberOfItems + 1) * shape.NumberOfItemFactors).Select(_ => random.NextSingle())];
        using PatchTensors patch = PatchTensors.CreateRandom(shape, architecture, new SeededRandom(seed), factors);
        using PatchTensors same = PatchTensors.CreateRandom(shape, architecture, new SeededRandom(seed), factors);

        Dictionary<string, float[]> values = patch.Export();

        Assert.That(values.Keys, Is.EquivalentTo(shape.GetTensors(architecture).Select(tensor => tensor.Name)));
        Assert.That(same.Export(), Is.EqualTo(values));
        Assert.That(values.GetValueOrDefault("patch.factors", []), Is.EqualTo(factors));
        foreach (int layer in shape.NumberOfBasisColumns == 0 ? [] : shape.Layers)
        {
            float[] offset = values[$"patch.{layer}.offset"];
            Assert.That(offset[..(offset.Length / 2)], Is.All.Not.Zero);
            Assert.That(offset[(offset.Length / 2)..], Is.All.Zero);
            Assert.That(values[$"patch.{layer}.basis"], Is.All.Not.Zero);
        }
    }

    [Test]
    public void FreezeUpOffset_AfterAStep_LeavesThetaZeroTheCloudModel()
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(
            new SeededRandom(5), new PatchArchitecture { PatchSize = 5, BottleneckSize = 2, Layers = [0, 2] }, 3, 20);
        BasisLearner learner = new(model.Frozen, model.Patch, new PatchSolver.Settings(1, 1, 1, 0.1));
        using optim.Optimizer optimizer = optim.Adam(model.Patch.Tensors.Values, 0.1);
        Dictionary<string, float[]> before = model.Patch.Export();

        learner.QueryLoss(model.Chunk, model.Chunk.Weight, model.Chunk.Weight).backward();
        model.Patch.FreezeUpOffset();
        optimizer.step();

        Dictionary<string, float[]> after = model.Patch.Export();
        foreach ((string name, float[] values) in after)
        {
            int half = name.EndsWith(".offset", StringComparison.Ordinal) ? values.Length / 2 : values.Length;
            Assert.That(values[..half].Zip(before[name]).Count(pair => pair.First != pair.Second), Is.GreaterThan(half * 9 / 10), name);
            Assert.That(values[half..], Is.All.Zero, name);
        }
    }

    [Test]
    public void Import_OfAnExport_RestoresEveryValue()
    {
        SeededRandom random = new(3);
        DinArchitecture architecture = RandomModel.CreateArchitecture(random);
        PatchArchitecture shape = new() { PatchSize = 4, BottleneckSize = 2, Layers = [0] };
        using PatchTensors patch = PatchTensors.CreateRandom(shape, architecture, new SeededRandom(1));
        using PatchTensors other = PatchTensors.CreateRandom(shape, architecture, new SeededRandom(2));
        Assert.That(other.Export(), Is.Not.EqualTo(patch.Export()));

        other.Import(patch.Export());

        Assert.That(other.Export(), Is.EqualTo(patch.Export()));
    }
}
