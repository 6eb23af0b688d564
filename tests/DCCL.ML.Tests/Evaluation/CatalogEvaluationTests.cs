using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using NUnit.Framework;

namespace DCCL.ML.Tests.Evaluation;

public sealed class CatalogEvaluationTests
{
    private static readonly Event[] _history =
    [
        new("anna", "a", 1, true), new("anna", "b", 2, true), new("anna", "c", 3, false), new("anna", "d", 4, true),
        new("anna", "e", 5, true),
        new("bob", "a", 1, true), new("bob", "f", 2, true),
        new("carla", "g", 1, true),
    ];

    private static readonly Event[] _test =
    [
        new("anna", "f", 10, true), new("anna", "g", 11, false), new("bob", "b", 10, true), new("carla", "new item", 10, true),
        new("nobody", "a", 10, true), new("nobody", "new item", 10, true), new("carla", "a", 12, false), new("bob", "h", 13, false),
    ];

    private readonly MLContext _ml = new(seed: 1);

    [Test]
    public void EvaluateRanking_RawLogs_IsTheEvaluationOfTheMappedLogs()
    {
        ITransformer model = CreateModel(cutoff: 5);
        RankingReport report = _ml.DeviceCloud().EvaluateRanking(model, Load(_test), Load(_history));
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        RankingReport expected = ItemRankingEvaluator.Evaluate(
            transformer.Scorer, transformer.PatchSelector, Read(model, _history), Read(model, _test));
        Assert.Multiple(() =>
        {
            Assert.That(report.ToJson("x").ToJsonString(), Is.EqualTo(expected.ToJson("x").ToJsonString()));
            Assert.That(report.Users.Select(user => user.User), Is.EqualTo(new[] { 1, 2, 3 }));
            Assert.That(report.NumberOfUnknownUserEvents, Is.EqualTo(2), "an unknown user's unknown item counts as unknown user");
            Assert.That(report.NumberOfUnknownItemEvents, Is.EqualTo(1));
            Assert.That(report.HasLabels, Is.True);

            // Anna ranks f among f, g, h; bob ranks b among all but a and f.
            Assert.That(report.NumberOfPairs, Is.EqualTo(3 + 6));
        });
    }

    [Test]
    public void EvaluateRanking_NoHistoryLog_TakesWhatTheModelRemembers()
    {
        ITransformer model = CreateModel(cutoff: 5);
        RankingReport with = _ml.DeviceCloud().EvaluateRanking(model, Load(_test), Load(_history));
        RankingReport without = _ml.DeviceCloud().EvaluateRanking(model, Load(_test));
        Assert.Multiple(() =>
        {
            // The network looks at two events, the model remembers all items that were had, but not the refused c: f, g, h, c.
            Assert.That(without.NumberOfPairs, Is.EqualTo(4 + 6));

            // The scores need no more than the network looks at.
            Assert.That(without.Overall.LogLoss, Is.EqualTo(with.Overall.LogLoss));
            Assert.That(without.Manifest.HistoryFingerprint, Is.Not.EqualTo(with.Manifest.HistoryFingerprint));
        });
    }

    [Test]
    public void EvaluateRanking_EventsLeftOut_SaysSoInTheLog()
    {
        List<string> messages = [];
        _ml.Log += (_, message) => messages.Add(message.Message);
        RankingEvaluationOptions options = new() { NumberOfSampledUsers = 2 };
        _ml.DeviceCloud().EvaluateRanking(CreateModel(cutoff: 5), Load(_test), options: options);
        Assert.That(
            messages,
            Has.Some.Contains("2 test events of users and 1 of items that the model does not know were left out.")
                .And.Some.Contains("The figures are those of a sample of 2 of 3 users."));
    }

    [Test]
    public void EvaluateRanking_TestBeforeTheCutoff_Throws()
    {
        ITransformer model = CreateModel(cutoff: 11);
        Assert.That(
            () => _ml.DeviceCloud().EvaluateRanking(model, Load(_test)),
            Throws.ArgumentException.With.Message.EqualTo(
                "The test must be later than the events that the cloud model was fitted to, but it begins earlier for 2 of 3 users, "
                + "the first of key 1. Train on earlier events, or test on later ones."));
    }

    [Test]
    public void EvaluateRanking_ModelWithoutDeviceCloud_Throws()
    {
        ITransformer keys = CreateKeys().Fit(Load(_history));
        Assert.That(
            () => _ml.DeviceCloud().EvaluateRanking(keys, Load(_test)),
            Throws.ArgumentException.With.Message.Contains("must have one transformer of a DCCL trainer"));
    }

    [Test]
    public void EvaluateRanking_WrongOptions_ThrowsBeforeReading()
    {
        Assert.That(
            () => _ml.DeviceCloud().EvaluateRanking(
                CreateModel(cutoff: 5), Load(_test), options: new RankingEvaluationOptions { Cutoffs = [] }),
            Throws.ArgumentException.With.Message.StartsWith("The evaluation options are invalid."));
    }

    private EstimatorChain<ValueToKeyMappingTransformer> CreateKeys() =>
        _ml.Transforms.Conversion.MapValueToKey("User").Append(_ml.Transforms.Conversion.MapValueToKey("Item"));

    private TransformerChain<ITransformer> CreateModel(double cutoff)
    {
        // The items a to h: the history lacks h.
        TransformerChain<ValueToKeyMappingTransformer> keys = CreateKeys().Fit(Load([.. _history, new("bob", "h", 3, true)]));
        DinArchitecture architecture = new()
        {
            NumberOfItems = 8,
            HistoryLength = 2,
            EmbeddingDimension = 3,
            ActivationUnitSize = 4,
            HiddenLayerSizes = [5],
        };
        DeviceCloudModelParameters parameters = RandomModel.Create(
            new SeededRandom(2), architecture, new PatchArchitecture { PatchSize = 2, BottleneckSize = 1, Layers = [0] });
        UserPatches patches = new(2, [1, -1, 0, 0, 0, 0], [PatchStatus.Patched, PatchStatus.Gated, PatchStatus.Cloud]);
        InteractionColumns columns = new("User", "Item", "Time", "Label");
        BehaviorHistory history = BehaviorHistory.FromLog(
            InteractionLog.Read(keys.Transform(Load(_history)), columns), architecture, [cutoff, cutoff, 1]);
        return new TransformerChain<ITransformer>(keys, new DeviceCloudPredictionTransformer(parameters, patches, history, columns));
    }

    private InteractionLog Read(ITransformer model, Event[] events) =>
        InteractionLog.Read(model.TransformBeforeDeviceCloud(Load(events)), model.DeviceCloudModel().Columns);

    private IDataView Load(Event[] events) => _ml.Data.LoadFromEnumerable(events);

    private sealed class Event(string user, string item, double time, bool label)
    {
        public string User { get; set; } = user;

        public string Item { get; set; } = item;

        public double Time { get; set; } = time;

        public bool Label { get; set; } = label;
    }
}
