using DCCL.Benchmarks.Evidence;
using DCCL.ML.Data;
using Microsoft.ML;
using NUnit.Framework;
using QuickStart;

namespace DCCL.Benchmarks.Tests.Evidence;

public sealed class StageModelsTests
{
    private string _folder = null!;

    [SetUp]
    public void SetUp() => _folder = Directory.CreateTempSubdirectory("dccl-").FullName;

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    // A trainer that is cancelled after an epoch hands over what it has. A run that goes on later must not take that for the model.
    [Test]
    public void Cloud_CancelledAfterItsFirstEpoch_KeepsNoModel()
    {
        using CancellationTokenSource cancelling = new();
        MLContext ml = new(seed: 1);
        List<string> epochs = [];
        ml.Log += (_, entry) =>
        {
            if (entry.Message.Contains("din: epoch", StringComparison.Ordinal))
            {
                epochs.Add(entry.Message);
                cancelling.Cancel();
            }
        };
        using StageModels models = new(
            ml, CreateData(ml), new EvidenceOptions { IsQuick = true, NumberOfThreads = 1 }, seed: 1, _folder, cancelling.Token);

        Assert.That(() => models.Cloud, Throws.InstanceOf<OperationCanceledException>());

        Assert.That(epochs, Has.Count.EqualTo(1));
        Assert.That(Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories), Is.Empty);
    }

    private static TrainingData CreateData(MLContext ml)
    {
        SeededRandom random = new(1);
        Periods.EventRow[] rows =
        [
            .. Enumerable.Range(1, 12).SelectMany(user => Enumerable.Range(0, 20).Select(index => new Periods.EventRow
            {
                UserId = $"u{user:00}", ItemId = $"i{1 + random.Next(40):00}", Timestamp = index,
            })),
        ];
        Periods.EventRow[] cloud = [.. rows.Where(row => row.Timestamp < 15)];
        Periods.EventRow[] device = [.. rows.Where(row => row.Timestamp >= 15)];
        Periods periods = new(Load(cloud), null, Load(device), Load([]), Load(rows), "by hand");
        return new TrainingData(ml, new EventData("events", Load(rows), new InteractionColumns("UserId", "ItemId", "Timestamp")), periods);

        IDataView Load(Periods.EventRow[] events) => ml.Data.LoadFromEnumerable(events);
    }
}
