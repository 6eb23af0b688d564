using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;
using static DCCL.ML.Tests.Scoring.SmallModel;

namespace DCCL.ML.Tests.Scoring;

public sealed class DeviceCloudPredictionTransformerTests
{
    // As in ModelGraphTests: float32 logits of order 1.
    private const double Tolerance = 1e-5;

    private readonly MLContext _ml = new(seed: 1);

    [TestCase(false)]
    [TestCase(true)]
    public void Transform_AllPairs_EqualTheEquationsWithEachUsersHistoryAndPatch(bool servesColdStart)
    {
        using DeviceCloudPredictionTransformer model = Create(servesColdStart);
        TextbookDin textbook = new(model.Parameters, new SeededRandom(1));
        Pair[] pairs = AllPairs();

        Prediction[] predictions = Transform(model, pairs);

        // The most recent three positive events, latest first; user 1's item 3 was shown and refused.
        long[][] histories = [[], [4, 2, 1], [6, 5], [1], [2, 2], []];
        float[][] patches = [[], [0.5f, -1, 1], [], [], [], []];
        PatchStatus unpatched = servesColdStart ? PatchStatus.ColdStart : PatchStatus.Cloud;
        PatchStatus[] statuses = [PatchStatus.UnknownUser, PatchStatus.Patched, PatchStatus.Gated, unpatched, unpatched, PatchStatus.Cloud];
        if (servesColdStart)
        {
            foreach (int user in new[] { 3, 4 })
            {
                patches[user] = PredictPatch(model.Parameters, histories[user]);
            }
        }

        for (int i = 0; i < pairs.Length; i++)
        {
            (int user, int item) = Math.DivRem(i, NumberOfItems + 1);
            Prediction prediction = predictions[i];
            if (item == 0)
            {
                Assert.That((prediction.Score, (PatchStatus)prediction.PatchStatus), Is.EqualTo((float.NaN, PatchStatus.UnknownItem)));
                Assert.That((prediction.Probability, prediction.PredictedLabel), Is.EqualTo((float.NaN, false)));
                continue;
            }

            double expected = textbook.Score(item, histories[user], [], patches[user]);
            Assert.That(prediction.Score, Is.EqualTo(expected).Within(Tolerance), $"user {user}, item {item}");
            Assert.That(prediction.Probability, Is.EqualTo(1 / (1 + Math.Exp(-expected))).Within(Tolerance));
            Assert.That(prediction.PredictedLabel, Is.EqualTo(expected > 0));
            Assert.That((PatchStatus)prediction.PatchStatus, Is.EqualTo(statuses[user]));
        }
    }

    [Test]
    public void Transform_HistoryColumn_TakesThePlaceOfTheRememberedOne()
    {
        using DeviceCloudPredictionTransformer model = Create();
        TextbookDin textbook = new(model.Parameters, new SeededRandom(1));
        PairWithHistory[] pairs =
        [
            new() { User = Key(2), Item = Key(3), History = [1, 2, 0, 3, 4] }, // missing keys are skipped; the last three count
            new() { User = Key(2), Item = Key(3), History = [] },
            new() { User = Key(0), Item = Key(3), History = [5] },
        ];

        Prediction[] predictions = Transform(model, pairs);

        long[][] histories = [[4, 3, 2], [], [5]];
        Assert.That(
            predictions.Select(prediction => (double)prediction.Score),
            Is.EqualTo(histories.Select(history => textbook.Score(3, history, [], []))).Within(Tolerance));
        Assert.That(
            predictions.Select(prediction => (PatchStatus)prediction.PatchStatus),
            Is.EqualTo(new[] { PatchStatus.Gated, PatchStatus.Gated, PatchStatus.UnknownUser }));
    }

    [Test]
    public void Transform_ProfileColumn_TakesThePlaceOfTheRememberedOneUnlessMissing()
    {
        using DeviceCloudPredictionTransformer model = Create(profileDimension: 2);
        TextbookDin textbook = new(model.Parameters, new SeededRandom(1));
        PairWithProfile[] pairs =
        [
            new() { User = Key(2), Item = Key(3), Profile = [1, -1] },
            new() { User = Key(2), Item = Key(3), Profile = [1, float.NaN] },
            new() { User = Key(0), Item = Key(3), Profile = [1, -1] },
        ];

        double[] expected =
        [
            textbook.Score(3, [6, 5], [1, -1], []), textbook.Score(3, [6, 5], [0.3f, 0.4f], []), textbook.Score(3, [], [1, -1], []),
        ];
        Assert.That(Transform(model, pairs).Select(prediction => (double)prediction.Score), Is.EqualTo(expected).Within(Tolerance));
        Assert.That(
            Transform(model, [new Pair { User = Key(2), Item = Key(3) }])[0].Score,
            Is.EqualTo(expected[1]).Within(Tolerance),
            "without the column");
    }

