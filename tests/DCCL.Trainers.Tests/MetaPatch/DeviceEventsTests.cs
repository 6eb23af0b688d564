using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Scoring;
using DCCL.Trainers.MetaPatch;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class DeviceEventsTests
{
    private const double LastCloudTime = 4;
    private static readonly MLContext _context = new(seed: 1);
    private static readonly InteractionColumns _columns = new("UserKey", "ItemKey", "Timestamp");
    private static readonly EventRow[] _rows = [.. from user in "abc" from time in Enumerable.Range(1, 6) select CreateEvent(user, time)];
    private static readonly ITransformer _keys = EventRow.MapKeys(_context).Fit(_context.Data.LoadFromEnumerable(_rows));

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

    [Test]
    public void Create_WithTheCloudsLog_KnowsAllThatUsersHadAndTakesOnlyTheDevicesEventsAsNew()
    {
        DeviceCloudPredictionTransformer model = Fit();
        InteractionLog cloud = Read(Keyed(row => row.Timestamp <= LastCloudTime));
        InteractionLog device = Read(Keyed(row => row.Timestamp > LastCloudTime));

        DeviceEvents remembered = DeviceEvents.Create(model, device);
        DeviceEvents known = DeviceEvents.Create(model, device, cloud);

        // Of four events the model remembers two.
        Assert.That(remembered.Log.GetItems(2).Length, Is.EqualTo(2 + 2));
        Assert.That(known.Log.GetItems(2).ToArray(), Is.EqualTo(Read(Keyed(_ => true)).GetItems(2).ToArray()));
        Assert.That(Enumerable.Range(0, 6).Where(index => known.IsNew(2, index)), Is.EqualTo(new[] { 4, 5 }));
        Assert.That((remembered.NumberOfNewEvents, known.NumberOfNewEvents), Is.EqualTo((6, 6)));
    }

    // What somebody had in the cloud's time is no negative; without its log some of it is one, and the basis is fitted to other samples.
    [Test]
    public void MetaPatch_WithoutLabels_LearnsOtherwiseWithTheCloudsLog()
    {
        MetaPatchTrainer trainer = _context.DeviceCloud().Trainers.MetaPatch(
            Fit(), new MetaPatchTrainer.Options { NumberOfBasisEpochs = 2, Run = new TrainingRunOptions { NumberOfThreads = 1 } });
        IDataView cloud = Keyed(row => row.Timestamp <= LastCloudTime);
        IDataView device = Keyed(row => row.Timestamp > LastCloudTime);

        string alone = trainer.Fit(device).DeviceCloudModel().Parameters.Fingerprint;
        string both = trainer.Fit(cloud, device).DeviceCloudModel().Parameters.Fingerprint;

        Assert.That(trainer.Fit(device).DeviceCloudModel().Parameters.Fingerprint, Is.EqualTo(alone));
        Assert.That(both, Is.Not.EqualTo(alone));
    }

    private static DeviceCloudPredictionTransformer Fit() => _context.DeviceCloud().Trainers
        .Din(new DinTrainer.Options { Columns = _columns, HistoryLength = 2, NumberOfEpochs = 1, NumberOfValidationUsers = 0 })
        .Fit(Keyed(row => row.Timestamp <= LastCloudTime));

    private static IDataView Keyed(Func<EventRow, bool> isPart) => _keys.Transform(_context.Data.LoadFromEnumerable(_rows.Where(isPart)));

    private static InteractionLog Read(IDataView data) => InteractionLog.Read(data, _columns);

    private static EventRow CreateEvent(char user, int time) => new() { User = $"{user}", Item = $"item{(user + time) % 8}", Timestamp = time };
}
