using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.Tests.Torch;

/// <summary>What holds for every backbone: torch, the exported graph and the textbook compute the same, patched or not.</summary>
public sealed class TorchBackboneTests
{
    // DESIGN.md, section 3: the one numeric bridge. Both sides add some hundred products of order 1 in float32, in different
    // orders: sqrt(100s) * 2^-24 is about 1e-6. Patched logits may be larger, hence relative above 1.
    private const double Tolerance = 1e-5;

    [Test]
    public void Forward_RandomArchitectures_EqualsTheExportedGraphAndTheTextbook([Range(1, 60)] int seed, [Values("din", "sasrec")] string backbone)
    {
        SeededRandom random = new(seed);
        BackboneArchitecture architecture = RandomModel.CreateArchitecture(random, backbone);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture);
        int groups = 1 + random.Next(5);
        ScoringBatch batch = RandomModel.CreateBatch(random, parameters, groups, 1 + random.Next(6), 1 + random.Next(architecture.HistoryLength), 0);
        using TorchBackbone module = Backbones.Create(parameters);
        using ModelScorer scorer = new(parameters, numberOfThreads: 1);
        using DisposeScope scope = NewDisposeScope();

        float[] logits = module.Forward(batch.ToTrainingBatch(parameters), generator: null).ToArray();
        scorer.Score(batch);

        Assert.That(Deviation.Max(logits, batch.Scores), Is.LessThan(Tolerance), $"{architecture}");
        Assert.That(Deviation.Max(logits, Textbook(parameters, batch, random)), Is.LessThan(Tolerance), $"{architecture}");
    }

    [Test]
    public void Score_RandomPatches_EqualsTheExportedGraphAndDiffersFromTheCloudModel([Range(1, 60)] int seed, [Values("din", "sasrec")] string backbone)
    {
        SeededRandom random = new(seed);
        BackboneArchitecture architecture = RandomModel.CreateArchitecture(random, backbone);
        PatchArchitecture patch = RandomModel.CreatePatch(random, architecture);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, patch);
        int groups = 1 + random.Next(5);
        ScoringBatch batch = RandomModel.CreateBatch(
            random, parameters, groups, 1 + random.Next(6), 1 + random.Next(architecture.HistoryLength), groups);
        using TorchBackbone module = Backbones.Create(parameters);
        using PatchTensors tensors = TorchModels.CreatePatch(parameters);
        using ModelScorer scorer = new(parameters, numberOfThreads: 1);
        using DisposeScope scope = NewDisposeScope();

        float[] logits = batch.Score(module, tensors, parameters, batch.Patches[..(groups * patch.PatchSize)]);
        scorer.Score(batch);

        Assert.That(Deviation.Max(logits, batch.Scores), Is.LessThan(Tolerance), $"{architecture} {patch}");
        Assert.That(Deviation.Max(logits, Textbook(parameters, batch, random)), Is.LessThan(Tolerance), $"{architecture} {patch}");

        // The intercept alone moves each logit, by a number of order 1.
        float[] cloud = module.Forward(batch.ToTrainingBatch(parameters), generator: null).ToArray();
        Assert.That(Deviation.Max(logits, cloud), Is.GreaterThan(0.01));
    }

    [Test]
    public void Score_PatchOfZeros_EqualsTheCloudModelBitForBit([Range(1, 30)] int seed, [Values("din", "sasrec")] string backbone)
    {
        SeededRandom random = new(seed);
        BackboneArchitecture architecture = RandomModel.CreateArchitecture(random, backbone);
        PatchArchitecture patch = RandomModel.CreatePatch(random, architecture);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, patch);
        int groups = 1 + random.Next(5);
        ScoringBatch batch = RandomModel.CreateBatch(random, parameters, groups, 1 + random.Next(6), architecture.HistoryLength, groups);
        using TorchBackbone module = Backbones.Create(parameters);
        using PatchTensors tensors = TorchModels.CreatePatch(parameters);
        using DisposeScope scope = NewDisposeScope();

        float[] patched = batch.Score(module, tensors, parameters, new float[groups * patch.PatchSize]);

        float[] cloud = module.Forward(batch.ToTrainingBatch(parameters), generator: null).ToArray();
        Assert.That(patched, Is.EqualTo(cloud), $"{architecture} {patch}");

        using ModelScorer scorer = new(parameters, numberOfThreads: 1);
        batch.Patches.AsSpan().Clear();
        scorer.Score(batch);
        float[] graph = [.. batch.Scores];
        batch.NumberOfPatches = 0;
        scorer.Score(batch);
        Assert.That(graph, Is.EqualTo(batch.Scores), $"{architecture} {patch}");
    }

    private static double[] Textbook(DeviceCloudModelParameters parameters, ScoringBatch batch, SeededRandom random)
    {
        TextbookNetwork textbook = TextbookNetwork.Create(parameters, random);
        int profile = parameters.Architecture.ProfileDimension;
        int patchSize = batch.NumberOfPatches == 0 ? 0 : parameters.Patch!.PatchSize;
        return
        [
            .. Enumerable.Range(0, batch.NumberOfGroups * batch.NumberOfCandidates).Select(i =>
            {
                int group = i / batch.NumberOfCandidates;
                return textbook.Score(
                    batch.Items[i],
                    batch.History.AsSpan(group * batch.HistoryLength, batch.HistoryLength),
                    batch.Profiles.AsSpan(group * profile, profile),
                    batch.Patches.AsSpan(group * patchSize, patchSize));
            }),
        ];
    }
}
