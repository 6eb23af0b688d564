using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using DCCL.Trainers.Din;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Tests.Din;

public sealed class DinModuleTests
{
    [Test]
    public void Score_APatchWithoutIntercept_DiffersFromTheCloudModelThroughItsLayers([Values(0, 1, 2)] int layer, [Values] PatchActivation activation)
    {
        (DeviceCloudModelParameters parameters, ScoringBatch batch) = CreateSmall([layer], activation);
        using TorchBackbone module = Backbones.Create(parameters);
        using PatchTensors tensors = TorchModels.CreatePatch(parameters);
        using DisposeScope scope = NewDisposeScope();
        float[] patches = [.. Enumerable.Repeat<float[]>([0, 1, -1, 1], batch.NumberOfGroups).SelectMany(x => x)];

        float[] patched = batch.Score(module, tensors, parameters, patches);

        float[] cloud = module.Forward(batch.ToTrainingBatch(parameters), generator: null).ToArray();
        Assert.That(Deviation.Max(patched, cloud), Is.GreaterThan(0.01));
    }

    [Test]
    public void Encode_AnyLayer_ThenDecode_EqualsForward([Values] DinActivation activation)
    {
        (DeviceCloudModelParameters parameters, ScoringBatch batch) = CreateSmall([0], PatchActivation.Tanh, activation);
        using TorchBackbone module = Backbones.Create(parameters);
        using DisposeScope scope = NewDisposeScope();
        TrainingBatch training = batch.ToTrainingBatch(parameters);
        float[] expected = module.Forward(training, generator: null).ToArray();

        for (int layer = 0; layer < 3; layer++)
        {
            (Tensor activations, Tensor offset) = module.Encode(training, layer, generator: null);
            float[] logits = module.Decode(activations, offset, layer, patch: null, generator: null).ToArray();

            Assert.That(activations.shape[2], Is.EqualTo(parameters.Architecture.PatchableLayerSizes[layer]));
            Assert.That(logits, Is.EqualTo(expected));
        }
    }

    [Test]
    public void Forward_Training_UsesDropoutAndTheBatchsStatistics_AndEvaluationDoesNot()
    {
        (DeviceCloudModelParameters parameters, ScoringBatch batch) = CreateSmall([0], PatchActivation.Tanh, DinActivation.Dice);
        using DinModule module = new((DinArchitecture)parameters.Architecture, dropout: 0.5, new SeededRandom(1));
        using Generator generator = new(1);
        using DisposeScope scope = NewDisposeScope();
        TrainingBatch training = batch.ToTrainingBatch(parameters);
        float[] before = module.Forward(training, generator: null).ToArray();

        float[] first = module.Forward(training, generator).ToArray();
        float[] second = module.Forward(training, generator).ToArray();
        float[] variance = module.Weights["hidden.0.variance"].ToArray();

        Assert.That(first, Is.Not.EqualTo(before));
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That(variance, Is.All.Not.EqualTo(1f));
        float[] after = module.Forward(training, generator: null).ToArray();
        Assert.That(module.Forward(training, generator: null).ToArray(), Is.EqualTo(after));
        Assert.That(module.Weights["hidden.0.variance"].ToArray(), Is.EqualTo(variance));
    }

    [Test]
    public void Forward_DropoutOfHalf_KeepsTheMeanActivation()
    {
        // A linear output layer: dropped logits scatter about the undropped one. 4,000 draws, each of standard deviation about 1:
        // five standard errors are 0.08.
        DinArchitecture architecture = new() { NumberOfItems = 1, EmbeddingDimension = 1, HistoryLength = 1, ActivationUnitSize = 1, HiddenLayerSizes = [8] };
        DeviceCloudModelParameters parameters = RandomModel.Create(new SeededRandom(2), architecture);
        using TorchBackbone plain = Backbones.Create(parameters);
        using DinModule dropped = new(architecture, dropout: 0.5, new SeededRandom(1));
        dropped.Import(plain.Export());
        using Generator generator = new(1);
        using DisposeScope scope = NewDisposeScope();
        TrainingBatch batch = new(ones(4000, 1, ScalarType.Int64), ones(4000, 1, ScalarType.Int64), [.. Enumerable.Repeat(1, 4000)], null);

        float expected = plain.Forward(batch, generator: null).ToArray()[0];
        float[] logits = dropped.Forward(batch, generator).ToArray();

        Assert.That(logits.Average(), Is.EqualTo(expected).Within(0.08));
        Assert.That(logits.Distinct().Count(), Is.GreaterThan(2));
    }

