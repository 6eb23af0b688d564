using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.Din;

public sealed class DinTrainerRetrainingTests
{
    private static readonly InteractionColumns _columns = new("UserKey", "ItemKey", nameof(EventRow.Timestamp));
    private static readonly Checkerboard _board = new();
    private readonly MLContext _ml = new(seed: 1);

    // What came after: someone new with an item that is new, somebody old with it, and somebody new with old items.
    private static readonly EventRow[] _news =
    [
        new() { User = "a99", Item = "a1", Timestamp = 200 },
        new() { User = "a99", Item = "a99", Timestamp = 210 },
        new() { User = "a0", Item = "a99", Timestamp = 220 },
        new() { User = "b77", Item = "b1", Timestamp = 230 },
        new() { User = "b77", Item = "b2", Timestamp = 240 },
    ];

    /// <summary>Steps too small to change anything: what is new has rows, and what is old scores as before, in a chain of the same form.</summary>
    [Test]
    public void Fit_AChainAndARawLog_AddsRowsAndKeepsTheOldOnes()
    {
        ITransformer previous = Train();
        DeviceCloudPredictionTransformer old = previous.DeviceCloudModel();

        ITransformer next = Create(1e-30).Fit(Load(_news), previous);

        DeviceCloudPredictionTransformer model = next.DeviceCloudModel();
        Assert.That(next, Is.InstanceOf<TransformerChain<DeviceCloudPredictionTransformer>>());
        Assert.That(model.UserIds, Is.EqualTo([.. old.UserIds!, "a99", "b77"]).AsCollection);
        Assert.That(model.ItemIds, Is.EqualTo([.. old.ItemIds!, "a99"]).AsCollection);
        Assert.That(model.Parameters.Architecture.NumberOfItems, Is.EqualTo(old.Parameters.Architecture.NumberOfItems + 1));
        EventRow[] untouched = [.. _board.Candidates().Where(row => row.User != "a0")];
        Assert.That(Score(next, untouched), Is.EqualTo(Score(previous, untouched)).Within(1e-6));
        EventRow[] strangers = [new() { User = "a99", Item = "a2" }, new() { User = "b77", Item = "a99" }];
        Assert.That(Score(previous, strangers)[1], Is.NaN);
        Assert.That(Score(next, strangers), Has.None.NaN);
    }

    [Test]
    public void Fit_ALogWithoutTheColumnsThatTheChainReads_SaysWhatItHasAndWhatToPass()
    {
        IDataView log = _ml.Transforms.DropColumns(nameof(EventRow.User)).Fit(Load(_news)).Transform(Load(_news));
        Assert.That(() => Create(0.01).Fit(log, Train()), Throws.ArgumentException.With.Message.StartsWith(
            "The log must have what the model's ValueToKeyMappingTransformer reads, but has only 'Item' (String)")
            .And.Message.EndsWith("Pass the raw log, with the columns of the log that the model was trained on."));
    }

    [Test]
    public void Fit_ALaterLog_PutsItBehindWhatIsRemembered()
    {
        ITransformer previous = Train();

        DeviceCloudPredictionTransformer model = Create(1e-30).Fit(Load(_news), previous).DeviceCloudModel();

        Assert.That(Remembered(model, "a0"), Is.EqualTo([.. _board.Events.Where(row => row.User == "a0").Select(row => row.Item), "a99"]).AsCollection);
        Assert.That(Remembered(model, "a99"), Is.EqualTo(new[] { "a1", "a99" }));
        Assert.That(Remembered(model, "b1"), Is.EqualTo(_board.Events.Where(row => row.User == "b1").Select(row => row.Item)));
        Assert.That(model.History.Cutoffs[Key(model, "a0")], Is.EqualTo(220));
        Assert.That(model.History.Cutoffs[Key(model, "b77")], Is.EqualTo(240));
        Assert.That(model.History.Cutoffs[Key(model, "b1")], Is.EqualTo(_board.Events.Last(row => row.User == "b1").Timestamp));
    }

