using DCCL.ML.Data;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.Torch;

public sealed class CloudValidationTests
{
    [Test]
    public void Create_EventsWithoutLabels_HoldsOutTheLastOneOfUsersWithFourOrMore([Values(0, 3, 100)] int numberOfUsers)
    {
        InteractionLog log = new RandomLog(new SeededRandom(1), hasLabels: false, numberOfUsers: 12).Log;
        using TrainingRun run = CreateRun();

        CloudValidation validation = CloudValidation.Create(log, validation: null, numberOfUsers, run);

        int[] eligible = [.. Enumerable.Range(1, 12).Where(user => log.GetItems(user).Length >= 4)];
        int[] heldOut = [.. Enumerable.Range(1, 12).Where(user => validation.Training.GetItems(user).Length < log.GetItems(user).Length)];
        Assert.That(heldOut, Has.Length.EqualTo(Math.Min(numberOfUsers, eligible.Length)));
        Assert.That(heldOut, Is.SubsetOf(eligible));
        Assert.That(heldOut.All(user => validation.Training.GetItems(user).SequenceEqual(log.GetItems(user)[..^1])), Is.True);
        Assert.That(validation.HasEvents, Is.EqualTo(numberOfUsers > 0));
    }

    [Test]
    public void Create_LabelledEvents_HoldsOutTheLastTenth()
    {
        InteractionLog log = InteractionLog.Create(
            1, 40, [.. Enumerable.Repeat(1, 39)], [.. Enumerable.Range(1, 39)], null, [.. Enumerable.Range(0, 39).Select(i => i % 2 == 0)]);
        using TrainingRun run = CreateRun();

        CloudValidation validation = CloudValidation.Create(log, validation: null, 10, run);

        Assert.That(validation.Training.GetItems(1).ToArray(), Is.EqualTo(Enumerable.Range(1, 36)));
    }

    [Test]
    public void Create_SomeEventsThatAreNotTaught_HoldsOutNoneOfThem([Values] bool hasLabels)
    {
        InteractionLog log = new RandomLog(new SeededRandom(1), hasLabels, numberOfUsers: 12).Log;
        using TrainingRun run = CreateRun();

        // Of users 1 to 6 only the last event is new, of the others none.
        CloudValidation validation = CloudValidation.Create(
            log, validation: null, 100, run, (user, index) => user <= 6 && index == log.GetItems(user).Length - 1);

        for (int user = 1; user <= 12; user++)
        {
            int count = log.GetItems(user).Length;
            int heldOut = user <= 6 && count >= 4 ? 1 : 0;
            Assert.That(validation.Training.GetItems(user).ToArray(), Is.EqualTo(log.GetItems(user)[..(count - heldOut)].ToArray()), $"user {user}");
        }

        Assert.That(validation.HasEvents, Is.True);
    }

    [Test]
    public void Create_AGivenLog_TrainsOnEverything()
    {
        InteractionLog log = new RandomLog(new SeededRandom(1), hasLabels: false).Log;
        using TrainingRun run = CreateRun();

        CloudValidation validation = CloudValidation.Create(log, log, 10, run);

        Assert.That(validation.Training, Is.SameAs(log));
        Assert.That(validation.HasEvents, Is.True);
    }

    private static TrainingRun CreateRun() => new(new MLContext(seed: 1), "test", new TrainingRunOptions { NumberOfThreads = 1 });
}
