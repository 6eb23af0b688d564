using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Scoring;
using DCCL.Trainers.MetaPatch;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class DeviceEventsTests
{
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
        MLContext context = new(seed: 1);
        EventRow[] rows = [.. from user in "abc" from time in Enumerable.Range(1, 6) select CreateEvent(user, time)];
        InteractionColumns columns = new("UserKey", "ItemKey", "Timestamp");
        ITransformer keys = EventRow.MapKeys(context).Fit(context.Data.LoadFromEnumerable(rows));
        InteractionLog Read(Func<EventRow, bool> isPart) =>
            InteractionLog.Read(keys.Transform(context.Data.LoadFromEnumerable(rows.Where(isPart))), columns);
        IDataView fitted = keys.Transform(context.Data.LoadFromEnumerable(rows.Where(row => row.Timestamp <= 4)));
        DeviceCloudPredictionTransformer model = context.DeviceCloud().Trainers
            .Din(new DinTrainer.Options { Columns = columns, HistoryLength = 2, NumberOfEpochs = 1, NumberOfValidationUsers = 0 })
            .Fit(fitted);
        InteractionLog device = Read(row => row.Timestamp > 4);

        DeviceEvents remembered = DeviceEvents.Create(model, device);
        DeviceEvents known = DeviceEvents.Create(model, device, Read(row => row.Timestamp <= 4));

        // Of four events the model remembers two.
        Assert.That(remembered.Log.GetItems(2).Length, Is.EqualTo(2 + 2));
        Assert.That(known.Log.GetItems(2).ToArray(), Is.EqualTo(Read(_ => true).GetItems(2).ToArray()));
        Assert.That(Enumerable.Range(0, 6).Where(index => known.IsNew(2, index)), Is.EqualTo(new[] { 4, 5 }));
        Assert.That((remembered.NumberOfNewEvents, known.NumberOfNewEvents), Is.EqualTo((6, 6)));
    }

    private static EventRow CreateEvent(char user, int time) => new() { User = $"{user}", Item = $"item{(user + time) % 8}", Timestamp = time };
}
