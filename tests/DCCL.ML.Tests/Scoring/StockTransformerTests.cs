using System.Diagnostics;
using System.Globalization;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Scoring;

public sealed class StockTransformerTests
{
    // Of single-precision sums whose order depends on the shape of a batch: relative to scores above 1.
    private const double Tolerance = 1e-6;

    // Random networks may subtract large numbers from each other, as no trained one does.
    private const double RandomModelTolerance = 1e-5;

    private static readonly string[] _users = ["anna", "bob", "carla", "dora", "emil"];

    private readonly MLContext _ml = new(seed: 1);

    [TestCase(false, 0, PatchStatus.Patched, PatchStatus.Gated, PatchStatus.Cloud, PatchStatus.UnknownUser, PatchStatus.UnknownItem)]
    [TestCase(true, 0, PatchStatus.Patched, PatchStatus.Gated, PatchStatus.ColdStart, PatchStatus.Cloud, PatchStatus.UnknownUser, PatchStatus.UnknownItem)]
    [TestCase(true, 2, PatchStatus.Patched, PatchStatus.Gated, PatchStatus.ColdStart, PatchStatus.UnknownUser, PatchStatus.UnknownItem)]
    public void StockTransformer_OfAllPairs_ScoresLikeTheModel(bool servesColdStart, int profileDimension, params PatchStatus[] statuses)
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create(servesColdStart, profileDimension);
        ITransformer stock = model.ToStockTransformer();
        using IDisposable owned = (IDisposable)stock;
        IDataView pairs = _ml.Data.LoadFromEnumerable(SmallModel.AllPairs());

        SmallModel.Prediction[] expected = Read(model.Transform(pairs));
        SmallModel.Prediction[] actual = Read(stock.Transform(pairs));

