using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using DCCL.Trainers;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.Benchmarks;

/// <summary>The verb bulk-scoring: rows per second of <c>Transform</c>, against Microsoft's OnnxTransformer on the same model and rows.</summary>
/// <remarks>
/// A row is a user and an item, and a nightly job scores many candidates for each user. Both models read the same rows through ML.NET's
/// own key mapping and cursors; OnnxTransformer reads a tenth of them, because it is slow. Runs of the two alternate, and the median of
/// each counts.
/// </remarks>
internal static class BulkScoringBenchmark
{
    private const int CandidatesPerUser = 200;

    public static Command CreateCommand()
    {
        Option<string?> data = new("--data")
        {
            HelpName = "FILE",
            Description = "A log: user, item, [rating,] time. Without it the built-in data are used.",
        };
        Option<bool> shuffled = new("--shuffled") { Description = "Rows in random order instead of user by user." };
        Option<bool> quick = new("--quick") { Description = "A fifth of the rows and fewer runs." };
        Command command = new("bulk-scoring", "Times Transform over rows of user and item, and Microsoft's OnnxTransformer on the same.")
        {
            data, shuffled, quick,
        };
        command.SetAction(parsed => Run(parsed.GetValue(data), parsed.GetValue(shuffled), parsed.GetValue(quick)));
        return command;
    }