    [Test]
    public void Transform_MoreRowsThanABatch_EqualThePredictionEngine()
    {
        using DeviceCloudPredictionTransformer model = Create(servesColdStart: true);
        SeededRandom random = new(3);
        Pair[] pairs =
        [
            .. Enumerable.Range(0, 2500).Select(
                _ => new Pair { User = Key(random.Next(NumberOfUsers + 1)), Item = Key(random.Next(NumberOfItems + 1)) }),
        ];
        Prediction[] batched = Transform(model, pairs);
        using PredictionEngine<Pair, Prediction> engine = _ml.Model.CreatePredictionEngine<Pair, Prediction>(model);

        for (int i = 0; i < pairs.Length; i++)
        {
            Prediction single = engine.Predict(pairs[i]);
            Assert.That(single.Score, Is.EqualTo(batched[i].Score).Within(1e-6));
            Assert.That(single.PatchStatus, Is.EqualTo(batched[i].PatchStatus));
        }
    }

    /// <summary>No values stand behind the keys: their number is all that tells one mapping from another.</summary>
    [Test]
    public void Transform_AnotherNumberOfKeysWithoutValues_IsRefused()
    {
        using DeviceCloudPredictionTransformer model = Create();
        IDataView data = _ml.Data.LoadFromEnumerable([new WidePair { User = Key(1), Item = Key(3) }]);
        Action[] uses = [() => model.GetOutputSchema(data.Schema), () => model.Transform(data), () => model.GetRowToRowMapper(data.Schema)];
        foreach (Action use in uses)
        {
            Assert.That(() => use(), Throws.ArgumentException.With.Message.EqualTo(
                "Column 'User' must have 5 keys, as in the model's log, but has 100, and no values behind them tell whether they are the same. "
                + "Apply the mapping that was fitted with the model, the chain."));
        }
    }

    [Test]
    public void WithoutPatches_OfAModelThatPredictsPatches_ServesEverybodyByTheCloudModel()
    {
        using DeviceCloudPredictionTransformer fleet = SmallModel.Create(servesColdStart: true);
        using DeviceCloudPredictionTransformer plain = fleet.WithoutPatches();
        using DeviceCloudPredictionTransformer small = SmallModel.Create();
        using DeviceCloudPredictionTransformer cloud = small.WithPatches(null);

        Prediction[] found = [.. _ml.Data.CreateEnumerable<Prediction>(plain.Transform(_ml.Data.LoadFromEnumerable(AllPairs())), reuseRowObject: false)];
        float[] scores = [.. cloud.Transform(_ml.Data.LoadFromEnumerable(AllPairs())).GetColumn<float>("Score")];

        Assert.That(found.Select(row => row.Score), Is.EqualTo(scores));
        Assert.That(
            found.Select(row => (PatchStatus)row.PatchStatus).Distinct(),
            Is.EquivalentTo(new[] { PatchStatus.Gated, PatchStatus.UnknownUser, PatchStatus.UnknownItem }));
        Assert.That(
            fleet.WithPatches(null).Transform(_ml.Data.LoadFromEnumerable(AllPairs())).GetColumn<float>("Score"), Is.Not.EqualTo(scores),
            "without the users' patches alone, predicted ones are served");
    }

    [Test]
    public void Transform_TwoCursorsAtOnce_GiveTheSame()
    {
        using DeviceCloudPredictionTransformer model = Create();
        IDataView scored = model.Transform(_ml.Data.LoadFromEnumerable(AllPairs()));
        DataViewSchema.Column column = scored.Schema["Score"];
        using DataViewRowCursor first = scored.GetRowCursor([column]);
        using DataViewRowCursor second = scored.GetRowCursor(scored.Schema);

        // One reads what is given alone, the other scores: the columns of either are those of the data.
        using DataViewRowCursor unscored = scored.GetRowCursor([scored.Schema[0]]);
        Assert.That((first.Schema, second.Schema, unscored.Schema), Is.EqualTo((scored.Schema, scored.Schema, scored.Schema)));
        ValueGetter<float> firstGetter = first.GetGetter<float>(column);
        ValueGetter<float> secondGetter = second.GetGetter<float>(column);
        ValueGetter<uint> itemGetter = second.GetGetter<uint>(scored.Schema["Item"]);
        float x = 0;
        float y = 0;
        uint item = 0;
        int rows = 0;
        while (first.MoveNext() && second.MoveNext())
        {
            firstGetter(ref x);
            secondGetter(ref y);
            itemGetter(ref item);
            Assert.That(y, Is.EqualTo(x));
            Assert.That(float.IsNaN(x), Is.EqualTo(item == 0), "rows stay together");
            rows++;
        }

        Assert.That(rows, Is.EqualTo(42));
        Assert.That(second.MoveNext(), Is.False);
    }