    /// <summary>The same people under other numbers: raw ids tell who is who.</summary>
    [Test]
    public void Fit_DataOfAnotherKeyMapping_MatchesRawIds()
    {
        DeviceCloudPredictionTransformer previous = Train().DeviceCloudModel();
        EventRow[] rows = [.. _news, .. _board.Candidates().Reverse().Select(row => new EventRow { User = row.User, Item = row.Item })];
        ITransformer keys = EventRow.MapKeys(_ml).Fit(Load(rows));

        ITransformer next = Create(1e-30).Fit(keys.Transform(Load(_news)), previous);

        DeviceCloudPredictionTransformer model = next.DeviceCloudModel();
        Assert.That(next, Is.SameAs(model));
        Assert.That(model.UserIds!.Take(3), Is.EqualTo(new[] { "a99", "a0", "b77" }), "keys are those of the data");
        Assert.That(model.UserIds, Is.EquivalentTo([.. previous.UserIds!, "a99", "b77"]));
        EventRow[] untouched = [.. _board.Candidates().Where(row => row.User != "a0")];
        float[] expected = Score(new TransformerChain<ITransformer>(EventRow.MapKeys(_ml).Fit(Load(_board.Events)), previous), untouched);
        Assert.That(Score(new TransformerChain<ITransformer>(keys, model), untouched), Is.EqualTo(expected).Within(1e-6));
        Assert.That(Remembered(model, "b1"), Is.EqualTo(Remembered(previous, "b1")));
    }

    /// <summary>Users and items that the new mapping does not have stand behind those that it has.</summary>
    [Test]
    public void Fit_DataOfAMappingOfTheNewEventsAlone_KeepsTheOthers()
    {
        DeviceCloudPredictionTransformer previous = Train().DeviceCloudModel();

        DeviceCloudPredictionTransformer model = Create(1e-30).Fit(EventRow.LoadWithKeys(_ml, _news), previous).DeviceCloudModel();

        Assert.That(model.UserIds!.Take(3), Is.EqualTo(new[] { "a99", "a0", "b77" }));
        Assert.That(model.UserIds, Is.EquivalentTo([.. previous.UserIds!, "a99", "b77"]));
        using Recommendation recommendations = new(_ml, previous, model);
        recommendations.AssertEqual("b1");
    }

    [Test]
    public void Fit_StepsLargeEnough_LearnsTheNewItemAndKnowsTheOldOnes()
    {
        ITransformer previous = Train();
        EventRow[] log =
        [
            .. Enumerable.Range(0, 12).Select(i => new EventRow { User = $"a{2 * i}", Item = "a99", Timestamp = 300 }),
            .. Enumerable.Range(0, 12).Select(i => new EventRow { User = $"b{(2 * i) + 1}", Item = "b99", Timestamp = 300 }),
        ];

        ITransformer next = Create(0.01, epochs: 20).Fit(Load([.. _board.Events, .. log]), previous);

        // Everybody has had the new item of the own group by now; for a stranger with its history, it is the likelier one.
        EventRow[] pairs = [.. log.Take(3).SelectMany(row => new[] { row, new EventRow { User = row.User, Item = "b99" } })];
        float[] scores = Score(next, pairs);
        Assert.That(scores.Chunk(2).Select(pair => pair[0] > pair[1]), Is.All.True);
    }

    [Test]
    public void Fit_TheSameSeed_GivesTheSameBytes()
    {
        string first = Create(0.01).Fit(Load(_news), Train()).DeviceCloudModel().Parameters.Fingerprint;

        Assert.That(Create(0.01).Fit(Load(_news), Train()).DeviceCloudModel().Parameters.Fingerprint, Is.EqualTo(first));
        Assert.That(Train().DeviceCloudModel().Parameters.Fingerprint, Is.Not.EqualTo(first));
    }