    private static void Run(string? path, bool isShuffled, bool isQuick)
    {
        MLContext ml = new(seed: 1);
        BenchmarkData data = BenchmarkData.Load(ml, path);
        using TransformerChain<DeviceCloudPredictionTransformer> model = CreateModel(ml, data);
        ITransformer stock = model.ToStockTransformer();
        using IDisposable ownedStock = (IDisposable)stock;
        DeviceCloudPredictionTransformer transformer = model.LastTransformer;
        int repetitions = isQuick ? 3 : 5;
        int stockRows = isQuick ? 20_000 : 100_000;
        int rows = 10 * stockRows;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{data.Name}: {transformer.History.NumberOfUsers:N0} users with a patch each, {transformer.ItemIds!.Count:N0} items; "
            + $"{rows:N0} rows, {CandidatesPerUser} candidates a user{(isShuffled ? ", shuffled" : "")}; {stockRows:N0} of them for OnnxTransformer"));

        IDataView all = ml.Data.LoadFromEnumerable(CreatePairs(transformer, rows, isShuffled));
        IDataView some = ml.Data.LoadFromEnumerable(CreatePairs(transformer, stockRows, isShuffled));
        Check(model.Transform(some), stock.Transform(some));
        double growth = MeasureGrowth(model.Transform(all), rows);

        List<double> own = [];
        List<double> microsoft = [];
        for (int i = 0; i < repetitions; i++)
        {
            own.Add(rows / Time(model.Transform(all)));
            microsoft.Add(stockRows / Time(stock.Transform(some)));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"run {i + 1} of {repetitions}: {own[^1]:N0} rows a second, OnnxTransformer {microsoft[^1]:N0}"));
        }

        double rowsPerSecond = Median(own);
        double onnxTransformerRowsPerSecond = Median(microsoft);
        JsonObject json = new()
        {
            ["rowsPerSecond"] = Math.Round(rowsPerSecond),
            ["onnxTransformerRowsPerSecond"] = Math.Round(onnxTransformerRowsPerSecond),
            ["ratio"] = Math.Round(rowsPerSecond / onnxTransformerRowsPerSecond, 2),
            ["memoryGrowthMegabytes"] = Math.Round(growth, 1),
        };
        Console.WriteLine(json.ToJsonString());
    }

    /// <summary>The default network with random weights, and a patch for every user: scoring costs the same whatever the weights are.</summary>
    private static TransformerChain<DeviceCloudPredictionTransformer> CreateModel(MLContext ml, BenchmarkData data)
    {
        DinTrainer.Options defaults = new();
        MetaPatchTrainer.Options patchDefaults = new();
        ITransformer keys = ml.Transforms.Conversion
            .MapValueToKey([new InputOutputColumnPair("UserId"), new InputOutputColumnPair("ItemId")]).Fit(data.Log);
        IDataView keyed = keys.Transform(data.Log);
        InteractionLog log = InteractionLog.Read(keyed, data.Columns);
        DinArchitecture architecture = new()
        {
            NumberOfItems = log.NumberOfItems,
            EmbeddingDimension = defaults.EmbeddingDimension,
            HistoryLength = defaults.HistoryLength,
            ActivationUnitSize = defaults.ActivationUnitSize,
            HiddenLayerSizes = defaults.HiddenLayerSizes,
            Activation = defaults.Activation,
            AttentionWeights = defaults.AttentionWeights,
        };
        PatchArchitecture patch = new()
        {
            PatchSize = 16,
            BottleneckSize = patchDefaults.BottleneckSize,
            Activation = patchDefaults.Activation,
            Layers = [.. Enumerable.Range(0, defaults.HiddenLayerSizes.Count)],
        };
        SeededRandom random = new(1);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, patch);
        float[] values = [.. Enumerable.Range(0, log.NumberOfUsers * patch.PatchSize).Select(_ => 0.05f * (float)random.NextGaussian())];
        PatchStatus[] statuses = new PatchStatus[log.NumberOfUsers];
        Array.Fill(statuses, PatchStatus.Patched);
        DeviceCloudPredictionTransformer transformer = new(
            parameters, new UserPatches(patch.PatchSize, values, statuses), BehaviorHistory.FromLog(log, architecture), data.Columns)
        {
            UserIds = KeyIds.Read(keyed.Schema[data.Columns.UserColumnName]),
            ItemIds = KeyIds.Read(keyed.Schema[data.Columns.ItemColumnName]),
        };
        return new TransformerChain<DeviceCloudPredictionTransformer>(keys, transformer);
    }

    /// <summary>Makes rows while they are read: they take no memory.</summary>
    private static IEnumerable<PairRow> CreatePairs(DeviceCloudPredictionTransformer model, int count, bool isShuffled)
    {
        SeededRandom random = new(1);
        IReadOnlyList<string> users = model.UserIds!;
        IReadOnlyList<string> items = model.ItemIds!;
        PairRow row = new();
        for (int i = 0; i < count; i++)
        {
            row.UserId = users[isShuffled ? random.Next(users.Count) : i / CandidatesPerUser % users.Count];
            row.ItemId = items[random.Next(items.Count)];
            yield return row;
        }
    }

    /// <summary>What more is held at the end than after a tenth of the rows, in megabytes.</summary>
    private static double MeasureGrowth(IDataView scored, int rows)
    {
        long early = 0;
        long late = 0;
        int row = 0;
        foreach (float _ in scored.GetColumn<float>("Score"))
        {
            row++;
            if (row == rows / 10)
            {
                early = GC.GetTotalMemory(forceFullCollection: true);
            }
            else if (row == rows)
            {
                late = GC.GetTotalMemory(forceFullCollection: true);
            }
        }

        return (late - early) / 1e6;
    }

    private static double Time(IDataView scored)
    {
        Stopwatch watch = Stopwatch.StartNew();
        double sum = 0;
        foreach (float score in scored.GetColumn<float>("Score"))
        {
            sum += score;
        }

        return double.IsFinite(sum) ? watch.Elapsed.TotalSeconds : throw new InvalidOperationException("A score is not finite.");
    }

    private static void Check(IDataView own, IDataView stock)
    {
        double largest = own.GetColumn<float>("Score").Zip(stock.GetColumn<float>("Score"), (x, y) => Math.Abs(x - y) / Math.Max(1, Math.Abs(y))).Max();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"largest difference of the scores: {largest:E1}"));
        if (!(largest <= 1e-5))
        {
            throw new InvalidOperationException("The two models must score alike.");
        }
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return (values[(values.Count - 1) / 2] + values[values.Count / 2]) / 2;
    }

    private sealed class PairRow
    {
        public string UserId { get; set; } = "";

        public string ItemId { get; set; } = "";
    }
}