    [Test]
    public void GetOutputSchema_Promises_WhatTransformAndMapperDeliver()
    {
        using DeviceCloudPredictionTransformer model = Create();
        IDataView data = _ml.Data.LoadFromEnumerable(AllPairs());
        DataViewSchema promised = model.GetOutputSchema(data.Schema);

        foreach (DataViewSchema delivered in new[] { model.Transform(data).Schema, model.GetRowToRowMapper(data.Schema).OutputSchema })
        {
            Assert.That(delivered.Select(Describe), Is.EqualTo(promised.Select(Describe)));
        }

        Assert.That(
            promised.Select(Describe),
            Is.EqualTo(new[]
            {
                "User: Key<UInt32, 0-4> []",
                "Item: Key<UInt32, 0-5> []",
                "Score: Single [ScoreColumnSetId, ScoreColumnKind, ScoreValueKind]",
                "Probability: Single [ScoreColumnSetId, ScoreColumnKind, ScoreValueKind, IsNormalized]",
                "PredictedLabel: Boolean [ScoreColumnSetId, ScoreColumnKind, ScoreValueKind]",
                "PatchStatus: Key<UInt32, 0-5> [KeyValues]",
            }));
        Assert.That(KeyIds.Read(promised["PatchStatus"]), Is.EqualTo(Enum.GetNames<PatchStatus>()));
    }

    [Test]
    public void Transform_ThenEvaluate_AsAnyBinaryClassifier()
    {
        using DeviceCloudPredictionTransformer model = Create();
        IDataView data = _ml.Data.LoadFromEnumerable(
            from pair in AllPairs()
            where pair.Item < NumberOfItems
            select new LabelledPair { User = pair.User, Item = pair.Item, Label = pair.Item > 2 });
        CalibratedBinaryClassificationMetrics metrics = _ml.BinaryClassification.Evaluate(model.Transform(data));
        Assert.That(metrics.AreaUnderRocCurve, Is.InRange(0, 1));
        Assert.That(metrics.LogLoss, Is.GreaterThan(0));
    }

    [Test]
    public void GetOutputSchema_WrongColumns_SaysWhichAndWhatToDo()
    {
        using DeviceCloudPredictionTransformer model = Create(profileDimension: 2);
        AssertFault(
            new[] { new { User = 1u } },
            "Column 'User' must be Key<UInt32>, but is UInt32. Append Conversion.MapValueToKey before this transformer.");
        AssertFault(
            new[] { new { Item = 1u } }, "Column 'User' must exist, but the data have only 'Item'. Load the column, or name another one.");
        AssertFault(
            new[] { new TextHistory() },
            "Column 'History' must be a vector of Key<UInt32>, but is String. "
            + "Map its items to the keys of the item column, or rename the column.");
        AssertFault(
            new[] { new ShortProfile() },
            "Column 'Profile' must be Vector<Single, 2>, but is Vector<Single, 3>. "
            + "Apply the transformation that made the training log's profiles.");

        void AssertFault<T>(T[] rows, string message)
            where T : class =>
            Assert.That(
                () => model.GetOutputSchema(_ml.Data.LoadFromEnumerable(rows).Schema),
                Throws.ArgumentException.With.Message.EqualTo(message));
    }

    [Test]
    public void Dispose_ThenUseAgain_ScoresAgain()
    {
        DeviceCloudPredictionTransformer model = Create();
        Pair pair = new() { User = Key(1), Item = Key(2) };
        float score;
        using (PredictionEngine<Pair, Prediction> engine = _ml.Model.CreatePredictionEngine<Pair, Prediction>(model))
        {
            score = engine.Predict(pair).Score;
        }

        Assert.That(Transform(model, [pair])[0].Score, Is.EqualTo(score), "the engine disposed the model");
        model.Dispose();
    }

    [Test]
    public void WithPatches_None_IsTheCloudModel()
    {
        using DeviceCloudPredictionTransformer model = Create();
        using DeviceCloudPredictionTransformer cloud = model.WithPatches(null);
        Pair pair = new() { User = Key(1), Item = Key(2) };
        Assert.That(Transform(cloud, [pair])[0].PatchStatus, Is.EqualTo((uint)PatchStatus.Cloud));
        Assert.That(Transform(cloud, [pair])[0].Score, Is.Not.EqualTo(Transform(model, [pair])[0].Score));
        Assert.That(cloud.UserIds, Is.SameAs(model.UserIds));
    }

    private static float[] PredictPatch(DeviceCloudModelParameters parameters, long[] history)
    {
        PatchEncoder encoder = new(parameters);
        float[] user = new float[encoder.UserSize];
        encoder.TryGetUserVector([.. history.Select(item => (int)item)], [], user);
        float[] patch = new float[3];
        encoder.Encode([], user, patch);
        return patch;
    }

    private static string Describe(DataViewSchema.Column column) =>
        $"{column.Name}: {column.Type} [{string.Join(", ", column.Annotations.Schema.Select(annotation => annotation.Name))}]";

    private Prediction[] Transform<T>(DeviceCloudPredictionTransformer model, T[] pairs)
        where T : class =>
        [.. _ml.Data.CreateEnumerable<Prediction>(model.Transform(_ml.Data.LoadFromEnumerable(pairs)), reuseRowObject: false)];

    private sealed class WidePair
    {
        [KeyType(100)]
        public uint User { get; set; }

        [KeyType(100)]
        public uint Item { get; set; }
    }

    private sealed class LabelledPair : Pair
    {
        public bool Label { get; set; }
    }

    private sealed class TextHistory : Pair
    {
        public string History { get; set; } = "";
    }

    private sealed class ShortProfile : Pair
    {
        [VectorType(3)]
        public float[] Profile { get; set; } = [];
    }
}
