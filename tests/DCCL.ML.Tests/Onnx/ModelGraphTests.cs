using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Onnx.Proto;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using NUnit.Framework;

namespace DCCL.ML.Tests.Onnx;

public sealed class ModelGraphTests
{
    // Logits are sums of some hundred products of order 1 in float32: 2^-24 * sqrt(100s) leaves about 1e-6. Patched ones may be
    // larger, hence relative to the logit above 1.
    private const double Tolerance = 1e-5;

    [Test]
    public void Scores_RandomArchitectures_EqualTheEquations(
        [Range(1, 80)] int seed, [Values] bool manyCandidates, [Values("din", "sasrec")] string backbone)
    {
        SeededRandom random = new(seed);
        BackboneArchitecture architecture = RandomModel.CreateArchitecture(random, backbone);
        PatchArchitecture? patch = random.Next(4) == 0 ? null : RandomModel.CreatePatch(random, architecture);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, patch);
        TextbookNetwork textbook = TextbookNetwork.Create(parameters, random);
        int groups = 1 + random.Next(4);
        int patches = patch is null ? 0 : new[] { 0, 1, groups }[random.Next(3)];
        int length = 1 + random.Next(architecture.HistoryLength);
        int candidates = (manyCandidates ? ManyCandidatesScorer.MinimumNumberOfCandidates : 1) + random.Next(5);
        ScoringBatch batch = RandomModel.CreateBatch(random, parameters, groups, candidates, length, patches);

        using ModelScorer scorer = new(parameters, numberOfThreads: 1);
        scorer.Score(batch);

