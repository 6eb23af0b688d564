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

    // It was e f g h of which e and f are no longer kept: what a model trained in between remembers tells all the same.
    [TestCase(new[] { 5, 6, 7 }, new[] { 7, 8 }, 1, TestName = "CountRemembered_EarlierOnesDropped_IsTheFirstOfThoseKept")]
    [TestCase(new[] { 4, 5, 6 }, new[] { 7, 8 }, 0, TestName = "CountRemembered_OnlyDroppedOnesRemembered_IsNone")]
    public void CountRemembered_Dropped(int[] remembered, int[] observed, int expected)
    {
        Assert.That(UserObservations.CountRemembered(remembered, observed, historyLength: 1), Is.EqualTo(expected));
    }

    [Test]
    public void Add_MoreItemsThanTheLimit_KeepsTheLatest()
    {
        UserObservations observations = new(new ObservationLimits { NumberOfItems = 3 });
        for (int i = 1; i <= 5; i++)
        {
            observations.Add("u", $"i{i}");
        }

        Assert.That(observations.Get("u").Select(item => item.ItemId), Is.EqualTo(new[] { "i3", "i4", "i5" }));
        Assert.That(observations.Get("u").Select(item => item.Number), Is.EqualTo(new[] { 3, 4, 5 }));
        Assert.That(observations.Count, Is.EqualTo(5));
    }

    [Test]
    public void Add_MoreUsersThanTheLimit_DropsWhoWasObservedLongestAgo()
    {
        UserObservations observations = new(new ObservationLimits { NumberOfUsers = 2 });
        observations.Add("u1", "a");
        observations.Add("u2", "b");
        observations.Add("u1", "c");
        observations.Add("u3", "d");

        Assert.That(observations.Get("u1").Select(item => item.ItemId), Is.EqualTo(new[] { "a", "c" }));
        Assert.That(observations.Get("u2"), Is.Empty);
        Assert.That(observations.Get("u3").Select(item => item.ItemId), Is.EqualTo(new[] { "d" }));
    }

    [Test]
    public void Forget_MoreUsersThanTheLimit_StaysForgotten()
    {
        UserObservations observations = new(new ObservationLimits { NumberOfUsers = 1 });
        observations.Add("u1", "a");
        observations.Forget("u1");
        observations.Forget("u2");
        observations.Add("u3", "b");
        observations.Add("u4", "c");

        Assert.That(observations.IsForgotten("u1") && observations.IsForgotten("u2"), Is.True);
        Assert.That(observations.Get("u1"), Is.Empty);
        Assert.That(observations.IsForgotten("u3"), Is.False);
    }

    [Test]
    public void Constructor_LimitsOutOfRange_SaysWhat()
    {
        Assert.That(
            () => new UserObservations(new ObservationLimits { NumberOfItems = 0 }),
            Throws.ArgumentException.With.Message.EqualTo(
                "ObservationLimits: NumberOfItems and NumberOfUsers must be at least 1, but are 0 and 100000."));
    }
}
