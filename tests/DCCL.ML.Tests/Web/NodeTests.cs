using System.Text.Json;
using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Export;
using DCCL.ML.Model;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.ML.Tests.Web;

/// <summary>One device with C# and one with Node, the same files and the same owner: they score, learn and write the same.</summary>
public sealed class NodeTests
{
    // float32 in two builds of ONNX Runtime, over logits of about 5.
    private const double ScoreTolerance = 1e-5;

    private static readonly JsonSerializerOptions _json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    [Test]
    public void NodeDevice_WithAModelOfChoicesOrOfLabels_LearnsThePatchThatCSharpLearnsAndAccepts([Values("OnDeviceWeb", "OnDevice")] string example)
    {
        WebExample.RequireNode();
        string folder = Directory.CreateTempSubdirectory("dccl-node-").FullName;
        try
        {
            ITransformer fleet = new MLContext(seed: 1).Model.Load(Path.Combine(WebExample.Folder, "..", example, "fleet.zip"), out _);
            fleet.ExportForDevice(Path.Combine(folder, "model"), new OnnxExportOptions { RequiresPatch = true });
            fleet.ExportToOnnx(Path.Combine(folder, "optional.onnx"));
            bool hasLabels = fleet.DeviceCloudModel().Columns.LabelColumnName is not null;
            DeviceEvent[] events = CreateEvents(fleet.GetVocabulary(), hasLabels);
            float[] profile = new float[fleet.DeviceCloudModel().Parameters.Architecture.ProfileDimension];
            DevicePersonalizerOptions options = new() { L2 = 5, Profile = profile, GateStandardErrors = 0 };
            using DevicePersonalizer device = CreateDevice(folder, "owner", events, options);
            IReadOnlyList<float> cloudScores = device.Score(device.Vocabulary.Items);
            PersonalizationResult expected = device.LearnAsync().GetAwaiter().GetResult();
            Assert.That(expected.Status, Is.EqualTo(PersonalizationStatus.Learnt), "Without a patch the test says nothing.");

            File.WriteAllBytes(Path.Combine(folder, "case.json"), JsonSerializer.SerializeToUtf8Bytes(
                new
                {
                    Profile = profile,
                    Events = events,
                    CloudScores = cloudScores,
                    PatchedScores = device.Score(device.Vocabulary.Items),
                    Patch = device.Patch!.Values.ToArray(),
                    expected.Gain,
                    Adapters = CreateAdapters(fleet),
                },
                _json));

            WebExample.RunTests("device.test.js", ("DCCL_DEVICE", folder));

            // What Node learnt and wrote, as C# reads it and scores with it.
            UserPatch patch = UserPatch.Load(Path.Combine(folder, "node.onnx_adapter"));
            float[] nodeScores = JsonSerializer.Deserialize<float[]>(File.ReadAllText(Path.Combine(folder, "node-scores.json")))!;
            Directory.CreateDirectory(Path.Combine(folder, "reader"));
            File.Copy(Path.Combine(folder, "node.onnx_adapter"), Path.Combine(folder, "reader", DeviceFiles.Patch));
            using DevicePersonalizer reader = CreateDevice(folder, "reader", events, options);
            Assert.That(reader.Warnings, Is.Empty);
            Assert.That(reader.Patch!.Values.ToArray(), Is.EqualTo(patch.Values.ToArray()));
            IReadOnlyList<float> scores = reader.Score(reader.Vocabulary.Items);
            Assert.That(nodeScores, Is.EqualTo(scores).Within(ScoreTolerance));
            Assert.That(scores, Is.Not.EqualTo(cloudScores).Within(0.01), "A patch that changes nothing says nothing.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Half of the owner's events came before the cloud model was trained. With labels, the owner refuses every second one.
    private static DeviceEvent[] CreateEvents(ItemVocabulary vocabulary, bool hasLabels)
    {
        SeededRandom random = new(7);
        return
        [
            .. Enumerable.Range(0, 40).Select(i => new DeviceEvent(
                vocabulary.Items[random.Next(vocabulary.Items.Count / 4)], i, !hasLabels || random.Next(2) == 0, IsKnownToCloud: i < 10)),
        ];
    }

    private static DevicePersonalizer CreateDevice(string folder, string owner, DeviceEvent[] events, DevicePersonalizerOptions options)
    {
        DevicePersonalizer device = new(Path.Combine(folder, "model"), Path.Combine(folder, owner), options);
        foreach (DeviceEvent row in events)
        {
            Assert.That(device.Record(row.ItemId, row.Time, row.IsPositive, row.IsKnownToCloud), Is.True);
        }

        return device;
    }

    // Files that C# wrote, of every remainder of the alignment to 8, and files that must be refused.
    private static object CreateAdapters(ITransformer fleet)
    {
        DeviceCloudModelParameters parameters = fleet.DeviceCloudModel().Parameters;
        SeededRandom random = new(3);
        float[] values = [.. Enumerable.Range(0, parameters.Patch!.PatchSize).Select(_ => (float)random.NextGaussian())];
        return new
        {
            Right = ((int[])[1, 2, 3, 16, 255, 256]).Select(size =>
            {
                float[] theta = [.. Enumerable.Range(0, size).Select(_ => (float)random.NextGaussian())];
                return new { Values = theta, File = new UserPatch(parameters.Fingerprint, theta).ToAdapter() };
            }),
            OtherModel = new UserPatch(new string('a', 64), values).ToAdapter(),
            WrongSize = new UserPatch(parameters.Fingerprint, [.. values, 1]).ToAdapter(),
        };
    }
}
