using DCCL.ML.Data;
using DCCL.Trainers.SasRec;
using DCCL.Trainers.Tests.Torch;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;

namespace DCCL.Trainers.Tests.SasRec;

public sealed class SequenceTableTests
{
    private const int HistoryLength = 4;

    [Test]
    public void Cut_OfSequences_PutsEachEventButTheFirstIntoOneWindow([Range(1, 10)] int seed)
    {
        SeededRandom random = new(seed);
        InteractionLog log = new RandomLog(random, hasLabels: false).Log;
        SequenceTable table = new(log, HistoryLength, usesProfiles: false, (_, _) => true);

        List<SequenceWindow> windows = table.Cut(random);

        IEnumerable<(int User, int Index)> events = windows.SelectMany(window => Enumerable.Range(window.First, window.Length).Select(index => (window.User, index)));
        IEnumerable<(int User, int Index)> expected = Enumerable.Range(1, log.NumberOfUsers)
            .SelectMany(user => Enumerable.Range(1, Math.Max(0, log.GetItems(user).Length - 1)).Select(index => (user, index)));
        Assert.That(events, Is.EquivalentTo(expected));
        Assert.That(windows.Select(window => window.Length), Is.All.InRange(1, HistoryLength));
        Assert.That(table.NumberOfEvents, Is.EqualTo(expected.Count()));
        Assert.That(windows, Has.Count.LessThanOrEqualTo(expected.Count()));
    }

    [Test]
    public void Cut_OfALongSequence_DiffersFromEpochToEpoch()
    {
        InteractionLog log = RandomLog.FromSequences([.. Enumerable.Range(1, 30)]);
        SequenceTable table = new(log, HistoryLength, usesProfiles: false, (_, _) => true);
        SeededRandom random = new(1);

        HashSet<int> cuts = [.. Enumerable.Range(0, 40).Select(_ => table.Cut(random)[0].Length)];

        Assert.That(cuts, Is.EquivalentTo(Enumerable.Range(1, HistoryLength)));
    }

    [Test]
    public void CreateBatch_OfWindows_HasTheMostRecentEventFirstAndTheEventsToForeseeBeforeTheirHistories()
    {
        InteractionLog log = RandomLog.FromSequences([11, 12, 13, 14], [15, 16]);
        SequenceTable table = new(log, HistoryLength, usesProfiles: false, (user, index) => (user, index) != (1, 2));
        using DisposeScope scope = torch.NewDisposeScope();

        (TrainingBatch batch, long[] rows, int[] targets, int[] users) = table.CreateBatch([new SequenceWindow(1, 1, 3), new SequenceWindow(2, 1, 1)]);

        // Event 13 is not taught: it stands in a history only.
        Assert.That(batch.History.data<long>().ToArray(), Is.EqualTo(new long[] { 13, 12, 11, 15, 0, 0 }));
        Assert.That(rows, Is.EqualTo(new long[] { 0, 2, 3 }));
        Assert.That(targets, Is.EqualTo(new[] { 14, 12, 16 }));
        Assert.That(users, Is.EqualTo(new[] { 1, 1, 2 }));
        Assert.That(batch.Lengths, Is.EqualTo(new[] { 3, 1 }));
        Assert.That(table.GetTargets([new SequenceWindow(1, 1, 3), new SequenceWindow(2, 1, 1)]), Is.EqualTo(targets));
        Assert.That(table.NumberOfEvents, Is.EqualTo(3));
    }
}
