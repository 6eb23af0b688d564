using DCCL.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Data;

public sealed class InteractionLogTests
{
    [Test]
    public void Create_RandomLog_GroupsByUserInStableTimeOrder()
    {
        foreach (RandomLog random in SeededCases.Take(RandomLog.Gen, 300))
        {
            InteractionLog log = random.Create();
            for (int user = 1; user <= RandomLog.NumberOfUsers; user++)
            {
                (int User, int Item, double Timestamp, bool Label)[] expected = random.Expected(user);
                Assert.That(log.GetItems(user).ToArray(), Is.EqualTo(expected.Select(row => row.Item)), $"{random}");
                Assert.That(log.GetTimestamps(user).ToArray(), Is.EqualTo(expected.Select(row => row.Timestamp)), $"{random}");
                Assert.That(log.GetLabels(user).ToArray(), Is.EqualTo(expected.Select(row => row.Label)), $"{random}");
            }
        }
    }

    [Test]
    public void Counts_RandomLog_AreThoseOfItsRows()
    {
        foreach (RandomLog random in SeededCases.Take(RandomLog.Gen, 300))
        {
            InteractionLog log = random.Create();
            (int User, int Item, double Timestamp, bool Label)[] kept = [.. random.Rows.Where(row => row.User != 0 && row.Item != 0)];
            Assert.That(log.NumberOfEvents, Is.EqualTo(kept.Length), $"{random}");
            Assert.That(log.NumberOfDroppedEvents, Is.EqualTo(random.Rows.Length - kept.Length), $"{random}");
            Assert.That(log.NumberOfUsersWithEvents, Is.EqualTo(kept.Select(row => row.User).Distinct().Count()), $"{random}");
            Assert.That(log.NumberOfPositiveEvents, Is.EqualTo(kept.Count(row => row.Label)), $"{random}");
            Assert.That(
                log.NumberOfDuplicateEvents,
                Is.EqualTo(kept.Length - kept.Select(row => (row.User, row.Item, row.Timestamp)).Distinct().Count()),
                $"{random}");
        }
    }

    [TestCase(3, 3)]
    [TestCase(1, 2)]
    [TestCase(40, 50)]
    [TestCase(0, 0)]
    public void LimitTo_RandomLog_IsTheLogOfTheRowsThatRemain(int users, int items)
    {
        foreach (RandomLog random in SeededCases.Take(RandomLog.Gen, 100))
        {
            InteractionLog log = random.Create();
            (int User, int Item, double Timestamp, bool Label)[] kept = [.. random.Rows.Where(row => row.User != 0 && row.Item != 0 && row.User <= users && row.Item <= items)];
            InteractionLog expected = InteractionLog.Create(
                users, items, [.. kept.Select(row => row.User)], [.. kept.Select(row => row.Item)], [.. kept.Select(row => row.Timestamp)], [.. kept.Select(row => row.Label)]);
            InteractionLog limited = log.LimitTo(users, items);
            Assert.That(limited.ComputeFingerprint(), Is.EqualTo(expected.ComputeFingerprint()), $"{random}");
            Assert.That(limited.NumberOfDroppedEvents, Is.EqualTo(random.Rows.Length - kept.Length), $"{random}");
        }
    }

    [Test]
    public void LimitTo_WithProfiles_KeepsThoseOfTheUsersWhoRemain()
    {
        InteractionLog log = InteractionLog.Create(2, 2, [1, 2], [1, 2], [0, 1], labels: null, [1, 2, 3, 4], 2);
        Assert.That(log.LimitTo(1, 2).GetProfile(1).ToArray(), Is.EqualTo(new float[] { 1, 2 }));
        Assert.That(log.LimitTo(3, 2).GetProfile(2).ToArray(), Is.EqualTo(new float[] { 3, 4 }));
        Assert.That(log.LimitTo(3, 2).GetProfile(3).ToArray(), Is.EqualTo(new float[] { 0, 0 }));
    }

