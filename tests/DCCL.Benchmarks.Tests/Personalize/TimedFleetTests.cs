using DCCL.Benchmarks.Evidence;
using DCCL.Benchmarks.Personalize;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers;
using Microsoft.ML;
using NUnit.Framework;
using QuickStart;

namespace DCCL.Benchmarks.Tests.Personalize;

public sealed class TimedFleetTests
{
    private const int NumberOfUsers = 12;

    [Test]
    public void Repeat_MoreUsersThanTheLogHas_GivesEachThePatchOfTheUserWhoseEventsTheyHave()
    {
        MLContext ml = new(seed: 1);
        TrainingData data = CreateData(ml);
        using StageModels models = new(ml, data, new EvidenceOptions { IsQuick = true, NumberOfThreads = 1 }, seed: 1, folder: null, CancellationToken.None);
        PersonalizeOptions options = new();
        MetaPatchTrainer.Options patches = options.CreatePatchOptions(new TrainingRunOptions { Seed = 1, NumberOfThreads = 1 }, strength: 1);
        ITransformer model = TimedFleet.CreateModel(models.Patched, models.Cloud);

        (ITransformer many, IDataView device) = TimedFleet.Repeat(ml, model, data, (2 * NumberOfUsers) + 5);
        UserPatches own = TimedFleet.Run(ml, model, data.Device, patches).Fleet.DeviceCloudModel().Patches!;
        UserPatches repeated = TimedFleet.Run(ml, many, device, patches).Fleet.DeviceCloudModel().Patches!;

        Assert.That(repeated.NumberOfUsers, Is.EqualTo((2 * NumberOfUsers) + 5));
        for (int user = 1; user <= repeated.NumberOfUsers; user++)
        {
            Assert.That(repeated[user].ToArray(), Is.EqualTo(own[1 + ((user - 1) % NumberOfUsers)].ToArray()).Within(1e-4));
        }

        Assert.That(Enumerable.Range(1, NumberOfUsers).Select(user => own[user][0]).Distinct().Count(), Is.GreaterThan(NumberOfUsers / 2));
    }

    // Labelled events have no negatives to be drawn. Each user has a rate of liking of their own.
    private static TrainingData CreateData(MLContext ml)
    {
        SeededRandom random = new(1);
        Periods.EventRow[] rows =
        [
            .. Enumerable.Range(1, NumberOfUsers).SelectMany(user => Enumerable.Range(0, 30).Select(index => new Periods.EventRow
            {
                UserId = $"u{user:00}", ItemId = $"i{1 + random.Next(20):00}", Timestamp = index, Label = index < 2 || random.NextDouble() < user / (NumberOfUsers + 1.0),
            })),
        ];
        Periods.EventRow[] cloud = [.. rows.Where(row => row.Timestamp < 20)];
        Periods.EventRow[] device = [.. rows.Where(row => row.Timestamp >= 20)];
        Periods periods = new(Load(cloud), null, Load(device), Load([]), Load([.. cloud, .. device]), "by hand");
        return new TrainingData(ml, new EventData("rates", Load(rows), new InteractionColumns("UserId", "ItemId", "Timestamp", "Label")), periods);

        IDataView Load(Periods.EventRow[] events) => ml.Data.LoadFromEnumerable(events);
    }
}