    [Test]
    public void Replicate_OfAModule_SharesItsWeightsAndHasGradientsOfItsOwn()
    {
        (DeviceCloudModelParameters parameters, ScoringBatch batch) = CreateSmall([0], PatchActivation.Tanh);
        using TorchBackbone module = Backbones.Create(parameters);
        using TorchBackbone replica = module.Replicate();
        using TorchBackbone frozen = module.Replicate(frozen: true);
        using DisposeScope scope = NewDisposeScope();
        TrainingBatch training = batch.ToTrainingBatch(parameters);

        replica.Forward(training, generator: null).sum().backward();
        using (no_grad())
        {
            module.Weights["output.bias"].add_(1);
        }

        Assert.That(replica.Weights["output.bias"].grad, Is.Not.Null);
        Assert.That(module.Weights["output.bias"].grad, Is.Null);
        Assert.That(replica.Weights["output.bias"].ToArray(), Is.EqualTo(module.Weights["output.bias"].ToArray()));
        Assert.That(frozen.Weights["output.bias"].ToArray(), Is.EqualTo(module.Weights["output.bias"].ToArray()));
        Assert.That(frozen.Trainable, Is.Empty);
        Assert.That(replica.Trainable.Count(), Is.EqualTo(module.Trainable.Count()));
    }

    [Test]
    public void Forward_ItemZero_IsThePaddingRowThatStaysZero()
    {
        DinArchitecture architecture = new() { NumberOfItems = 5, EmbeddingDimension = 3, HistoryLength = 4, ActivationUnitSize = 4, HiddenLayerSizes = [4] };
        using DinModule module = new(architecture, dropout: 0, new SeededRandom(1));
        using DisposeScope scope = NewDisposeScope();
        TrainingBatch batch = new(tensor(new long[] { 0, 1 }, 1, 2), tensor(new long[] { 2, 0, 0, 0 }, 1, 4), [1], null);

        module.Forward(batch, generator: null).sum().backward();

        float[] gradient = module.Weights["item.embedding"].grad!.ToArray();
        Assert.That(module.Weights["item.embedding"].ToArray()[..3], Is.All.Zero);
        Assert.That(gradient[..3], Is.All.Zero);
        Assert.That(gradient[3..9], Is.All.Not.Zero);
        Assert.That(module.Weights["item.bias"].grad!.ToArray(), Is.EqualTo(new float[] { 0, 1, 0, 0, 0, 0 }));
    }

    private static (DeviceCloudModelParameters Parameters, ScoringBatch Batch) CreateSmall(
        int[] layers, PatchActivation activation, DinActivation backbone = DinActivation.PRelu)
    {
        SeededRandom random = new(11);
        DinArchitecture architecture = new()
        {
            NumberOfItems = 12,
            EmbeddingDimension = 4,
            HistoryLength = 5,
            ActivationUnitSize = 6,
            HiddenLayerSizes = [7, 6, 5],
            Activation = backbone,
        };
        DeviceCloudModelParameters parameters = RandomModel.Create(
            random, architecture, new PatchArchitecture { PatchSize = 4, BottleneckSize = 3, Layers = layers, Activation = activation });
        return (parameters, RandomModel.CreateBatch(random, parameters, 6, 4, 5, 0));
    }
}