    [Test]
    public void Create_WithoutTimestamps_KeepsLogOrderAndCountsNoDuplicates()
    {
        InteractionLog log = InteractionLog.Create(2, 5, [1, 2, 1, 1], [5, 1, 4, 5], timestamps: null);

        Assert.That(log.GetItems(1).ToArray(), Is.EqualTo(new[] { 5, 4, 5 }));
        Assert.That(log.GetTimestamps(1).ToArray(), Is.EqualTo(new[] { 0.0, 2, 3 }));
        Assert.That(log.NumberOfDuplicateEvents, Is.Zero);
        Assert.That(log.HasTimestamps, Is.False);
        Assert.That(log.HasLabels, Is.False);
        Assert.That(log.GetLabels(1).Length, Is.Zero);
        Assert.That(log.NumberOfPositiveEvents, Is.EqualTo(4));
    }

    [TestCase(new[] { 1, 3 }, new[] { 1, 1 }, 2)]
    [TestCase(new[] { 1, -1 }, new[] { 1, 1 }, 2)]
    [TestCase(new[] { 1, 1 }, new[] { 1, 5 }, 2)]
    [TestCase(new[] { 1, 1 }, new[] { 1, 1 }, 3)]
    [TestCase(new[] { 1, 1 }, new[] { 1 }, 2)]
    public void Create_ImpossibleArrays_Throws(int[] users, int[] items, int numberOfTimestamps)
        => Assert.That(() => InteractionLog.Create(2, 4, users, items, new double[numberOfTimestamps]), Throws.InstanceOf<ArgumentException>());

    [TestCase(0)]
    [TestCase(3)]
    public void GetItems_UserOutsideTheLog_Throws(int user)
        => Assert.That(() => InteractionLog.Create(2, 4, [1], [1], [0]).GetItems(user).Length, Throws.TypeOf<ArgumentOutOfRangeException>());

    [Test]
    public void Merge_RandomLogs_EqualsOneLogOfBothRows()
    {
        foreach ((RandomLog first, RandomLog second) in SeededCases.Take(RandomLog.Gen, 200).Zip(SeededCases.Take(RandomLog.Gen, 201).Skip(1)))
        {
            RandomLog both = new([.. first.Rows, .. second.Rows]);
            Assert.That(
                first.Create().Merge(second.Create()).ComputeFingerprint(), Is.EqualTo(both.Create().ComputeFingerprint()), $"{first} and {second}");
        }
    }

    [Test]
    public void Merge_WithoutTimestamps_PutsTheSecondLogAfterTheFirst()
    {
        InteractionLog first = InteractionLog.Create(1, 9, [1, 1, 1], [1, 2, 3], timestamps: null);
        InteractionLog second = InteractionLog.Create(1, 9, [1, 1], [4, 5], timestamps: null);

        InteractionLog merged = first.Merge(second);

        Assert.That(merged.GetItems(1).ToArray(), Is.EqualTo(new[] { 1, 2, 3, 4, 5 }));
        Assert.That(merged.GetTimestamps(1).ToArray(), Is.EqualTo(new[] { 0.0, 1, 2, 3, 4 }));
    }

    [Test]
    public void Merge_DifferentCardinalitiesAndProfiles_TakesTheLargerAndTheLaterProfile()
    {
        InteractionLog first = InteractionLog.Create(2, 3, [1, 2], [3, 3], [5, 5], profiles: [1, 2, 3, 4], profileDimension: 2);
        InteractionLog second = InteractionLog.Create(3, 7, [3, 1], [7, 6], [1, 1], profiles: [9, 9, 0, 0, 8, 8], profileDimension: 2);

        InteractionLog merged = first.Merge(second);

        Assert.That((merged.NumberOfUsers, merged.NumberOfItems, merged.NumberOfEvents), Is.EqualTo((3, 7, 4)));
        Assert.That(merged.GetItems(1).ToArray(), Is.EqualTo(new[] { 6, 3 }));
        Assert.That(merged.GetProfile(1).ToArray(), Is.EqualTo(new[] { 9f, 9f }), "both have events of user 1");
        Assert.That(merged.GetProfile(2).ToArray(), Is.EqualTo(new[] { 3f, 4f }), "only the first has");
        Assert.That(merged.GetProfile(3).ToArray(), Is.EqualTo(new[] { 8f, 8f }), "only the second has");
    }