    [Test]
    public void Fit_ANetworkOfAnotherShape_SaysWhereItDiffers()
    {
        DinTrainer.Options options = new() { Columns = _columns, EmbeddingDimension = 5, HiddenLayerSizes = [8, 4], HistoryLength = 10, ActivationUnitSize = 4 };
        Assert.That(
            () => _ml.DeviceCloud().Trainers.Din(options).Fit(Load(_news), Train()),
            Throws.ArgumentException.With.Message.EqualTo(
                "DinTrainer.Options: the network must be the previous model's. EmbeddingDimension must be 4, but is 5. "
                + "HiddenLayerSizes must be 8, but is 8, 4."));
    }

    [Test]
    public void Fit_KeysWithoutRawIds_SaysThatTheyDoNotMatch()
    {
        DeviceCloudPredictionTransformer previous = Train().DeviceCloudModel();
        SchemaDefinition schema = SchemaDefinition.Create(typeof(NumberRow));
        IDataView numbers = _ml.Data.LoadFromEnumerable([new NumberRow { UserKey = 1, ItemKey = 1 }], schema);

        Assert.That(
            () => Create(0.01).Fit(numbers, previous),
            Throws.ArgumentException.With.Message.EqualTo(
                "Column 'UserKey' must have raw ids behind its keys if and only if the previous model's has, but the new data have none and "
                + "the model has. Map it with Conversion.MapValueToKey both times."));
    }

    private static string[] Remembered(DeviceCloudPredictionTransformer model, string user) =>
        [.. model.History.GetItems(Key(model, user) + 1).ToArray().Select(item => model.ItemIds![item - 1])];

    private static int Key(DeviceCloudPredictionTransformer model, string user) => model.UserIds!.ToList().IndexOf(user);

    private static float[] Score(ITransformer model, IEnumerable<EventRow> rows) =>
        [.. model.Transform(new MLContext(seed: 1).Data.LoadFromEnumerable(rows)).GetColumn<float>("Score")];

    private IDataView Load(IEnumerable<EventRow> rows) => _ml.Data.LoadFromEnumerable(rows);

    private ITransformer Train() => EventRow.MapKeys(_ml).Append(Create(0.01)).Fit(Load(_board.Events));

    private DinTrainer Create(double learningRate, int epochs = 2) => _ml.DeviceCloud().Trainers.Din(new DinTrainer.Options
    {
        Columns = _columns,
        EmbeddingDimension = 4,
        HistoryLength = 10,
        ActivationUnitSize = 4,
        HiddenLayerSizes = [8],
        LearningRate = learningRate,
        NumberOfEpochs = epochs,
        NumberOfValidationUsers = 0,
    });

    /// <summary>Compares what two models recommend to somebody whose history is the same in both.</summary>
    private sealed class Recommendation(MLContext context, DeviceCloudPredictionTransformer previous, DeviceCloudPredictionTransformer model) : IDisposable
    {
        private readonly ML.Recommendation.Recommender _before = context.DeviceCloud().CreateRecommender(previous);
        private readonly ML.Recommendation.Recommender _after = context.DeviceCloud().CreateRecommender(model);

        public void AssertEqual(string user)
        {
            Dictionary<string, float> expected = _before.Recommend(user, 100).ToDictionary(item => item.ItemId, item => item.Score);
            Dictionary<string, float> actual = _after.Recommend(user, 100).ToDictionary(item => item.ItemId, item => item.Score);
            Assert.That(expected, Is.Not.Empty);
            foreach ((string item, float score) in expected)
            {
                Assert.That(actual[item], Is.EqualTo(score).Within(1e-6), item);
            }
        }

        public void Dispose()
        {
            _before.Dispose();
            _after.Dispose();
        }
    }

    private sealed class NumberRow
    {
        [KeyType(5)]
        public uint UserKey { get; set; }

        [KeyType(5)]
        public uint ItemKey { get; set; }

        public double Timestamp { get; set; }
    }
}
