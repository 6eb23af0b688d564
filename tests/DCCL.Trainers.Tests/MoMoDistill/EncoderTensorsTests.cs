using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.TestKit;
using DCCL.Trainers.MoMoDistill;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Tests.MoMoDistill;

public sealed class EncoderTensorsTests
{
    private static readonly DinArchitecture _backbone = new() { NumberOfItems = 9, EmbeddingDimension = 5, HiddenLayerSizes = [4] };
    private static readonly PatchArchitecture _patch = new() { PatchSize = 4, BottleneckSize = 2, Layers = [0] };

    // A dozen products of order 1 in float32, twice.
    private const double Tolerance = 2e-6;

    [Test]
    public void Encode_AtTheStart_LeavesPatchesAsTheyAre()
    {
        using EncoderTensors encoder = new(new PatchEncoderArchitecture { HiddenSize = 3 }, _backbone, _patch, new SeededRandom(1));
        using DisposeScope scope = NewDisposeScope();
        Tensor patches = Gaussians(new SeededRandom(2), 6, 4);

        Assert.That(encoder.Encode(patches, Gaussians(new SeededRandom(3), 6, 5)).ToArray(), Is.EqualTo(patches.ToArray()));
    }

    [Test]
    public void Encode_RandomTensors_EqualsThePatchEncoderOfTheModel([Range(1, 5)] int seed)
    {
        SeededRandom random = new(seed);
        PatchEncoderArchitecture shape = new() { HiddenSize = 3 };
        DeviceCloudModelParameters parameters = RandomModel.Create(random, _backbone, _patch, shape);
        using EncoderTensors encoder = new(shape, _backbone, _patch, random);
        encoder.Import(parameters.TensorShapes.ToDictionary(tensor => tensor.Name, tensor => parameters[tensor.Name].ToArray()));
        using DisposeScope scope = NewDisposeScope();
        Tensor patches = Gaussians(random, 6, 4);
        Tensor users = Gaussians(random, 6, 5);

        float[] actual = encoder.Encode(patches, users).ToArray();

        PatchEncoder expected = new(parameters);
        float[] result = new float[4];
        for (int row = 0; row < 6; row++)
        {
            expected.Encode(patches[row].ToArray(), users[row].ToArray(), result);
            Assert.That(actual[(row * 4)..((row + 1) * 4)], Is.EqualTo(result).Within(Tolerance * 4));
        }
    }

    [Test]
    public void Rescale_ByFactors_DividesWhatTheEncoderAdds()
    {
        SeededRandom random = new(1);
        PatchEncoderArchitecture shape = new() { HiddenSize = 3 };
        DeviceCloudModelParameters parameters = RandomModel.Create(random, _backbone, _patch, shape);
        using EncoderTensors encoder = new(shape, _backbone, _patch, random);
        encoder.Import(parameters.TensorShapes.ToDictionary(tensor => tensor.Name, tensor => parameters[tensor.Name].ToArray()));
        using DisposeScope scope = NewDisposeScope();
        Tensor patches = Gaussians(random, 6, 4);
        Tensor users = Gaussians(random, 6, 5);
        float[] factors = [1, 2, 0.5f, 4];
        float[] before = (encoder.Encode(patches, users) - patches).ToArray();

        encoder.Rescale(factors);

        float[] after = (encoder.Encode(patches, users) - patches).ToArray();
        Assert.That(after, Is.EqualTo(before.Select((value, i) => value / factors[i % 4])).Within(Tolerance * 4));
        Assert.That(encoder.ColumnFactors, Is.EqualTo(factors));
    }

    private static Tensor Gaussians(SeededRandom random, int rows, int columns) =>
        tensor(Enumerable.Range(0, rows * columns).Select(_ => (float)random.NextGaussian()).ToArray(), rows, columns);
}
