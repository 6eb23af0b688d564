using DCCL.ML;
using DCCL.ML.Device;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.Device;

/// <summary>What every person's device learns by itself, against what <see cref="MetaPatchTrainer"/> learns for all of them in the cloud.</summary>
public sealed class DevicePersonalizerParityTests
{
    private const int NumberOfSteps = 40;
    private const double RankingTolerance = 0.25;

    // A tenth of what the cloud's patches gain is the stated tolerance. A device has no other people to ask whether patches help, only blocks of the owner's own events: its gate errs more often.
    [Test]
    public void LearnAsync_EverybodysOwnDevice_GainsWhatTheCloudGains([Values("din", "sasrec")] string backbone)
    {
        PlantedFleet planted = new(1, backbone: backbone);
        MLContext context = new(seed: 1);
        (ITransformer without, ITransformer fleet, ITransformer devices) = Learn(context, planted.CreateModel(context), planted.Cloud, planted.Device);

        double before = PlantedFleet.GetLoss(context, without, planted.Test);
        double byCloud = PlantedFleet.GetLoss(context, fleet, planted.Test);
        double byDevices = PlantedFleet.GetLoss(context, devices, planted.Test);
        TestContext.Out.WriteLine($"loss: cloud model {before:F4}, patches by the cloud {byCloud:F4}, by devices {byDevices:F4}, at best {planted.TestLoss:F4}");
        Assert.That(before - byCloud, Is.GreaterThan(backbone == "din" ? 0.1 : 0.03)); // the random SASRec leaves less to gain
        Assert.That(before - byDevices, Is.EqualTo(before - byCloud).Within(0.1 * (before - byCloud)));
    }

    // Stated tolerance, of 800 test events each of which ranks well or does not: a quarter of what the cloud's patches gain in NDCG@10.
    [Test]
    public void LearnAsync_EventsWithoutLabels_RanksAsTheCloudsPatches([Values("din", "sasrec")] string backbone)
    {
        (double byCloud, double byDevices) = GetRankingGains(backbone);

        Assert.That(byDevices, Is.EqualTo(byCloud).Within(RankingTolerance * byCloud));
    }

    // What the test above is worth: devices whose steps are too short do not pass it.
    [Test]
    public void LearnAsync_AWrongStepSize_RanksWorseThanTheCloudsPatches()
    {
        (double byCloud, double byDevices) = GetRankingGains("din", learningRate: 0.001);

        Assert.That(byDevices, Is.LessThan((1 - RankingTolerance) * byCloud));
    }

    /// <summary>What patches gain in NDCG@10, each test event ranked among all items that its user has not had.</summary>
    private static (double ByCloud, double ByDevices) GetRankingGains(string backbone, double learningRate = 0.1)
    {
        PlantedChoices planted = new(1, backbone);
        MLContext context = new(seed: 1);
        (ITransformer without, ITransformer fleet, ITransformer devices) =
            Learn(context, planted.CreateModel(context), planted.Cloud, planted.Device, learningRate);
        IDataView test = context.Data.LoadFromEnumerable(planted.Test);
        double Rank(ITransformer model) => context.DeviceCloud().EvaluateRanking(model, test).Overall.Ndcg(10);

        double before = Rank(without);
        double byCloud = Rank(fleet);
        double byDevices = Rank(devices);
        int patchedByCloud = fleet.DeviceCloudModel().Patches!.NumberOfPatchedUsers;
        int patchedByDevices = devices.DeviceCloudModel().Patches!.NumberOfPatchedUsers;
        TestContext.Out.WriteLine(
            $"NDCG@10: cloud model {before:F4}, {patchedByCloud} patches by the cloud {byCloud:F4}, {patchedByDevices} by devices {byDevices:F4}");

        // Without many patches that matter the comparison would say nothing.
        Assert.That(patchedByCloud, Is.EqualTo(PlantedChoices.NumberOfUsers));
        Assert.That(byCloud, Is.GreaterThan(1.2 * before));
        return (byCloud - before, byDevices - before);
    }

    private static (ITransformer Without, ITransformer Fleet, ITransformer Devices) Learn(
        MLContext context, ITransformer cloud, IReadOnlyList<EventRow> known, IReadOnlyList<EventRow> events, double learningRate = 0.1)
    {
        ITransformer fleet = context.DeviceCloud().Trainers.MetaPatch(cloud, Options()).Fit(context.Data.LoadFromEnumerable(events));
        ITransformer without = fleet.ReplaceDeviceCloudModel(fleet.DeviceCloudModel().WithPatches(null));
        ITransformer devices = without.WithUserPatches(LearnOnDevices(cloud, known, events, learningRate), out IReadOnlyList<string> refusals);
        Assert.That(refusals, Is.Empty);
        return (without, fleet, devices);
    }

    private static Dictionary<string, UserPatch> LearnOnDevices(
        ITransformer cloud, IReadOnlyList<EventRow> known, IReadOnlyList<EventRow> events, double learningRate)
    {
        string folder = Directory.CreateTempSubdirectory("dccl-parity-").FullName;
        string model = Path.Combine(folder, "model");
        cloud.ExportForDevice(model);
        DevicePersonalizerOptions options = new() { L2 = 1, InterceptL2 = 1, NumberOfSteps = NumberOfSteps, LearningRate = learningRate };
        Dictionary<string, UserPatch> patches = [];
        foreach (string user in events.Select(row => row.User).Distinct())
        {
            using DevicePersonalizer device = new(model, Path.Combine(folder, user), options);
            foreach (EventRow row in known.Where(row => row.User == user))
            {
                device.Record(row.Item, row.Timestamp, row.Label, isKnownToCloud: true);
            }

            foreach (EventRow row in events.Where(row => row.User == user))
            {
                device.Record(row.Item, row.Timestamp, row.Label);
            }

            device.LearnAsync().GetAwaiter().GetResult();
            if (device.Patch is UserPatch patch)
            {
                patches.Add(user, patch);
            }
        }

        Directory.Delete(folder, recursive: true);
        return patches;
    }

    private static MetaPatchTrainer.Options Options() => new()
    {
        PatchSize = 4,
        BottleneckSize = 2,
        Layers = [0],
        L2 = 1,
        InterceptL2 = 1,
        NumberOfSteps = NumberOfSteps,
        Run = new TrainingRunOptions { Seed = 1, NumberOfThreads = 1 },
    };
}