    [Test]
    public void Merge_OnlyOneLogLabelled_SaysSo()
    {
        InteractionLog labelled = InteractionLog.Create(1, 1, [1], [1], [1], labels: [true]);
        InteractionLog plain = InteractionLog.Create(1, 1, [1], [1], [1]);

        Assert.That(
            () => plain.Merge(labelled),
            Throws.ArgumentException.With.Message.EqualTo(
                "Both logs must have labels, or neither, but only the second has. Name the column for both, or for neither."));
    }

    [Test]
    public void WithPositivesOnly_RandomLog_KeepsPositivesInOrder()
    {
        foreach (RandomLog random in SeededCases.Take(RandomLog.Gen, 100))
        {
            RandomLog positives = new([.. random.Rows.Where(row => row.Label)]);
            Assert.That(
                random.Create().WithPositivesOnly().ComputeFingerprint(),
                Is.EqualTo(positives.Create(withLabels: false).ComputeFingerprint()),
                $"{random}");
        }
    }

    [Test]
    public void WithPositivesOnly_NoLabels_IsTheLogItself()
    {
        InteractionLog log = InteractionLog.Create(1, 1, [1], [1], [1]);
        Assert.That(log.WithPositivesOnly(), Is.SameAs(log));
    }

    [Test]
    public void Where_ByPlaceInSequence_KeepsThoseEvents()
    {
        InteractionLog log = InteractionLog.Create(2, 9, [1, 2, 1, 2, 1], [1, 2, 3, 4, 5], [9, 8, 7, 6, 5], [true, false, true, false, false]);

        InteractionLog kept = log.Where((user, index) => user == 1 && index > 0);

        Assert.That(kept.GetItems(1).ToArray(), Is.EqualTo(new[] { 3, 1 }));
        Assert.That(kept.GetTimestamps(1).ToArray(), Is.EqualTo(new[] { 7.0, 9 }));
        Assert.That(kept.GetLabels(1).ToArray(), Is.EqualTo(new[] { true, true }));
        Assert.That(kept.GetItems(2).Length, Is.Zero);
        Assert.That((kept.NumberOfUsers, kept.NumberOfItems, kept.NumberOfUsersWithEvents), Is.EqualTo((2, 9, 1)));
    }

    [Test]
    public void ComputeFingerprint_AnyDifference_Changes()
    {
        InteractionLog[] logs =
        [
            InteractionLog.Create(2, 3, [1, 2], [1, 2], [1, 2]),
            InteractionLog.Create(3, 3, [1, 2], [1, 2], [1, 2]),
            InteractionLog.Create(2, 4, [1, 2], [1, 2], [1, 2]),
            InteractionLog.Create(2, 3, [1, 1], [1, 2], [1, 2]),
            InteractionLog.Create(2, 3, [1, 2], [1, 3], [1, 2]),
            InteractionLog.Create(2, 3, [1, 2], [1, 2], [1, 3]),
            InteractionLog.Create(2, 3, [1, 2], [1, 2], [1, 2], labels: [true, true]),
            InteractionLog.Create(2, 3, [1, 2], [1, 2], [1, 2], labels: [true, false]),
            InteractionLog.Create(2, 3, [1, 2], [1, 2], [1, 2], profiles: [0, 0], profileDimension: 1),
            InteractionLog.Create(2, 3, [1, 2], [1, 2], [1, 2], profiles: [0, 1], profileDimension: 1),
        ];

        Assert.That(logs.Select(log => log.ComputeFingerprint()), Is.Unique);
        Assert.That(
            InteractionLog.Create(2, 3, [2, 1], [2, 1], [2, 1]).ComputeFingerprint(), Is.EqualTo(logs[0].ComputeFingerprint()), "other row order");
        Assert.That(logs[0].ComputeFingerprint(), Does.Match("^[0-9a-f]{64}$"));
    }
}
