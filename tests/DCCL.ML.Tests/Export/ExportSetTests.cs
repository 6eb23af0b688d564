using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Export;
using DCCL.ML.Model;
using DCCL.TestKit;
using NUnit.Framework;

namespace DCCL.ML.Tests.Export;

/// <summary>An export is whole or not there at all, and is refused while nothing of it has been built if it cannot be a file.</summary>
public sealed class ExportSetTests
{
    private string _folder = "";

    [SetUp]
    public void SetUp() => _folder = Directory.CreateTempSubdirectory("dccl-set-").FullName;

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void ExportForDevice_ARefusedModel_LeavesNoFolder()
    {
        string device = Path.Combine(_folder, "device");

        // Step and cold start of the model would be right: only the scoring graph does not bear float16.
        Assert.That(
            () => ExportedModel.CreateTransformer(Create(largest: 1e6f)).ExportForDevice(device, new OnnxExportOptions { UsesHalfPrecision = true }),
            Throws.ArgumentException.With.Message.Contains("item.embedding"));

        Assert.That(Directory.Exists(device), Is.False);
    }

    [Test]
    public void ExportForDevice_ARefusedModelOverAnEarlierOne_LeavesTheEarlierOneAsItWas()
    {
        ExportedModel.CreateTransformer(Create(largest: 1)).ExportForDevice(_folder);
        Dictionary<string, byte[]> before = Directory.GetFiles(_folder).ToDictionary(path => path, File.ReadAllBytes);
        Assert.That(
            before.Keys.Select(Path.GetFileName),
            Is.EquivalentTo(new[] { DeviceFiles.Model, DeviceFiles.TrainingStep, DeviceFiles.ColdStart, DeviceFiles.Vocabulary }));

        Assert.That(
            () => ExportedModel.CreateTransformer(Create(largest: 1e6f)).ExportForDevice(_folder, new OnnxExportOptions { UsesHalfPrecision = true }),
            Throws.ArgumentException);

        Assert.That(Directory.GetFiles(_folder).ToDictionary(path => path, File.ReadAllBytes), Is.EqualTo(before));
    }

    [Test]
    public void WriteAll_OneFileThatCannotBeWritten_ChangesNone()
    {
        string first = Path.Combine(_folder, "first");
        File.WriteAllText(first, "old");

        Assert.That(
            () => AtomicFile.WriteAll([(first, [1]), (Path.Combine(_folder, "missing", "second"), [2])]),
            Throws.InstanceOf<DirectoryNotFoundException>());

        Assert.That(File.ReadAllText(first), Is.EqualTo("old"));
        Assert.That(Directory.GetFiles(_folder), Is.EqualTo(new[] { first }));
    }

    [Test]
    public void SizeCheck_AModelOfMoreThanAFileHolds_SaysHowLargeItIsAndWhatToDo()
    {
        // 20 million items of 32 numbers of 4 bytes and one bias each: 2.64 GB, and as float16 1.32 GB.
        DinArchitecture large = new() { NumberOfItems = 20_000_000, EmbeddingDimension = 32 };
        DinArchitecture larger = large with { NumberOfItems = 60_000_000 };

        Assert.That(
            () => ExportSize.Check(large.Tensors, vocabularyBytes: 0, isHalf: false),
            Throws.InvalidOperationException.With.Message.Contains("less than 2 GB").And.Message.Contains("2.6 GB").And.Message.Contains("UsesHalfPrecision"));
        Assert.That(() => ExportSize.Check(large.Tensors, vocabularyBytes: 0, isHalf: true), Throws.Nothing);
        Assert.That(
            () => ExportSize.Check(large.Tensors, vocabularyBytes: 1_000_000_000, isHalf: true),
            Throws.InvalidOperationException.With.Message.Contains("2.3 GB"));
        Assert.That(
            () => ExportSize.Check(larger.Tensors, vocabularyBytes: 0, isHalf: true),
            Throws.InvalidOperationException.With.Message.Contains("4.0 GB").And.Message.Contains("fewer items").And.Message.Not.Contains("UsesHalfPrecision"));
    }

    private static DeviceCloudModelParameters Create(float largest)
    {
        DeviceCloudModelParameters parameters = RandomModel.Create(
            new SeededRandom(3),
            new DinArchitecture { NumberOfItems = 20, HistoryLength = 4, EmbeddingDimension = 4 },
            new PatchArchitecture { PatchSize = 4, Layers = [1] },
            new PatchEncoderArchitecture { ServesColdStart = true });
        Dictionary<string, float[]> tensors = parameters.TensorShapes.ToDictionary(shape => shape.Name, shape => parameters[shape.Name].ToArray());
        tensors["item.embedding"][9] = largest;
        return new DeviceCloudModelParameters(parameters.Architecture, parameters.Patch, parameters.Encoder, tensors);
    }
}
