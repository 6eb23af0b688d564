using DCCL.ML.Recommendation;
using NUnit.Framework;

namespace DCCL.ML.Tests.Recommendation;

public sealed class UserObservationsTests
{
    // Worked by hand; a model remembers three items.
    [TestCase(new int[] { }, new[] { 1 }, 0, TestName = "CountRemembered_NothingRemembered_IsNone")]
    [TestCase(new[] { 1, 2 }, new[] { 3 }, 0, TestName = "CountRemembered_TrainedBefore_IsNone")]
    [TestCase(new[] { 1, 2 }, new[] { 2 }, 1, TestName = "CountRemembered_TrainedAfter_IsAll")]
    [TestCase(new[] { 1, 2, 3 }, new[] { 2, 3, 4 }, 2, TestName = "CountRemembered_TrainedInBetween_IsTheFirst")]
    [TestCase(new[] { 3, 4, 5 }, new[] { 1, 2, 3, 4, 5, 6 }, 5, TestName = "CountRemembered_MoreThanIsRemembered_IsTheFirst")]
    [TestCase(new[] { 5 }, new[] { 4, 5 }, 0, TestName = "CountRemembered_AnEventThatAModelWouldRemember_IsNone")]
    [TestCase(new[] { 1, 1, 1 }, new[] { 1 }, 1, TestName = "CountRemembered_Repetitions_IsTheLast")]
    public void CountRemembered_(int[] remembered, int[] observed, int expected)
    {
        Assert.That(UserObservations.CountRemembered(remembered, observed, historyLength: 3), Is.EqualTo(expected));
    }
}
