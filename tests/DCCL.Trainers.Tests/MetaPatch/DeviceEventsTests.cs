using DCCL.Trainers.MetaPatch;
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
}
