using DCCL.ML;
using DCCL.ML.Data;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.Trainers.Tests;

/// <summary>Trainers in pipelines of stock estimators.</summary>
public sealed class TrainingPipelineTests
{
    private static readonly Checkerboard _board = new();

    private readonly MLContext _ml = new(seed: 1);

    [Test]
    public void Fit_AfterACacheCheckpoint_GivesTheSameModel()
    {
        ITransformer plain = EventRow.MapKeys(_ml).Append(Din()).Fit(Log());
        ITransformer cached = _ml.Transforms.Conversion.MapValueToKey("UserKey", nameof(EventRow.User))
            .Append(_ml.Transforms.Conversion.MapValueToKey("ItemKey", nameof(EventRow.Item)))
            .AppendCacheCheckpoint(_ml)
            .Append(Din()).Fit(Log());
        ITransformer data = EventRow.MapKeys(_ml).Fit(Log());
        ITransformer fromCache = Din().Fit(_ml.Data.Cache(data.Transform(Log())));
        Assert.That(cached.DeviceCloudModel().Parameters.Fingerprint, Is.EqualTo(plain.DeviceCloudModel().Parameters.Fingerprint));
        Assert.That(fromCache.DeviceCloudModel().Parameters.Fingerprint, Is.EqualTo(plain.DeviceCloudModel().Parameters.Fingerprint));
    }

    [Test]
    public void Fit_OnShuffledRows_GivesTheSameModelBecauseTheTimestampsCount()
    {
        IEstimator<ITransformer> keys = EventRow.MapKeys(_ml);
        IDataView keyed = keys.Fit(Log()).Transform(Log());
        string fingerprint = Din().Fit(keyed).Parameters.Fingerprint;
        Assert.That(Din().Fit(_ml.Data.ShuffleRows(keyed, seed: 5)).Parameters.Fingerprint, Is.EqualTo(fingerprint));
    }

    [Test]
    public void Fit_WithStockTransformsBeforeAndAfter_ScoresUnseenRowsOfASplit()
    {
        IDataView keyed = EventRow.MapKeys(_ml).Fit(Log()).Transform(Log()); // the ids of all rows are known
        DataOperationsCatalog.TrainTestData split = _ml.Data.TrainTestSplit(keyed, testFraction: 0.2, seed: 1);
        ITransformer model = Din()
            .Append(_ml.Transforms.Expression("Odds", "x => exp(x)", "Score"))
            .Append(_ml.Transforms.Conversion.MapKeyToValue("Status", "PatchStatus"))
            .Append(_ml.Transforms.Conversion.MapKeyToValue("UserAgain", "UserKey"))
            .Fit(split.TrainSet);

        IDataView scored = model.Transform(split.TestSet);

        float[] scores = [.. scored.GetColumn<float>("Score")];
        Assert.That(scores, Has.Length.InRange(5, 80).And.All.Not.NaN);
        Assert.That(scored.GetColumn<float>("Odds"), Is.EqualTo(scores.Select(MathF.Exp)).Within(1e-5));
        Assert.That(scored.GetColumn<string>("UserAgain"), Is.EqualTo(split.TestSet.GetColumn<string>("User")));
        Assert.That(scored.GetColumn<string>("Status"), Is.All.EqualTo("Cloud"));
    }

    [Test]
    public void CrossValidate_OfMLNet_TrainsAndScoresEveryFold()
    {
        EventRow[] labelled = [.. _board.Events.Select((row, i) => new EventRow { User = row.User, Item = row.Item, Timestamp = row.Timestamp, Label = i % 3 > 0 })];
        IDataView keyed = EventRow.LoadWithKeys(_ml, labelled);
        IReadOnlyList<TrainCatalogBase.CrossValidationResult<CalibratedBinaryClassificationMetrics>> folds =
            _ml.BinaryClassification.CrossValidate(keyed, Din("Label"), numberOfFolds: 3);
        Assert.That(folds, Has.Count.EqualTo(3));
        Assert.That(folds.Select(fold => fold.Metrics.LogLoss), Is.All.Not.NaN);
        Assert.That(folds.Sum(fold => fold.ScoredHoldOutSet.GetColumn<float>("Score").Count()), Is.EqualTo(labelled.Length));
    }

    [Test]
    public void Fit_TwoModelsInOnePipeline_KeepsTheirColumnsApart()
    {
        IEstimator<ITransformer> pipeline = EventRow.MapKeys(_ml)
            .Append(Din(seed: 1))
            .Append(_ml.Transforms.CopyColumns("FirstScore", "Score"))
            .Append(_ml.Transforms.CopyColumns("FirstStatus", "PatchStatus"))
            .Append(Din(seed: 2))
            .Append(_ml.Transforms.CopyColumns("SecondScore", "Score"))
            .Append(_ml.Transforms.Concatenate("Scores", "FirstScore", "SecondScore"));
        ITransformer model = pipeline.Fit(Log());
        using MemoryStream zip = new();
        _ml.Model.Save(model, Log().Schema, zip);
        zip.Position = 0;

        foreach (ITransformer either in new[] { model, new MLContext(seed: 2).Model.Load(zip, out _) })
        {
            float[][] scores = [.. either.Transform(Log()).GetColumn<float[]>("Scores")];
            for (int seed = 1; seed <= 2; seed++)
            {
                ITransformer alone = EventRow.MapKeys(_ml).Append(Din(seed: seed)).Fit(Log());
                Assert.That(
                    scores.Select(row => row[seed - 1]), Is.EqualTo(alone.Transform(Log()).GetColumn<float>("Score")).Within(1e-6), $"model {seed}");
            }
        }

        Assert.That(
            pipeline.GetOutputSchema(SchemaShapeColumns.Of(Log().Schema)).Select(column => column.Name),
            Is.EquivalentTo(SchemaShapeColumns.Of(model.Transform(Log()).Schema).Select(column => column.Name)));
    }

    private IDataView Log() => _ml.Data.LoadFromEnumerable(_board.Events);

    private DinTrainer Din(string? label = null, int seed = 1) => _ml.DeviceCloud().Trainers.Din(new DinTrainer.Options
    {
        Columns = new InteractionColumns("UserKey", "ItemKey", "Timestamp", label),
        EmbeddingDimension = 4,
        HistoryLength = 5,
        ActivationUnitSize = 4,
        HiddenLayerSizes = [6],
        NumberOfEpochs = 1,
        NumberOfValidationUsers = 0,
        BatchSize = 50,
        Run = new TrainingRunOptions { NumberOfThreads = 1, Seed = seed },
    });
}