        Assert.That(actual.Select(row => (PatchStatus)row.PatchStatus).Distinct(), Is.EquivalentTo(statuses));
        AssertEqual(actual, expected);
    }

    [Test]
    public void StockTransformer_OfRandomModels_ScoresLikeTheModel([Range(1, 12)] int seed)
    {
        SeededRandom random = new(seed);
        DinArchitecture architecture = RandomModel.CreateArchitecture(random);
        PatchArchitecture? patch = seed % 4 == 0 ? null : RandomModel.CreatePatch(random, architecture);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, patch);
        const int NumberOfUsers = 9;
        int[] users = [.. Enumerable.Range(0, 60).Select(_ => 1 + random.Next(NumberOfUsers))];
        int[] items = [.. users.Select(_ => 1 + random.Next(architecture.NumberOfItems))];
        float[] profiles = new float[NumberOfUsers * architecture.ProfileDimension];
        RandomModel.Fill(random, profiles);
        InteractionLog log = InteractionLog.Create(
            NumberOfUsers, architecture.NumberOfItems, users, items, [.. items.Select(_ => random.NextDouble())], labels: null,
            architecture.ProfileDimension == 0 ? null : profiles, architecture.ProfileDimension);
        UserPatches? patches = null;
        if (patch is not null)
        {
            float[] values = new float[NumberOfUsers * patch.PatchSize];
            for (int i = 0; i < 5 * patch.PatchSize; i++)
            {
                values[i] = 0.3f * (float)random.NextGaussian();
            }

            patches = new UserPatches(
                patch.PatchSize, values, [.. Enumerable.Range(0, NumberOfUsers).Select(user => user < 5 ? PatchStatus.Patched : PatchStatus.Cloud)]);
        }

        using DeviceCloudPredictionTransformer model = new(
            parameters, patches, BehaviorHistory.FromLog(log, architecture), new InteractionColumns("User", "Item", "Time"));
        ITransformer stock = model.ToStockTransformer();
        using IDisposable owned = (IDisposable)stock;
        IDataView pairs = LoadPairs(NumberOfUsers, architecture.NumberOfItems);

        AssertEqual(Read(stock.Transform(pairs)), Read(model.Transform(pairs)), RandomModelTolerance);
    }

    [Test]
    public void StockTransformer_OfAChain_KeepsItsOtherPartsAndHasNothingOfOurs()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        ITransformer stock = CreateChain(model).ToStockTransformer();
        using IDisposable owned = (IDisposable)stock;

        ITransformer[] parts = [.. Flatten(stock)];

        Assert.That(parts[0].GetType().Name, Is.EqualTo("ValueToKeyMappingTransformer"));
        Assert.That(parts.Select(part => part.GetType().Assembly.GetName().Name), Has.All.StartsWith("Microsoft.ML"));
        Assert.That(parts.Select(part => part.GetType().Name), Does.Contain("OnnxTransformer"));
    }

    [Test]
    public void StockTransformer_Columns_AreThoseOfTheModel()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        ITransformer stock = model.ToStockTransformer();
        using IDisposable owned = (IDisposable)stock;
        IDataView pairs = _ml.Data.LoadFromEnumerable(SmallModel.AllPairs());

        Assert.That(Describe(stock.Transform(pairs).Schema), Is.EquivalentTo(Describe(model.Transform(pairs).Schema)));

        static string[] Describe(DataViewSchema schema) =>
            [.. schema.Where(column => !column.IsHidden).Select(column => $"{column.Name} {column.Type}")];
    }

    [Test]
    public void StockTransformer_OfData_WithAScoreColumn_HidesItAsTheModelDoes()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        ITransformer stock = model.ToStockTransformer();
        using IDisposable owned = (IDisposable)stock;
        IDataView pairs = _ml.Data.LoadFromEnumerable(SmallModel.AllPairs());
        pairs = _ml.Transforms.CopyColumns("Score", "User").Fit(pairs).Transform(pairs);

        AssertEqual(Read(stock.Transform(pairs)), Read(model.Transform(pairs)));
    }

    [Test]
    public void StockTransformer_SavedAndLoadedElsewhere_NeedsNothingOfOurs()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create(servesColdStart: true);
        ITransformer chain = CreateChain(model);
        ITransformer stock = chain.ToStockTransformer();
        using IDisposable owned = (IDisposable)stock;
        RawPair[] pairs = [.. from user in _users.Append("?") from item in "abcdef?" select new RawPair { UserId = user, ItemId = $"{item}" }];
        IDataView data = _ml.Data.LoadFromEnumerable(pairs);
        string folder = Path.Combine(TestContext.CurrentContext.WorkDirectory, nameof(StockTransformerTests));
        Directory.CreateDirectory(folder);
        string modelFile = Path.Combine(folder, "stock.zip");
        string pairsFile = Path.Combine(folder, "pairs.tsv");
        _ml.Model.Save(stock, data.Schema, modelFile);
        File.WriteAllLines(pairsFile, pairs.Select(pair => $"{pair.UserId}\t{pair.ItemId}"));

        (int exitCode, string output, string error) = RunConsumer(modelFile, pairsFile);

        Assert.That(error, Is.Empty, "assemblies of this project that the process has loaded, or why it failed");
        Assert.That(exitCode, Is.Zero);
        string[][] lines = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))];
        SmallModel.Prediction[] actual =
        [
            .. lines.Select(fields => new SmallModel.Prediction
            {
                Score = float.Parse(fields[0], CultureInfo.InvariantCulture),
                Probability = float.Parse(fields[1], CultureInfo.InvariantCulture),
                PredictedLabel = bool.Parse(fields[2]),
                PatchStatus = (uint)Enum.Parse<PatchStatus>(fields[3]),
            }),
        ];
        AssertEqual(actual, Read(chain.Transform(data)));
    }

    private static (int ExitCode, string Output, string Error) RunConsumer(params string[] arguments)
    {
        // tests/DCCL.ML.Tests/bin/Release/net10.0 -> tests/StockConsumer/bin/Release/net10.0
        string[] own = TestContext.CurrentContext.TestDirectory.Split(Path.DirectorySeparatorChar);
        string program = Path.Combine(
            [.. own[..^4].Prepend(Path.DirectorySeparatorChar.ToString()), "StockConsumer", .. own[^3..], "StockConsumer.dll"]);
        Assert.That(Directory.GetFiles(Path.GetDirectoryName(program)!, "DCCL*.dll"), Is.Empty);
        ProcessStartInfo start = new("dotnet", [program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    private static IEnumerable<ITransformer> Flatten(ITransformer model) =>
        model is IEnumerable<ITransformer> chain ? chain.SelectMany(Flatten) : [model];

    private static void AssertEqual(SmallModel.Prediction[] actual, SmallModel.Prediction[] expected, double relative = Tolerance)
    {
        Assert.That(actual, Has.Length.EqualTo(expected.Length));
        Assert.Multiple(() =>
        {
            for (int i = 0; i < expected.Length; i++)
            {
                double tolerance = relative * Math.Max(1, Math.Abs(float.IsNaN(expected[i].Score) ? 0 : expected[i].Score));
                Assert.That(actual[i].Score, Is.EqualTo(expected[i].Score).Within(tolerance), $"score of row {i}");
                Assert.That(actual[i].Probability, Is.EqualTo(expected[i].Probability).Within(relative), $"probability of row {i}");
                Assert.That(actual[i].PatchStatus, Is.EqualTo(expected[i].PatchStatus), $"status of row {i}");
                Assert.That(actual[i].PredictedLabel, Is.EqualTo(actual[i].Score > 0), $"label of row {i}");
            }
        });
    }

    private SmallModel.Prediction[] Read(IDataView scored) =>
        [.. _ml.Data.CreateEnumerable<SmallModel.Prediction>(scored, reuseRowObject: false)];

    private IDataView LoadPairs(int numberOfUsers, int numberOfItems)
    {
        SchemaDefinition schema = SchemaDefinition.Create(typeof(SmallModel.Pair));
        schema["User"].ColumnType = new KeyDataViewType(typeof(uint), numberOfUsers);
        schema["Item"].ColumnType = new KeyDataViewType(typeof(uint), numberOfItems);
        SmallModel.Pair[] pairs =
        [
            .. from user in Enumerable.Range(0, numberOfUsers + 1)
               from item in Enumerable.Range(0, numberOfItems + 1)
               select new SmallModel.Pair { User = SmallModel.Key(user), Item = SmallModel.Key(item) },
        ];
        return _ml.Data.LoadFromEnumerable(pairs, schema);
    }

    /// <summary>Maps the ids of the small model to its keys.</summary>
    private TransformerChain<ITransformer> CreateChain(DeviceCloudPredictionTransformer model)
    {
        RawPair[] ids = [.. "abcdef".Select((item, i) => new RawPair { UserId = _users[i % _users.Length], ItemId = $"{item}" })];
        ITransformer keys = _ml.Transforms.Conversion
            .MapValueToKey([new InputOutputColumnPair("User", "UserId"), new InputOutputColumnPair("Item", "ItemId")])
            .Fit(_ml.Data.LoadFromEnumerable(ids));
        return new TransformerChain<ITransformer>(keys, model);
    }

    private sealed class RawPair
    {
        public string UserId { get; set; } = "";

        public string ItemId { get; set; } = "";
    }
}
