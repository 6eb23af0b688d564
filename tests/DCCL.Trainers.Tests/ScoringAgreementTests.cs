using DCCL.ML;
using DCCL.ML.Data;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.Trainers.Tests;

/// <summary>
/// A row's score has the same bits, whatever else is scored with it. The models are of usual size, certain of themselves, and have strong patches:
/// where the order of a sum matters, it shows.
/// </summary>
public sealed class ScoringAgreementTests
{
    [TestCase("din")]
    [TestCase("sasrec")]
    public void Scores_OfOneRowOfManyAndOfTheStockExport_AreTheSameBits(string backbone)
    {
        MLContext ml = new(seed: 1);
        SyntheticDeviceCloud generator = new(new()
        {
            NumberOfUsers = 60,
            NumberOfItems = 150,
            WithLabels = true,
            ProfileDimension = 0,
        });
        IDataView log = generator.CreateLog(ml);
        PeriodSplit periods = InteractionSplit.ByPeriods(log, generator.Columns);
        TrainingRunOptions run = new() { Seed = 1, NumberOfThreads = 1 };
        InteractionColumns columns = new("User", "Item", "Timestamp", "Label");
        IEstimator<ITransformer> trainer = backbone == "din"
            ? ml.DeviceCloud().Trainers.Din(new DinTrainer.Options
            {
                Columns = columns,
                NumberOfEpochs = 12,
                NumberOfValidationUsers = 0, // the last epoch is kept, however certain of itself
                LearningRate = 0.005,
                Run = run,
            })
            : ml.DeviceCloud().Trainers.SasRec(new SasRecTrainer.Options
            {
                Columns = columns,
                NumberOfEpochs = 20,
                NumberOfValidationUsers = 0,
                LearningRate = 0.01,
                Run = run,
            });
        ITransformer cloud = ml.Transforms.Conversion.MapValueToKey([new("User", "UserId"), new("Item", "ItemId")]).Append(trainer).Fit(log);
        using DisposableModel model = new(ml.DeviceCloud().Trainers.MetaPatch(cloud, new MetaPatchTrainer.Options
        {
            NumberOfBasisEpochs = 2,
            L2 = 0.1,
            Strength = 1,
            Run = run,
        }).Fit(periods.Device));

        // By user: groups of all sizes. The same rows in an order in which hardly two of the same user meet, and one at a time.
        Row[] rows = [.. ml.Data.CreateEnumerable<Row>(log, reuseRowObject: false).OrderBy(row => row.UserId, StringComparer.Ordinal)];
        float[] byUser = Score(ml, model.Transformer, rows);
        int[] order = [.. Enumerable.Range(0, rows.Length)];
        new SeededRandom(3).Shuffle(order.AsSpan());
        float[] shuffled = new float[rows.Length];
        float[] scores = Score(ml, model.Transformer, [.. order.Select(i => rows[i])]);
        for (int i = 0; i < order.Length; i++)
        {
            shuffled[order[i]] = scores[i];
        }

        using PredictionEngine<Row, Prediction> engine = ml.Model.CreatePredictionEngine<Row, Prediction>(
            model.Transformer, new PredictionEngineOptions { OwnsTransformer = false });
        float[] single = [.. rows.Select(row => engine.Predict(row).Score)];
        using DisposableModel stock = new(model.Transformer.ToStockTransformer());
        float[] exported = Score(ml, stock.Transformer, rows);

        Assert.That(byUser.Max(Math.Abs), Is.GreaterThan(4), "scores are large");
        Assert.That(model.Transformer.DeviceCloudModel().Patches!.NumberOfPatchedUsers, Is.GreaterThan(10));
        Assert.That(CountDifferences(shuffled, byUser), Is.Zero, "in another order");
        Assert.That(CountDifferences(single, byUser), Is.Zero, "one at a time");
        Assert.That(CountDifferences(exported, byUser), Is.Zero, "Microsoft's transformers");
    }

    private static int CountDifferences(float[] actual, float[] expected) =>
        actual.Zip(expected).Count(pair => BitConverter.SingleToUInt32Bits(pair.First) != BitConverter.SingleToUInt32Bits(pair.Second));

    private static float[] Score(MLContext ml, ITransformer model, Row[] rows) =>
        [.. model.Transform(ml.Data.LoadFromEnumerable(rows)).GetColumn<float>("Score")];

    private sealed class Row
    {
        public string UserId { get; set; } = "";

        public string ItemId { get; set; } = "";

        public long Timestamp { get; set; }

        public bool Label { get; set; }
    }

    private sealed class Prediction
    {
        public float Score { get; set; }
    }

    private sealed class DisposableModel(ITransformer transformer) : IDisposable
    {
        public ITransformer Transformer => transformer;

        public void Dispose() => (transformer as IDisposable)?.Dispose();
    }
}
