using DCCL.ML;
using DCCL.ML.Model;
using DCCL.TestKit;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class FleetLearnerTests
{
    private static readonly PlantedFleet _planted = new(1);

    [Test]
    public void Fit_Linearized_FindsWhatAdamFinds([Values(1, 3)] int linearizations)
    {
        MLContext context = new(seed: 1);
        ITransformer cloud = _planted.CreateModel(context);

        ITransformer adam = Fit(context, cloud, linearizations: 0, strength: 1);
        ITransformer newton = Fit(context, cloud, linearizations, strength: 1);

        // Patches as large as these are not linear any more: one step finds most of what they gain, three all of it.
        double before = PlantedFleet.GetLoss(context, cloud, _planted.Test);
        double gain = before - PlantedFleet.GetLoss(context, adam, _planted.Test);
        double found = before - PlantedFleet.GetLoss(context, newton, _planted.Test);
        Assert.That(gain, Is.GreaterThan(0.1));
        Assert.That(found, Is.GreaterThan((linearizations == 1 ? 0.8 : 0.95) * gain));
        Assert.That(Collect(newton), Is.Not.EqualTo(Collect(adam)));
    }

    // Labelled events have no negatives to be drawn, so that nothing random depends on the chunk.
    [Test]
    public void Fit_SmallChunks_LearnsTheSamePatches([Values(0, 1)] int linearizations, [Values(null, 1.0)] double? strength)
    {
        MLContext context = new(seed: 1);
        ITransformer cloud = _planted.CreateModel(context);

        float[] whole = Collect(Fit(context, cloud, linearizations, strength: strength));
        float[] divided = Collect(Fit(context, cloud, linearizations, chunk: 300, strength: strength));

        Assert.That(Deviation.Max(divided, whole), Is.LessThan(1e-3));
        Assert.That(whole, Has.Some.Not.Zero);
    }

    [Test]
    public void Fit_TheSameSeed_LearnsTheSameBytes([Values(1, 2)] int threads)
    {
        MLContext context = new(seed: 1);
        ITransformer cloud = _planted.CreateModel(context);

        Assert.That(
            Collect(Fit(context, cloud, 1, chunk: 300, threads: threads)), Is.EqualTo(Collect(Fit(context, cloud, 1, chunk: 300, threads: threads))));
    }

    [Test]
    public void Fit_AStrength_KeepsThatMuchOfEachPatchWithTheInterceptThatFitsIt([Values(0, 1)] int linearizations)
    {
        MLContext context = new(seed: 1);
        ITransformer cloud = _planted.CreateModel(context);

        UserPatches full = Fit(context, cloud, linearizations, strength: 1).DeviceCloudModel().Patches!;
        UserPatches half = Fit(context, cloud, linearizations, strength: 0.5).DeviceCloudModel().Patches!;

        Assert.That(full.NumberOfPatchedUsers, Is.EqualTo(PlantedFleet.NumberOfUsers));
        for (int user = 1; user <= full.NumberOfUsers; user++)
        {
            Assert.That(half[user][1..].ToArray(), Is.EqualTo(full[user][1..].ToArray().Select(value => value / 2)).Within(1e-6));
        }
    }

    // Where the penalised cross-entropy is least, its slope by the intercept is zero.
    [Test]
    public void Fit_LabelledEvents_HasTheInterceptThatFitsWhatIsKept([Values(0, 1)] int linearizations, [Values(null, 0.5)] double? strength)
    {
        MLContext context = new(seed: 1);
        ITransformer fleet = Fit(context, _planted.CreateModel(context), linearizations, strength: strength);
        UserPatches patches = fleet.DeviceCloudModel().Patches!;
        int[] users = [.. Enumerable.Range(1, PlantedFleet.NumberOfUsers)];
        float[] table = new float[users.Length * 4];
        users.ToList().ForEach(user => patches[user].CopyTo(table.AsSpan((user - 1) * 4)));
        double[] slopes = _planted.GetDeviceSlopes(table);

        int fitted = users.Count(user => Math.Abs(slopes[user - 1] + patches[user][0]) < 0.01);
        Assert.That(fitted, strength is null ? Is.GreaterThan(users.Length * 2 / 3) : Is.EqualTo(users.Length), "half an intercept fits not");
        Assert.That(users.Select(user => slopes[user - 1]), Has.Some.GreaterThan(0.1));
    }

    [Test]
    public void Fit_AMaximumNumberOfEvents_LearnsFromTheLastOnesAlone()
    {
        MLContext context = new(seed: 1);
        List<string> messages = [];
        context.Log += (_, entry) => messages.Add(entry.Message);
        ITransformer cloud = _planted.CreateModel(context);

        float[] few = Collect(Fit(context, cloud, 1, lastEvents: 3));

        int expected = _planted.Device.GroupBy(row => row.User).Sum(user => Math.Min(3, user.Count()));
        Assert.That(messages, Has.Some.EndsWith($"{expected} events to learn patches from"));
        Assert.That(few, Is.Not.EqualTo(Collect(Fit(context, cloud, 1))));
    }

    private static ITransformer Fit(
        MLContext context, ITransformer cloud, int linearizations, int chunk = 20_000_000, double? strength = null, int lastEvents = 0, int threads = 1) =>
        context.DeviceCloud().Trainers.MetaPatch(cloud, new MetaPatchTrainer.Options
        {
            PatchSize = 4,
            BottleneckSize = 2,
            Layers = [0],
            L2 = 1,
            InterceptL2 = 1,
            NumberOfSteps = 40,
            NumberOfLinearizations = linearizations,
            MaximumNumberOfEvents = lastEvents,
            Strength = strength,
            ChunkSize = chunk,
            Run = new TrainingRunOptions { Seed = 1, NumberOfThreads = threads },
        }).Fit(context.Data.LoadFromEnumerable(_planted.Device));

    private static float[] Collect(ITransformer fleet)
    {
        UserPatches patches = fleet.DeviceCloudModel().Patches!;
        return [.. Enumerable.Range(1, patches.NumberOfUsers).SelectMany(user => patches[user].ToArray())];
    }
}
