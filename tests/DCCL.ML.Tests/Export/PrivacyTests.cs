using System.Buffers.Binary;
using System.Text;
using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Export;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using NUnit.Framework;

namespace DCCL.ML.Tests.Export;

/// <summary>What leaves for the devices of all holds nothing of any of them.</summary>
public sealed class PrivacyTests
{
    private const int NumberOfUsers = 40;
    private const int PatchSize = 6;
    private const int HistorySize = 12; // the network reads eight

    [Test]
    public void ExportForDevice_AFleet_HoldsNobodysIdHistoryOrPatch([Values] bool half)
    {
        DeviceCloudPredictionTransformer fleet = CreateFleet();
        string folder = Directory.CreateTempSubdirectory("dccl-privacy-").FullName;
        fleet.ExportForDevice(folder, new OnnxExportOptions { UsesHalfPrecision = half });
        string inside = Path.Combine(folder, "inside.onnx");
        fleet.ExportToOnnx(inside, new OnnxExportOptions { Vocabulary = VocabularyPlacement.InsideGraph });

        string[] files = Directory.GetFiles(folder);
        Assert.That(files.Select(Path.GetFileName), Is.SupersetOf((string[])[DeviceFiles.Model, DeviceFiles.Vocabulary, DeviceFiles.TrainingStep, DeviceFiles.ColdStart]));
        foreach (string file in files)
        {
            Assert.That(FindPersonal(File.ReadAllBytes(file), fleet), Is.Null, file);
        }

        Directory.Delete(folder, recursive: true);
    }

    [Test]
    public void FindPersonal_InWhatIsPersonal_FindsIt()
    {
        DeviceCloudPredictionTransformer fleet = CreateFleet();
        UserPatch patch = fleet.GetUserPatches()["user-7@example"];
        using MemoryStream saved = new();
        TransformerFile.Write(saved, fleet);
        byte[] baked = ExportedModel.Export(fleet, new OnnxExportOptions { Patch = patch });

        Assert.That(FindPersonal(saved.ToArray(), fleet), Does.StartWith("the id").Or.StartWith("the patch"));
        Assert.That(FindPersonal(patch.ToAdapter(), fleet), Is.EqualTo("the patch of user 7"));
        Assert.That(FindPersonal(Bytes(fleet.History.GetItems(3)[4..8], 8), fleet), Is.EqualTo("the history of user 3"));

        // The owner's file has the owner's patch inside, nobody else's, and says so.
        Assert.That(FindPersonal(baked, fleet), Is.EqualTo("the intercept of user 7"));
        using StockRuntime stock = new(baked);
        Assert.That(stock.Metadata[GraphMetadata.Patch], Is.EqualTo("baked"));
    }

    private static string? FindPersonal(ReadOnlySpan<byte> file, DeviceCloudPredictionTransformer fleet)
    {
        for (int user = 1; user <= NumberOfUsers; user++)
        {
            if (file.IndexOf(Encoding.UTF8.GetBytes(fleet.UserIds![user - 1])) >= 0)
            {
                return $"the id of user {user}";
            }

            byte[] patch = new byte[PatchSize * sizeof(float)];
            for (int k = 0; k < PatchSize; k++)
            {
                BinaryPrimitives.WriteSingleLittleEndian(patch.AsSpan(k * sizeof(float)), fleet.Patches![user][k]);
            }

            if (file.IndexOf(patch) >= 0)
            {
                return $"the patch of user {user}";
            }

            if (file.IndexOf(patch.AsSpan(0, sizeof(float))) >= 0)
            {
                return $"the intercept of user {user}";
            }

            // Four items in a row tell who somebody is, whether the network reads them or not.
            foreach (int[] items in fleet.History.GetItems(user).ToArray().Chunk(4))
            {
                foreach (int[] order in (int[][])[items, [.. items.Reverse()]])
                {
                    if (file.IndexOf(Bytes(order, sizeof(int))) >= 0 || file.IndexOf(Bytes(order, sizeof(long))) >= 0)
                    {
                        return $"the history of user {user}";
                    }
                }
            }
        }

        return null;
    }

    private static byte[] Bytes(ReadOnlySpan<int> items, int size)
    {
        byte[] bytes = new byte[items.Length * size];
        for (int i = 0; i < items.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(i * size), items[i]);
        }

        return bytes;
    }

    private static DeviceCloudPredictionTransformer CreateFleet()
    {
        SeededRandom random = new(1);
        DinArchitecture architecture = new() { NumberOfItems = 500, HistoryLength = 8, EmbeddingDimension = 8, HiddenLayerSizes = [16, 8] };
        DeviceCloudModelParameters parameters = RandomModel.Create(
            random, architecture, new PatchArchitecture { PatchSize = PatchSize, BottleneckSize = 2, Layers = [0, 1] }, new PatchEncoderArchitecture { ServesColdStart = true });
        float[] patches = new float[NumberOfUsers * PatchSize];
        RandomModel.Fill(random, patches);
        PatchStatus[] statuses = new PatchStatus[NumberOfUsers];
        Array.Fill(statuses, PatchStatus.Patched);
        int[] items = [.. Enumerable.Range(0, NumberOfUsers * HistorySize).Select(_ => 1 + random.Next(500))];
        double[] cutoffs = new double[NumberOfUsers];
        BehaviorHistory history = new([.. Enumerable.Range(0, NumberOfUsers + 1).Select(i => i * HistorySize)], items, 0, [], cutoffs);
        return new DeviceCloudPredictionTransformer(
            parameters, new UserPatches(PatchSize, patches, statuses), history, new InteractionColumns("User", "Item", "Time"))
        {
            UserIds = [.. Enumerable.Range(1, NumberOfUsers).Select(user => $"user-{user}@example")],
            ItemIds = [.. Enumerable.Range(1, 500).Select(item => $"item {item}")],
            NumberOfThreads = 1,
        };
    }
}
