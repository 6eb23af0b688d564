using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Export;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Export;

public sealed class ExportToOnnxTests
{
    // As for the scoring graph: logits are sums of some hundred products of order 1 in float32.
    private const double Tolerance = 1e-5;

    private static string NewFolder() => Directory.CreateTempSubdirectory("dccl-export-").FullName;

    [Test]
    public void ExportToOnnx_RandomArchitectures_ScoresAsTheEquations([Range(1, 30)] int seed, [Values("din", "sasrec")] string backbone)
    {
        SeededRandom random = new(seed);
        BackboneArchitecture architecture = RandomModel.CreateArchitecture(random, backbone);
        PatchArchitecture? patch = random.Next(4) == 0 ? null : RandomModel.CreatePatch(random, architecture);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, patch);
        bool required = patch is not null && random.Next(2) == 0;
        using StockRuntime stock = new(ExportedModel.Export(
            ExportedModel.CreateTransformer(parameters), new OnnxExportOptions { RequiresPatch = required }));
        foreach ((int groups, int candidates) in ((int, int)[])[(1, 1), (1, 12), (1, 60), (7, 1), (2, 60)])
        {
            int patches = patch is null ? 0 : required ? new[] { 1, groups }[random.Next(2)] : new[] { 0, 1, groups }[random.Next(3)];
            int length = 1 + random.Next(architecture.HistoryLength);
            ScoringBatch batch = RandomModel.CreateBatch(random, parameters, groups, candidates, length, patches);

            float[][] outputs = stock.Run(["score", "probability"], ExportedModel.Inputs(batch, parameters));

            double[] expected = ExportedModel.Expected(batch, parameters, random);
            Assert.That(Deviation.Max(outputs[0], expected), Is.LessThan(Tolerance), $"{architecture} {patch}");
            Assert.That(Deviation.Max(outputs[1], [.. expected.Select(x => 1 / (1 + Math.Exp(-x)))]), Is.LessThan(Tolerance));
        }
    }

    [Test]
    public void ExportToOnnx_PatchVariants_DifferInTheDefaultAlone()
    {
        DeviceCloudModelParameters parameters = Create(new SeededRandom(2));
        DeviceCloudPredictionTransformer model = ExportedModel.CreateTransformer(parameters);
        using StockRuntime optional = new(ExportedModel.Export(model));
        using StockRuntime required = new(ExportedModel.Export(model, new OnnxExportOptions { RequiresPatch = true }));
        ScoringBatch batch = RandomModel.CreateBatch(new SeededRandom(3), parameters, 1, 5, 4, 1);
        (string, Array, int[])[] patched = ExportedModel.Inputs(batch, parameters);
        batch.NumberOfPatches = 0;
        (string, Array, int[])[] cloud = ExportedModel.Inputs(batch, parameters);

        float[] expected = optional.Run("score", cloud);
        Assert.That(required.Run("score", [.. cloud, ("patch", new float[4], [1, 4])]), Is.EqualTo(expected));
        Assert.That(required.Run("score", patched), Is.EqualTo(optional.Run("score", patched)));
        Assert.That(required.Run("score", patched), Is.Not.EqualTo(expected));
        Assert.That(() => required.Run("score", cloud), Throws.Exception.Message.Contains("patch"));
        Assert.That(optional.Metadata["dccl.patch"], Is.EqualTo("optional"));
        Assert.That(required.Metadata["dccl.patch"], Is.EqualTo("required"));
    }

    [Test]
    public void ExportToOnnx_KeysOutOfRange_AreNaNOrPaddingOrRefused()
    {
        DeviceCloudModelParameters parameters = Create(new SeededRandom(2));
        using StockRuntime stock = new(ExportedModel.Export(ExportedModel.CreateTransformer(parameters)));
        float[] Score(long[] items, long[] history) =>
            stock.Run("score", ("item", items, [1, items.Length]), ("history", history, [1, history.Length]));

        float[] expected = Score([1, 2], [3, 4, 0, 0]);
        Assert.That(Score([1, 0, 2, -1], [3, 4]), Is.EqualTo(new[] { expected[0], float.NaN, expected[1], float.NaN }).Within(1e-6));
        Assert.That(Score([1, 2], [3, 4, -1, -9]), Is.EqualTo(expected));
        Assert.That(() => Score([1, 21], [3]), Throws.Exception);
        Assert.That(() => Score([1], [21]), Throws.Exception);
    }

    [TestCase("text")]
    [TestCase("integer")]
    public void ExportToOnnx_VocabularyInside_TakesRawIds(string kind)
    {
        SeededRandom random = new(4);
        DeviceCloudModelParameters parameters = Create(random);
        int[] numbers = [.. Enumerable.Range(0, 20).Select(i => (i * 7) - 3)]; // 0 is not among them, but -3 is
        string[] ids = [.. numbers.Select(number => kind == "text" ? $"Ä{number}" : $"{number}")];
        DeviceCloudPredictionTransformer model = ExportedModel.CreateTransformer(parameters, ids);
        using StockRuntime stock = new(ExportedModel.Export(model, new OnnxExportOptions { Vocabulary = VocabularyPlacement.InsideGraph }));
        using StockRuntime keys = new(ExportedModel.Export(model));
        Array Raw(params int[] items) => kind == "text"
            ? items.Select(key => key == 0 ? "" : key < 0 ? "unknown" : ids[key - 1]).ToArray()
            : items.Select(key => key == 0 ? 0L : key < 0 ? 999 : numbers[key - 1]).ToArray();

        float[] expected = keys.Run("score", ("item", new long[] { 5, 20, 1 }, [1, 3]), ("history", new long[] { 2, 7, 0 }, [1, 3]));
        float[] actual = stock.Run("score", ("item", Raw(5, 20, -1, 1), [1, 4]), ("history", Raw(2, 7, 0), [1, 3]));

        Assert.That(actual, Is.EqualTo(new[] { expected[0], expected[1], float.NaN, expected[2] }).Within(1e-6));
        Assert.That(stock.Run("score", ("item", Raw(5, 20, 1), [1, 3]), ("history", Raw(2, 7, -1), [1, 3])), Is.EqualTo(expected));
        Assert.That(stock.Metadata["dccl.ids"], Is.EqualTo(kind));
        Assert.That(stock.Metadata["dccl.padding"], Is.EqualTo(kind == "text" ? "" : "0"));
    }

    [Test]
    public void ExportToOnnx_BakedPatch_IsThePatchedModelWithoutAnInput([Range(1, 8)] int seed)
    {
        SeededRandom random = new(seed);
        DinArchitecture architecture = RandomModel.CreateArchitecture(random);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, RandomModel.CreatePatch(random, architecture));
        ScoringBatch batch = RandomModel.CreateBatch(random, parameters, 1, 6, architecture.HistoryLength, 1);
        UserPatch patch = new(parameters.Fingerprint, batch.Patches);
        using StockRuntime stock = new(ExportedModel.Export(ExportedModel.CreateTransformer(parameters), new OnnxExportOptions { Patch = patch }));

        (string Name, Array, int[])[] inputs = [.. ExportedModel.Inputs(batch, parameters).Where(input => input.Item1 != "patch")];
        Assert.That(Deviation.Max(stock.Run("score", inputs), ExportedModel.Expected(batch, parameters, random)), Is.LessThan(Tolerance));
        Assert.That(stock.Inputs.Keys, Has.No.Member("patch"));
        Assert.That(stock.Metadata["dccl.patch"], Is.EqualTo("baked"));
    }

    [Test]
    public void ExportToOnnx_APatchOfAnotherModel_IsRefused()
    {
        DeviceCloudPredictionTransformer model = ExportedModel.CreateTransformer(Create(new SeededRandom(1)));
        UserPatch other = new(Create(new SeededRandom(2)).Fingerprint, new float[4]);

        Assert.That(
            () => ExportedModel.Export(model, new OnnxExportOptions { Patch = other }),
            Throws.ArgumentException.With.Message.Contains(other.ModelFingerprint[..8]).And.Message.Contains("Learn it again"));
    }

    [Test]
    public void ExportToOnnx_HalfPrecision_IsHalfAsLargeAndNearlyTheSame()
    {
        SeededRandom random = new(5);
        DinArchitecture architecture = new() { NumberOfItems = 400, HistoryLength = 10 };
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, new PatchArchitecture { PatchSize = 16, Layers = [0, 1] });
        DeviceCloudPredictionTransformer model = ExportedModel.CreateTransformer(parameters);
        byte[] full = ExportedModel.Export(model);
        byte[] half = ExportedModel.Export(model, new OnnxExportOptions { UsesHalfPrecision = true });
        using StockRuntime stock = new(half);
        ScoringBatch batch = RandomModel.CreateBatch(random, parameters, 1, 50, 10, 1);
        batch.Patches = [.. batch.Patches.Select(value => 0.3f * value)];

        float[] scores = stock.Run("score", ExportedModel.Inputs(batch, parameters));

        double[] expected = ExportedModel.Expected(batch, parameters, random);
        Assert.That(half.Length, Is.LessThan(0.55 * full.Length));
        Assert.That(Deviation.Max(scores, expected), Is.LessThan(2e-2).And.GreaterThan(1e-5));
        Assert.That(stock.Metadata["dccl.weights"], Is.EqualTo("float16"));
        Assert.That(stock.Metadata["dccl.fingerprint"], Is.EqualTo(parameters.Fingerprint));
    }

    [Test]
    public void ExportToOnnx_WeightsTooLargeForHalf_KeepsTheOldFile()
    {
        DeviceCloudModelParameters small = Create(new SeededRandom(5));
        Dictionary<string, float[]> tensors = small.TensorShapes.ToDictionary(shape => shape.Name, shape => small[shape.Name].ToArray());
        tensors["item.embedding"][9] = 1e6f;
        DeviceCloudModelParameters large = new(small.Architecture, small.Patch, null, tensors);
        string folder = NewFolder();
        string path = Path.Combine(folder, "model.onnx");
        File.WriteAllText(path, "old");

        Assert.That(
            () => ExportedModel.CreateTransformer(large).ExportToOnnx(path, new OnnxExportOptions { UsesHalfPrecision = true }),
            Throws.ArgumentException.With.Message.Contains("item.embedding").And.Message.Contains("65504").And.Message.Contains("1000000"));

        Assert.That(File.ReadAllText(path), Is.EqualTo("old"));
        Assert.That(Directory.GetFiles(folder), Is.EqualTo(new[] { path }));
        Directory.Delete(folder, recursive: true);
    }

    [Test]
    public void SelfCheck_AFileOfAnotherModel_IsRefused()
    {
        DeviceCloudModelParameters parameters = Create(new SeededRandom(1));
        Dictionary<string, float[]> tensors = parameters.TensorShapes.ToDictionary(shape => shape.Name, shape => parameters[shape.Name].ToArray());
        tensors["output.weight"][0] += 0.01f;
        DeviceCloudModelParameters other = new(parameters.Architecture, parameters.Patch, null, tensors);
        DeviceGraph.Options options = new(null, "", RequiresPatch: false, null, HasLabels: false, IsHalf: false);
        byte[] file = GraphSeal.Serialize(DeviceGraph.Build(parameters, options));

        Assert.That(() => ExportCheck.Run(file, parameters, options), Throws.Nothing);
        Assert.That(() => ExportCheck.Run(file, other, options), Throws.InvalidOperationException.With.Message.Contains("Nothing was exported"));
    }

    [Test]
    public void ExportToOnnx_AChain_WritesModelAndVocabulary()
    {
        DeviceCloudPredictionTransformer model = SmallModel.Create();
        ITransformer chain = new TransformerChain<DeviceCloudPredictionTransformer>(model);
        string folder = NewFolder();
        chain.ExportToOnnx(Path.Combine(folder, "m.onnx"));

        byte[] file = File.ReadAllBytes(Path.Combine(folder, "m.onnx"));
        using StockRuntime stock = new(file);
        ItemVocabulary vocabulary = ItemVocabulary.Load(Path.Combine(folder, "m.vocabulary.json"));
        Assert.That(vocabulary.Items, Is.EqualTo(model.ItemIds));
        Assert.That(vocabulary.GetKey("c"), Is.EqualTo(3));
        Assert.That(vocabulary.GetKey("z"), Is.Zero);
        Assert.That(stock.Metadata["dccl.vocabulary"], Is.EqualTo(vocabulary.Hash));
        Assert.That(stock.Metadata["dccl.format_version"], Is.EqualTo("1"));
        Assert.That(stock.Metadata["dccl.kind"], Is.EqualTo("model"));
        Assert.That(stock.Metadata["dccl.fingerprint"], Is.EqualTo(model.Parameters.Fingerprint));
        Assert.That(stock.Metadata["dccl.negatives"], Is.EqualTo("labelled"));
        Assert.That(stock.Metadata["dccl.architecture"], Does.Contain("\"numberOfItems\":6"));
        Assert.That(GraphSeal.IsIntact(file), Is.True);

        // Twice the same bytes.
        chain.ExportToOnnx(Path.Combine(folder, "m.onnx"));
        Assert.That(File.ReadAllBytes(Path.Combine(folder, "m.onnx")), Is.EqualTo(file));
        Assert.That(Directory.GetFiles(folder), Has.Length.EqualTo(2));
        Directory.Delete(folder, recursive: true);
    }

    [Test]
    public void Seal_IsTheDigestOfAllThatStandsBeforeIt()
    {
        byte[] file = ExportedModel.Export(ExportedModel.CreateTransformer(Create(new SeededRandom(1))));

        byte[] digest = System.Security.Cryptography.SHA256.HashData(file.AsSpan(0, file.Length - 64));
        Assert.That(System.Text.Encoding.ASCII.GetString(file[^64..]), Is.EqualTo(Convert.ToHexStringLower(digest)));
    }

    private static DeviceCloudModelParameters Create(SeededRandom random) => RandomModel.Create(
        random,
        new DinArchitecture { NumberOfItems = 20, HistoryLength = 6, EmbeddingDimension = 4, ActivationUnitSize = 5, HiddenLayerSizes = [8, 6] },
        new PatchArchitecture { PatchSize = 4, BottleneckSize = 2, Layers = [0, 1] });
}
