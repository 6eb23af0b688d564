using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Scoring;
using DCCL.Trainers.MetaPatch;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class DeviceEventsTests
{
    private const int NumberOfItems = 10;
    private static readonly MLContext _context = new(seed: 1);
    private static readonly InteractionColumns _columns = new("UserKey", "ItemKey", "Timestamp");
    private static readonly ITransformer _keys =
        EventRow.MapKeys(_context).Fit(_context.Data.LoadFromEnumerable(CreateEvents("0123456789", firstTime: 1)));

    // Remembered items, oldest first; the log's positive items, oldest first; how many of the remembered ones lie before the log.
    [TestCase(new int[] { }, new int[] { }, 0)]
    [TestCase(new int[] { }, new[] { 1, 2 }, 0)]
    [TestCase(new[] { 1, 2, 3 }, new int[] { }, 3)]
    [TestCase(new[] { 1, 2, 3 }, new[] { 4, 5, 6 }, 3)]
    [TestCase(new[] { 1, 2, 3 }, new[] { 1, 2, 3 }, 0)]
    [TestCase(new[] { 1, 2, 3 }, new[] { 1, 2, 3, 4, 5 }, 0)]
    [TestCase(new[] { 1, 2, 3 }, new[] { 7, 8, 1, 2, 3, 4 }, 0)]
    [TestCase(new[] { 1, 2, 3 }, new[] { 3, 4, 5 }, 2)]
    [TestCase(new[] { 1, 2, 3 }, new[] { 2, 3, 4 }, 1)]
    [TestCase(new[] { 1, 2, 3, 4 }, new[] { 3, 5, 6 }, 4)]
    [TestCase(new[] { 5, 5, 5 }, new[] { 5, 5, 6 }, 1)]
    public void CountBefore_ALogThatMayRepeatWhatIsRemembered_FindsWhereItStarts(int[] remembered, int[] log, int expected)
    {
        Assert.That(DeviceEvents.CountBefore(remembered, log), Is.EqualTo(expected));
    }

    // The network reads two items, and of four events the third repeats the first.
    [Test]
    public void Create_ADeviceLogAlone_StandsBehindAllThatTheUserHad()
    {
        DeviceCloudPredictionTransformer model = Fit("0102" + "345");

        DeviceEvents events = DeviceEvents.Create(model, Read("67", firstTime: 8));

        Assert.That(GetItems(events), Is.EqualTo(Keys("102" + "345" + "67")), "item 0 stands where it was had last");
        Assert.That(Enumerable.Range(0, 8).Where(index => events.IsNew(1, index)), Is.EqualTo(new[] { 6, 7 }));
        Assert.That(events.NumberOfNewEvents, Is.EqualTo(3 * 2), "of three users");
    }

    [TestCase("0102345", 1, TestName = "Create_TheWholeLogAgain_RepeatsNothing")]
    [TestCase("02345", 3, TestName = "Create_ALogThatStartsAmongOlderEvents_AddsWhatIsMissing")]
    [TestCase("45", 6, TestName = "Create_ALogThatStartsAmongRecentEvents_AddsAllBeforeThem")]
    [TestCase("5", 7, TestName = "Create_ALogThatStartsAtTheLastEvent_AddsAllBeforeIt")]
    public void Create_ALogThatRepeatsWhatIsRemembered_HasEachItemsOnce(string fitted, int firstTime)
    {
        DeviceCloudPredictionTransformer model = Fit("0102345");

        DeviceEvents events = DeviceEvents.Create(model, Read(fitted + "67", firstTime));

        Assert.That(GetItems(events).ToHashSet(), Is.EquivalentTo(Keys("01234567")));
        Assert.That(GetItems(events).TakeLast(4), Is.EqualTo(Keys("4567")));
        Assert.That(GetItems(events), Has.Length.EqualTo(firstTime == 1 ? 9 : 8));
        Assert.That(events.NumberOfNewEvents, Is.EqualTo(3 * 2), "the cloud model was fitted to the others");
    }

    // What somebody had long before the network's window is no negative; a model that forgot it draws it as one.
    [Test]
    public void MetaPatch_AModelThatForgotOlderItems_LearnsOtherwise()
    {
        DeviceCloudPredictionTransformer model = Fit("0102345");
        BehaviorHistory recent = BehaviorHistory.FromLog(Read("45", firstTime: 6), model.Parameters.Architecture, model.History.Cutoffs.ToArray());
        DeviceCloudPredictionTransformer forgetful = model.WithModel(model.Parameters, model.Patches, recent);

        string learnt = Learn(model);
        string again = Learn(model);
        Assert.That(again, Is.EqualTo(learnt));
        Assert.That(Learn(forgetful), Is.Not.EqualTo(learnt));

        static string Learn(DeviceCloudPredictionTransformer cloud) => _context.DeviceCloud().Trainers
            .MetaPatch(cloud, new MetaPatchTrainer.Options { NumberOfBasisEpochs = 2, Run = new TrainingRunOptions { NumberOfThreads = 1 } })
            .Fit(Keyed("67", firstTime: 8)).DeviceCloudModel().Parameters.Fingerprint;
    }

    private static DeviceCloudPredictionTransformer Fit(string items) => _context.DeviceCloud().Trainers
        .Din(new DinTrainer.Options { Columns = _columns, HistoryLength = 2, NumberOfEpochs = 1, NumberOfValidationUsers = 0 })
        .Fit(Keyed(items, firstTime: 1));

    // The first user has the items, one a unit of time; the others make up the catalogue.
    private static IDataView Keyed(string items, int firstTime) => _keys.Transform(_context.Data.LoadFromEnumerable(CreateEvents(items, firstTime)));

    private static IEnumerable<EventRow> CreateEvents(string items, int firstTime) =>
        from user in "abc"
        from place in Enumerable.Range(0, items.Length)
        select new EventRow { User = $"{user}", Item = $"item{(items[place] - '0' + user - 'a') % NumberOfItems}", Timestamp = firstTime + place };

    private static InteractionLog Read(string items, int firstTime) => InteractionLog.Read(Keyed(items, firstTime), _columns);

    // Keys are given in the order of the text.
    private static int[] Keys(string items) => [.. items.Select(item => item - '0' + 1)];

    private static int[] GetItems(DeviceEvents events) => events.Log.GetItems(1).ToArray();
}
