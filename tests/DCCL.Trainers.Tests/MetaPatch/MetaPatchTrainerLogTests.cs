using DCCL.ML;
using DCCL.ML.Model;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

/// <summary>What the log of the devices may hold besides new events of known users.</summary>
public sealed class MetaPatchTrainerLogTests
{
    private static readonly PlantedFleet _planted = new(1);

    [Test]
    public void Fit_ALogWhollyBeforeTheCutoffs_WarnsAndLearnsAllTheSame()
    {
        MLContext context = new(seed: 1);
        List<string> messages = [];
        context.Log += (_, entry) => messages.Add(entry.Message);
        ITransformer cloud = _planted.CreateModel(context);

        ITransformer fleet = context.DeviceCloud().Trainers.MetaPatch(cloud, MetaPatchTrainerTests.Options()).Fit(context.Data.LoadFromEnumerable(_planted.Cloud));

        Assert.That(messages, Has.Some.Contains(
            $"All {30 * PlantedFleet.NumberOfCloudEvents} events lie before the users' training cut-offs: the cloud model was fitted to them, and patches "
            + "learnt from them help less. Pass later events, or train the cloud model with HoldBackFraction."));
        Assert.That(fleet.DeviceCloudModel().Patches, Is.Not.Null);

        messages.Clear();
        context.DeviceCloud().Trainers.MetaPatch(cloud, MetaPatchTrainerTests.Options()).Fit(context.Data.LoadFromEnumerable(_planted.Device));
        Assert.That(messages, Has.None.Contains("cut-offs"));
        Assert.That(messages, Has.None.Contains("dropped"));
    }

    [Test]
    public void Fit_EventsOfUsersAndItemsThatTheModelDoesNotKnow_AreCountedInAWarning()
    {
        MLContext context = new(seed: 1);
        List<string> messages = [];
        context.Log += (_, entry) => messages.Add(entry.Message);
        ITransformer cloud = _planted.CreateModel(context);
        EventRow last = _planted.Device[^1];
        EventRow[] unknown = [new() { User = "somebody new", Item = last.Item, Timestamp = last.Timestamp }, new() { User = last.User, Item = "something new", Timestamp = last.Timestamp }];

        context.DeviceCloud().Trainers.MetaPatch(cloud, MetaPatchTrainerTests.Options()).Fit(context.Data.LoadFromEnumerable(_planted.Device.Concat(unknown)));

        Assert.That(messages, Has.Some.Contains("2 events are of users or items that the model does not know, and were dropped."));
    }

    /// <summary>A mapping that has grown has keys for which the model has no rows: they are dropped like those without a key.</summary>
    [Test]
    public void Fit_AChainWithGrownKeys_GivesThePatchesOfTheChainWithout()
    {
        MLContext context = new(seed: 1);
        List<string> messages = [];
        ITransformer cloud = _planted.CreateModel(context);
        EventRow last = _planted.Device[^1];
        EventRow[] unknown = [new() { User = "somebody new", Item = last.Item, Timestamp = last.Timestamp }, new() { User = last.User, Item = "something new", Timestamp = last.Timestamp }];
        IDataView log = context.Data.LoadFromEnumerable(_planted.Device.Concat(unknown));
        IDataView test = context.Data.LoadFromEnumerable(_planted.Test.Concat(unknown.Select(row => new EventRow { User = row.User, Item = row.Item, Timestamp = 9999 })));
        ITransformer expected = context.DeviceCloud().Trainers.MetaPatch(cloud, MetaPatchTrainerTests.Options()).Fit(log);
        context.Log += (_, entry) => messages.Add(entry.Message);

        ITransformer grown = cloud.WithGrownKeys(log);
        ITransformer fleet = context.DeviceCloud().Trainers.MetaPatch(grown, MetaPatchTrainerTests.Options()).Fit(log);

        Assert.That(messages, Has.Some.Contains("2 events are of users or items that the model does not know, and were dropped."));
        Assert.That(fleet.DeviceCloudModel().Parameters.Fingerprint, Is.EqualTo(expected.DeviceCloudModel().Parameters.Fingerprint));
        Assert.That(fleet.DeviceCloudModel().Patches![3].ToArray(), Is.EqualTo(expected.DeviceCloudModel().Patches![3].ToArray()));
        DCCL.ML.Evaluation.RankingReport report = context.DeviceCloud().EvaluateRanking(fleet, test);
        Assert.That(report.Overall.Ndcg(10), Is.EqualTo(context.DeviceCloud().EvaluateRanking(expected, test).Overall.Ndcg(10)));
        Assert.That((report.NumberOfUnknownUserEvents, report.NumberOfUnknownItemEvents), Is.EqualTo((1, 1)));

        MoMoDistillEstimator Distill(ITransformer model) => context.DeviceCloud().Trainers.MoMoDistill(model, new MoMoDistillEstimator.Options
        {
            NumberOfEpochs = 1,
            NumberOfTeacherEpochs = 1,
            NumberOfPatchEpochs = 1,
            Run = new TrainingRunOptions { NumberOfThreads = 1 },
        });
        IDataView cloudLog = context.Data.LoadFromEnumerable(_planted.Cloud);
        Assert.That(
            Distill(fleet).Fit(cloudLog, log).DeviceCloudModel().Parameters.Fingerprint,
            Is.EqualTo(Distill(expected).Fit(cloudLog, log).DeviceCloudModel().Parameters.Fingerprint));
    }

