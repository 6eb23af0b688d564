using DCCL.ML.Data;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.Tests.Torch;

public sealed class EventTableTests
{
    [Test]
    public void Create_RandomLogs_SelectsEachEventWithThePositiveOnesBeforeIt([Range(1, 20)] int seed, [Values] bool hasLabels)
    {
        SeededRandom random = new(seed);
        RandomLog log = new(random, hasLabels);
        int historyLength = 1 + random.Next(8);
        bool Select(int user, int index) => (user + index) % 4 != 0;

        EventTable table = EventTable.Create(log.Log, historyLength, usesProfiles: false, Select);

        (int User, int Item, bool Label, int[] History)[] expected = [.. Define(log, historyLength, hasLabels, Select)];
        Assert.That(table.Count, Is.EqualTo(expected.Length));
        Assert.That(table.HasLabels, Is.EqualTo(hasLabels));
        Assert.That(table.Users.ToArray(), Is.EqualTo(expected.Select(one => one.User)));
        Assert.That(table.Items.ToArray(), Is.EqualTo(expected.Select(one => one.Item)));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(table.GetLabel(i), Is.EqualTo(expected[i].Label));
            Assert.That(table.GetHistory(i).ToArray(), Is.EqualTo(expected[i].History));
        }
    }

    [Test]
    public void CreateBatch_RandomEvents_HoldsItemsThenNegativesAndHistoriesMostRecentFirst([Range(1, 20)] int seed, [Values] bool hasLabels)
    {
        SeededRandom random = new(seed);
        RandomLog log = new(random, hasLabels, profileDimension: random.Next(3));
        int profile = log.Log.ProfileDimension;
        int historyLength = 1 + random.Next(8);
        EventTable table = EventTable.Create(log.Log, historyLength, usesProfiles: profile > 0, (_, _) => true);
        (int User, int Item, bool Label, int[] History)[] all = [.. Define(log, historyLength, hasLabels, (_, _) => true)];
        int[] chosen = [.. Enumerable.Range(0, 1 + random.Next(7)).Select(_ => random.Next(table.Count))];
        int perEvent = random.Next(3);
        int[] negatives = [.. Enumerable.Range(0, chosen.Length * perEvent).Select(_ => 1 + random.Next(9))];
        using DisposeScope scope = NewDisposeScope();

        TrainingBatch batch = table.CreateBatch(chosen, negatives);

        int longest = chosen.Max(i => all[i].History.Length);
        Assert.That(batch.Items.shape, Is.EqualTo(new long[] { chosen.Length, 1 + perEvent }));
        Assert.That(batch.History.shape, Is.EqualTo(new long[] { chosen.Length, Math.Max(1, longest) }));
        Assert.That(batch.Lengths, Is.EqualTo(chosen.Select(i => all[i].History.Length)));
        Assert.That(batch.Profiles is null, Is.EqualTo(profile == 0));
        for (int row = 0; row < chosen.Length; row++)
        {
            (int user, int item, _, int[] history) = all[chosen[row]];
            long[] candidates = [item, .. negatives[(row * perEvent)..((row + 1) * perEvent)]];
            long[] padded = [.. history.Reverse().Select(past => (long)past), .. new long[Math.Max(1, longest) - history.Length]];
            Assert.That(batch.Items[row].data<long>().ToArray(), Is.EqualTo(candidates));
            Assert.That(batch.History[row].data<long>().ToArray(), Is.EqualTo(padded));
            Assert.That(batch.Profiles?[row].ToArray() ?? [], Is.EqualTo(log.Profiles[((user - 1) * profile)..(user * profile)]));
        }
    }

    [Test]
    public void Select_SomeEvents_KeepsTheirUsersItemsLabelsAndHistories([Values] bool hasLabels)
    {
        RandomLog log = new(new SeededRandom(1), hasLabels, profileDimension: 2);
        EventTable table = EventTable.Create(log.Log, 3, usesProfiles: true, (_, _) => true);
        int[] chosen = [5, 2, 5, 11];

        EventTable selected = table.Select(chosen);

        Assert.That(selected.Count, Is.EqualTo(4));
        Assert.That(selected.HasLabels, Is.EqualTo(hasLabels));
        for (int i = 0; i < chosen.Length; i++)
        {
            Assert.That(selected.Users[i], Is.EqualTo(table.Users[chosen[i]]));
            Assert.That(selected.Items[i], Is.EqualTo(table.Items[chosen[i]]));
            Assert.That(selected.GetLabel(i), Is.EqualTo(table.GetLabel(chosen[i])));
            Assert.That(selected.GetHistory(i).ToArray(), Is.EqualTo(table.GetHistory(chosen[i]).ToArray()));
            Assert.That(selected.GetProfile(i).ToArray(), Is.EqualTo(table.GetProfile(chosen[i]).ToArray()));
        }
    }

    [Test]
    public void CreateBatch_NoEvents_IsEmpty()
    {
        EventTable table = EventTable.Create(new RandomLog(new SeededRandom(1), hasLabels: false).Log, 3, usesProfiles: false, (_, _) => false);
        using DisposeScope scope = NewDisposeScope();

        TrainingBatch batch = table.CreateBatch([], []);

        Assert.That(table.Count, Is.Zero);
        Assert.That(batch.Items.shape[0], Is.Zero);
        Assert.That(batch.Lengths, Is.Empty);
    }

    [Test]
    public void SampleUsers_FewerThanThereAre_TakesWholeUsersAsManyAsFit([Range(1, 5)] int seed)
    {
        EventTable table = EventTable.Create(new RandomLog(new SeededRandom(seed), hasLabels: false).Log, 4, usesProfiles: false, (_, _) => true);
        int most = table.Count / 2;

        int[] taken = table.SampleUsers(most, new SeededRandom(seed));

        Dictionary<int, int> counts = table.GetUsers().ToDictionary(own => own.User, own => own.Count);
        Assert.That(taken, Is.Ordered.Ascending.And.Unique);
        Assert.That(taken.Length, Is.LessThanOrEqualTo(most));
        Assert.That(taken.GroupBy(place => table.Users[place]).Select(own => (own.Key, own.Count())), Is.All.Matches<(int User, int Count)>(own => own.Count == counts[own.User]));
        Assert.That(table.SampleUsers(table.Count, new SeededRandom(seed)), Is.EqualTo(Enumerable.Range(0, table.Count)));
    }

    private static IEnumerable<(int User, int Item, bool Label, int[] History)> Define(
        RandomLog log, int historyLength, bool hasLabels, Func<int, int, bool> select)
    {
        for (int user = 1; user <= log.Events.Length; user++)
        {
            (int Item, bool Label)[] events = log.Events[user - 1];
            for (int i = 0; i < events.Length; i++)
            {
                int[] before = [.. events[..i].Where(past => past.Label).Select(past => past.Item)];
                if (select(user, i) && (hasLabels || before.Length > 0))
                {
                    yield return (user, events[i].Item, events[i].Label, [.. before.TakeLast(historyLength)]);
                }
            }
        }
    }
}
