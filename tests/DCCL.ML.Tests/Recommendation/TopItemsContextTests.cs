using DCCL.ML.Data;
using DCCL.ML.Recommendation;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Recommendation;

/// <summary>A row's own history and profile count in TopItems as they do where pairs are scored.</summary>
public sealed class TopItemsContextTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Test]
    public void Transform_RowsWithHistoryAndProfile_GivesTheBestOfWhatThePredictionTransformerScores([Values] bool excludesSeen)
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create(servesColdStart: true, profileDimension: 2);
        Row[] rows = [.. CreateRows()];
        IDataView data = _ml.Data.LoadFromEnumerable(rows);
        using TopItemsTransformer transformer = _ml.DeviceCloud().Transforms
            .TopItems(model, new TopItemsEstimator.Options { NumberOfItems = 6, ExcludesSeen = excludesSeen }).Fit(data);
        IDataView pairs = _ml.Data.LoadFromEnumerable(
            from row in rows
            from item in Enumerable.Range(1, SmallModel.NumberOfItems)
            select new Pair { User = SmallModel.Key(1 + model.UserIds!.ToList().IndexOf(row.User)), History = row.History, Profile = row.Profile, Item = SmallModel.Key(item) });
        float[] scores = [.. model.Transform(pairs).GetColumn<float>("Score")];

        TopRow[] top = [.. _ml.Data.CreateEnumerable<TopRow>(transformer.Transform(data), reuseRowObject: false)];

        Assert.That(top, Has.Length.EqualTo(rows.Length));
        for (int i = 0; i < rows.Length; i++)
        {
            uint[] expected =
            [
                .. Enumerable.Range(1, SmallModel.NumberOfItems).Select(item => (uint)item)
                    .Where(item => !excludesSeen || !rows[i].History.Contains(item))
                    .OrderByDescending(item => scores[(i * SmallModel.NumberOfItems) + (int)item - 1]),
            ];
            Assert.That(top[i].TopItems[..expected.Length], Is.EqualTo(expected), $"row {i}");
            Assert.That(top[i].TopItems[expected.Length..], Is.All.Zero);
            Assert.That(
                top[i].TopScores[..expected.Length],
                Is.EqualTo(expected.Select(item => scores[(i * SmallModel.NumberOfItems) + (int)item - 1])).Within(1e-6f), $"row {i}");
        }

        Assert.That(top.Select(row => row.TopScores[0]).Distinct().Count(), Is.GreaterThan(rows.Length / 2), "rows of a user differ");
    }

    [Test]
    public void PredictionEngine_RowsWithHistoryAndProfile_GivesTheSameAsTransform()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create(servesColdStart: true, profileDimension: 2);
        Row[] rows = [.. CreateRows()];
        IDataView data = _ml.Data.LoadFromEnumerable(rows);
        using TopItemsTransformer transformer = _ml.DeviceCloud().Transforms.TopItems(model, 3).Fit(data);
        float[][] expected = [.. transformer.Transform(data).GetColumn<float[]>("TopScores")];
        using PredictionEngine<Row, TopRow> engine = _ml.Model.CreatePredictionEngine<Row, TopRow>(transformer);

        Assert.That(rows.Select(row => engine.Predict(row).TopScores), Is.EqualTo(expected));
    }

    // What GetOutputSchema and Fit say, of a log with the wrong column instead of the right one.
    [Test]
    public void Columns_OfOtherTypes_AreRefusedBeforeAndWhileFitting()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create(profileDimension: 2);
        TopItemsEstimator estimator = _ml.DeviceCloud().Transforms.TopItems(model, 3);
        IDataView history = _ml.Data.LoadFromEnumerable([new { User = "anna", History = "a b" }]);
        IDataView profile = _ml.Data.LoadFromEnumerable([new { User = "anna", Profile = 1f }]);
        IDataView longer = _ml.Data.LoadFromEnumerable([new LongProfileRow()]);

        Expect(history, "Column 'History' must be a vector of Key<UInt32>, but is String. Map its items to the keys of the item column, or rename the column.");
        Expect(profile, "Column 'Profile' must be Vector<Single, 2>, but is Single. Apply the transformation that made the training log's profiles.");
        Assert.That(
            () => estimator.Fit(longer), // a shape has no sizes
            Throws.ArgumentException.With.Message.StartsWith("Column 'Profile' must be Vector<Single, 2>, but is Vector<Single, 3>."));

        void Expect(IDataView data, string message)
        {
            Assert.That(() => estimator.Fit(data), Throws.ArgumentException.With.Message.EqualTo(message));
            Assert.That(
                () => estimator.GetOutputSchema(EstimatorConformance.Describe(data.Schema)), Throws.ArgumentException.With.Message.EqualTo(message));
        }
    }

    private static IEnumerable<Row> CreateRows()
    {
        SeededRandom random = new(3);
        string[] users = ["anna", "bob", "carla", "emil", "stranger"];
        for (int i = 0; i < 40; i++)
        {
            yield return new Row
            {
                User = users[i / 4 % users.Length], // some rows of the same user in a row
                History = i % 3 == 0 ? [] : [.. Enumerable.Range(0, 1 + random.Next(5)).Select(_ => (uint)random.Next(SmallModel.NumberOfItems + 1))],
                Profile = i % 5 == 0 ? [float.NaN, 1] : [random.NextSingle(), random.NextSingle()],
            };
        }
    }

    private sealed class Row
    {
        public string User { get; set; } = "";

        [KeyType(SmallModel.NumberOfItems)]
        [VectorType]
        public uint[] History { get; set; } = [];

        [VectorType(2)]
        public float[] Profile { get; set; } = [];
    }

    private sealed class Pair
    {
        [KeyType(SmallModel.NumberOfUsers)]
        public uint User { get; set; }

        [KeyType(SmallModel.NumberOfItems)]
        public uint Item { get; set; }

        [KeyType(SmallModel.NumberOfItems)]
        [VectorType]
        public uint[] History { get; set; } = [];

        [VectorType(2)]
        public float[] Profile { get; set; } = [];
    }

    private sealed class LongProfileRow
    {
        public string User { get; set; } = "anna";

        [VectorType(3)]
        public float[] Profile { get; set; } = [1, 2, 3];
    }

    private sealed class TopRow
    {
        public uint[] TopItems { get; set; } = [];

        public float[] TopScores { get; set; } = [];
    }
}