        for (int i = 0; i < groups * batch.NumberOfCandidates; i++)
        {
            int group = i / batch.NumberOfCandidates;
            double expected = textbook.Score(
                batch.Items[i],
                batch.History.AsSpan(group * length, length),
                batch.Profiles.AsSpan(group * architecture.ProfileDimension, architecture.ProfileDimension),
                patches == 0 ? [] : batch.Patches.AsSpan(patches == 1 ? 0 : group * patch!.PatchSize, patch!.PatchSize));
            // A SASRec's logit is a sum of products of patched numbers with patched numbers, which may be larger than the sum.
            double tolerance = (patches > 0 && backbone == "sasrec" ? 3 : 1) * Tolerance * Math.Max(1, Math.Abs(expected));
            Assert.That(batch.Scores[i], Is.EqualTo(expected).Within(tolerance), $"{architecture} {patch} {i}");
        }
    }

    // The same sums in another order: 1e-6 of the logit, or of 1. Plain weights do not sum to 1, so that the pooled history, and with
    // it what rounds, may be ten times the logit.
    [Test]
    public void Scores_ManyCandidates_EqualThoseOfFew([Range(1, 40)] int seed, [Values("din", "sasrec")] string backbone)
    {
        SeededRandom random = new(seed);
        BackboneArchitecture architecture = RandomModel.CreateArchitecture(random, backbone) with { NumberOfItems = 300 };
        architecture = architecture is DinArchitecture din ? din with { ActivationUnitSize = 1 + random.Next(40) } : architecture;
        PatchArchitecture patch = RandomModel.CreatePatch(random, architecture);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, patch);
        using ModelScorer scorer = new(parameters);
        double tolerance = architecture switch
        {
            DinArchitecture { AttentionWeights: AttentionWeights.Plain } => 1e-5,
            SasRecArchitecture => 3e-6, // products of patched numbers with patched numbers, as above
            _ => 1e-6,
        };
        const int Candidates = 300;
        int length = architecture.HistoryLength;
        ScoringBatch many = RandomModel.CreateBatch(random, parameters, 3, Candidates, length, random.Next(2) * 3);
        scorer.Score(many);

        ScoringBatch few = new();
        few.Resize(architecture, 3, 30, length, many.NumberOfPatches, patch.PatchSize);
        many.History.AsSpan(0, 3 * length).CopyTo(few.History);
        many.Profiles.CopyTo(few.Profiles, 0);
        many.Patches.CopyTo(few.Patches, 0);
        for (int start = 0; start < Candidates; start += 30)
        {
            for (int i = 0; i < 90; i++)
            {
                few.Items[i] = many.Items[(i / 30 * Candidates) + start + (i % 30)];
            }

            scorer.Score(few);
            for (int i = 0; i < 90; i++)
            {
                float expected = few.Scores[i];
                float actual = many.Scores[(i / 30 * Candidates) + start + (i % 30)];
                Assert.That(actual, Is.EqualTo(expected).Within(tolerance * Math.Max(1, Math.Abs(expected))), $"{architecture} {i}");
            }
        }
    }

    [Test]
    public void Scores_EqualItems_AreEqualWhereverTheyStand([Values(1, 13, 20)] int historyLength, [Values("din", "sasrec")] string backbone)
    {
        SeededRandom random = new(5);
        BackboneArchitecture architecture = backbone == "din"
            ? new DinArchitecture { NumberOfItems = 20, HistoryLength = 20 }
            : new SasRecArchitecture { NumberOfItems = 20, HistoryLength = 20 };
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture);
        using ModelScorer scorer = new(parameters);
        foreach (int candidates in new[] { 1, 30, 127, 128, 177, 500, 1001 })
        {
            ScoringBatch batch = RandomModel.CreateBatch(random, parameters, 1, candidates, historyLength, 0);
            Array.Fill(batch.Items, 7);
            scorer.Score(batch);
            Assert.That(batch.Scores[..candidates].Distinct().Count(), Is.EqualTo(1), $"{candidates} candidates");
        }
    }

    [Test]
    public void Scores_PatchOfZeros_EqualTheCloudModelBitForBit(
        [Range(1, 20)] int seed, [Values(5, 150)] int candidates, [Values("din", "sasrec")] string backbone)
    {
        SeededRandom random = new(seed);
        BackboneArchitecture architecture = RandomModel.CreateArchitecture(random, backbone);
        PatchArchitecture patch = RandomModel.CreatePatch(random, architecture);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, patch);
        DeviceCloudModelParameters cloud = new(
            architecture, null, null, architecture.Tensors.ToDictionary(shape => shape.Name, shape => parameters[shape.Name].ToArray()));
        using ModelScorer scorer = new(parameters);
        using ModelScorer cloudScorer = new(cloud);
        ScoringBatch batch = RandomModel.CreateBatch(random, parameters, 7, candidates, architecture.HistoryLength, 0);
        cloudScorer.Score(batch);
        float[] expected = batch.Scores[..(7 * candidates)];

        foreach (int patches in new[] { 0, 1, 7 })
        {
            batch.NumberOfPatches = patches;
            batch.Patches = new float[patches * patch.PatchSize];
            scorer.Score(batch);
            Assert.That(batch.Scores[..(7 * candidates)], Is.EqualTo(expected), $"{patches} patches");
        }
    }

    [TestCase(1)]
    [TestCase(5)]
    public void Scores_AnyCoordinateOfThePatch_DiffersFromTheCloudModel(int patchSize)
    {
        SeededRandom random = new(4);
        DinArchitecture architecture = new() { NumberOfItems = 20, HiddenLayerSizes = [16, 8] };
        PatchArchitecture patch = new() { PatchSize = patchSize, Layers = [0, 1] };
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, patch);
        using ModelScorer scorer = new(parameters);
        ScoringBatch batch = RandomModel.CreateBatch(random, parameters, 1, 10, 10, 1);
        Array.Clear(batch.Patches);
        scorer.Score(batch);
        float[] cloud = batch.Scores[..10];

        for (int k = 0; k < patchSize; k++)
        {
            Array.Clear(batch.Patches);
            batch.Patches[k] = 1;
            scorer.Score(batch);
            Assert.That(batch.Scores[..10].Zip(cloud, (x, y) => Math.Abs(x - y)).Min(), Is.GreaterThan(1e-6), $"theta_{k}");
        }
    }

    [Test]
    public void Scores_MixedBatch_EqualsOneByOne([Range(1, 10)] int seed)
    {
        SeededRandom random = new(seed);
        DinArchitecture architecture = RandomModel.CreateArchitecture(random);
        PatchArchitecture patch = RandomModel.CreatePatch(random, architecture);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, patch);
        using ModelScorer scorer = new(parameters);
        int length = architecture.HistoryLength;
        ScoringBatch mixed = RandomModel.CreateBatch(random, parameters, 9, 4, length, 9);
        scorer.Score(mixed);

        ScoringBatch one = new();
        for (int group = 0; group < 9; group++)
        {
            one.Resize(architecture, 1, 4, length, 1, patch.PatchSize);
            mixed.Items.AsSpan(group * 4, 4).CopyTo(one.Items);
            mixed.History.AsSpan(group * length, length).CopyTo(one.History);
            mixed.Profiles.AsSpan(group * architecture.ProfileDimension, architecture.ProfileDimension).CopyTo(one.Profiles);
            mixed.Patches.AsSpan(group * patch.PatchSize, patch.PatchSize).CopyTo(one.Patches);
            scorer.Score(one);
            for (int i = 0; i < 4; i++)
            {
                float expected = mixed.Scores[(group * 4) + i];
                Assert.That(one.Scores[i], Is.EqualTo(expected).Within(1e-6 * Math.Max(1, Math.Abs(expected))));
            }
        }
    }

    [Test]
    public void Scores_MorePaddingAtTheEnd_AreTheSame([Values] AttentionWeights weights, [Values(10, 150)] int candidates)
    {
        SeededRandom random = new(9);
        DinArchitecture architecture = new() { NumberOfItems = 30, HistoryLength = 20, AttentionWeights = weights };
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture);
        using ModelScorer scorer = new(parameters);
        ScoringBatch batch = RandomModel.CreateBatch(random, parameters, 1, candidates, 6, 0);
        scorer.Score(batch);
        float[] trimmed = batch.Scores[..candidates];

        batch.History = [.. batch.History[..6], .. new long[14]];
        batch.HistoryLength = 20;
        scorer.Score(batch);

        Assert.That(batch.Scores[..candidates], Is.EqualTo(trimmed).Within(2e-6));
    }

    [Test]
    public void Build_PatchRequired_HasNoDefault()
    {
        DeviceCloudModelParameters parameters = CreateSmall();
        GraphProto optional = ModelGraph.Build(parameters, patchRequired: false).Graph;
        GraphProto required = ModelGraph.Build(parameters, patchRequired: true).Graph;

        Assert.That(optional.Initializer.Select(tensor => tensor.Name), Has.Member("patch"));
        Assert.That(required.Initializer.Select(tensor => tensor.Name), Has.No.Member("patch"));
        Assert.That(required.Input.Select(input => input.Name), Is.EqualTo(new[] { "item", "history", "profile", "patch" }));
        Assert.That(required.Output.Select(output => output.Name), Is.EqualTo(new[] { "score", "probability" }));
    }

    [Test]
    public void Build_RequiredVariantInStockRuntime_GivesScoreAndProbability()
    {
        DeviceCloudModelParameters parameters = CreateSmall();
        ModelProto model = ModelGraph.Build(parameters, patchRequired: true);
        using InferenceSession session = new(model.ToByteArray());
        using OrtValue item = OrtValue.CreateTensorValueFromMemory(new long[] { 1, 2 }, [1, 2]);
        using OrtValue history = OrtValue.CreateTensorValueFromMemory(new long[] { 3, 0 }, [1, 2]);
        using OrtValue profile = OrtValue.CreateTensorValueFromMemory(new float[] { 1, 2 }, [1, 2]);
        using OrtValue patch = OrtValue.CreateTensorValueFromMemory(new float[4], [1, 4]);
        using RunOptions options = new();

        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(
            options, ["item", "history", "profile", "patch"], [item, history, profile, patch], ["score", "probability"]);

        float[] score = outputs[0].GetTensorDataAsSpan<float>().ToArray();
        Assert.That(outputs[0].GetTensorTypeAndShape().Shape, Is.EqualTo(new long[] { 1, 2 }));
        Assert.That(outputs[1].GetTensorDataAsSpan<float>().ToArray(), Is.EqualTo(score.Select(s => 1 / (1 + MathF.Exp(-s)))).Within(1e-6));
        Assert.That(session.ModelMetadata.CustomMetadataMap["dccl.fingerprint"], Is.EqualTo(parameters.Fingerprint));
        Assert.That(session.ModelMetadata.CustomMetadataMap["dccl.format_version"], Is.EqualTo("1"));
    }

    [Test]
    public void Build_Twice_GivesTheSameBytes()
    {
        DeviceCloudModelParameters parameters = CreateSmall();
        byte[] first = ModelGraph.Build(parameters, patchRequired: false).ToByteArray();
        Assert.That(ModelGraph.Build(CreateSmall(), patchRequired: false).ToByteArray(), Is.EqualTo(first));
    }

    [Test]
    public void BuildForManyCandidates_EachPart_ComputesOnlyItsOwn()
    {
        (ModelProto group, ModelProto candidates) = ModelGraph.BuildForManyCandidates(CreateSmall());
        string[] values = [.. group.Graph.Output.Select(value => value.Name)];

        Assert.That(group.Graph.Input.Select(input => input.Name), Is.EqualTo(new[] { "history", "profile", "patch" }));
        Assert.That(candidates.Graph.Input.Select(input => input.Name), Is.EqualTo((string[])["item", .. values]));
        Assert.That(candidates.Graph.Output.Select(output => output.Name), Is.EqualTo(new[] { "score" }));
        Assert.That(values, Has.Member("patch.0.up.matrix").And.Member("hidden.0.group.expanded"));
    }

    private static DeviceCloudModelParameters CreateSmall() => RandomModel.Create(
        new SeededRandom(1),
        new DinArchitecture { NumberOfItems = 3, HistoryLength = 2, EmbeddingDimension = 2, ProfileDimension = 2, HiddenLayerSizes = [3] },
        new PatchArchitecture { PatchSize = 4, Layers = [0] });
}
