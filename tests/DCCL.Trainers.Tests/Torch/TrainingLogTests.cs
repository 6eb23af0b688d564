using DCCL.ML.Data;
using DCCL.Trainers.Torch;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.Torch;

public sealed class TrainingLogTests
{
    [TestCase(1, 0.0, 1)]
    [TestCase(10, 0.0, 10)]
    [TestCase(10, 0.1, 9)]
    [TestCase(10, 0.2, 8)]
    [TestCase(10, 0.25, 8)]
    [TestCase(1, 0.9, 1)]
    [TestCase(5, 0.5, 3)]
    [TestCase(10, 0.3, 7)]
    [TestCase(100, 0.7, 30)]
    public void HoldBack_AShare_LeavesOutThatManyOfTheLastEventsRoundedDown(int events, double fraction, int left)
    {
        InteractionLog log = InteractionLog.Create(2, 200, [.. Enumerable.Repeat(1, events)], [.. Enumerable.Range(1, events)], null);

        InteractionLog fitted = TrainingLog.HoldBack(log, fraction);

        Assert.That(fitted.GetItems(1).ToArray(), Is.EqualTo(Enumerable.Range(1, left)));
        Assert.That(fitted.NumberOfUsers, Is.EqualTo(2));
    }

    [Test]
    public void GetCutoffs_OfALog_AreTheLastTimesOrMinusInfinity()
    {
        InteractionLog log = InteractionLog.Create(3, 5, [1, 3, 1], [1, 2, 3], [5, 9, 2]);

        Assert.That(TrainingLog.GetCutoffs(log), Is.EqualTo(new[] { 5, double.NegativeInfinity, 9 }));
    }
}