    [Test]
    public void Fit_AnotherNumberOfKeysWithoutValues_SaysSoBeforeAnything()
    {
        MLContext context = new(seed: 1);
        ITransformer model = _planted.CreateModel(context).DeviceCloudModel();
        SchemaDefinition schema = SchemaDefinition.Create(typeof(KeyRow));
        foreach ((uint users, uint items, string message) in new[]
        {
            (PlantedFleet.NumberOfUsers + 1u, (uint)PlantedFleet.NumberOfItems, "Column 'UserKey' must have 30 keys, as in the model's log, but has 31"),
            ((uint)PlantedFleet.NumberOfUsers, PlantedFleet.NumberOfItems - 1u, "Column 'ItemKey' must have 25 keys, as in the model's log, but has 24"),
        })
        {
            schema["UserKey"].ColumnType = new KeyDataViewType(typeof(uint), users);
            schema["ItemKey"].ColumnType = new KeyDataViewType(typeof(uint), items);
            IDataView log = context.Data.LoadFromEnumerable([new KeyRow { UserKey = 1, ItemKey = 2, Timestamp = 1, Label = true }], schema);
            Assert.That(
                () => context.DeviceCloud().Trainers.MetaPatch(model, MetaPatchTrainerTests.Options()).Fit(log),
                Throws.ArgumentException.With.Message.StartsWith(message));
        }
    }

    [Test]
    public void Fit_ALogThatRepeatsTheCloudsEvents_GivesThePatchesOfTheDevicesLogAlone([Values] bool withBasis)
    {
        MLContext context = new(seed: 1);
        ITransformer cloud = _planted.CreateModel(context, withBasis);
        IDataView Load(IEnumerable<EventRow> rows) => context.Data.LoadFromEnumerable(rows);
        MetaPatchTrainer trainer = context.DeviceCloud().Trainers.MetaPatch(cloud, MetaPatchTrainerTests.Options());

        UserPatches alone = trainer.Fit(Load(_planted.Device)).DeviceCloudModel().Patches!;
        UserPatches both = trainer.Fit(Load([.. _planted.Cloud, .. _planted.Device])).DeviceCloudModel().Patches!;

        // The model remembers the few events before, and labels are the negatives.
        Assert.That(both.NumberOfPatchedUsers, Is.Positive);
        Assert.That(
            Enumerable.Range(1, PlantedFleet.NumberOfUsers).SelectMany(user => both[user].ToArray()),
            Is.EqualTo(Enumerable.Range(1, PlantedFleet.NumberOfUsers).SelectMany(user => alone[user].ToArray())));
    }

    private sealed class KeyRow
    {
        public uint UserKey { get; set; }

        public uint ItemKey { get; set; }

        public double Timestamp { get; set; }

        public bool Label { get; set; }
    }
}
