using System.Globalization;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.Device;

/// <summary>What every person's device learns by itself, against what <see cref="MetaPatchTrainer"/> learns for all of them in the cloud.</summary>
public sealed class DevicePersonalizerParityTests
{
    private const int NumberOfSteps = 40;
    private static readonly PlantedFleet _planted = new(1);

    // A device has no other people to ask whether patches help, only blocks of the owner's own events: its gate errs more often. Stated
    // tolerance: nine tenths of what the cloud's patches gain.
    [Test]
    public void LearnAsync_EverybodysOwnDevice_GainsWhatTheCloudGains([Values("din", "sasrec")] string backbone)
    {
        PlantedFleet planted = backbone == "din" ? _planted : new PlantedFleet(1, backbone: backbone);
        MLContext context = new(seed: 1);
        ITransformer cloud = planted.CreateModel(context);
        (ITransformer without, ITransformer fleet, ITransformer devices) = Learn(context, cloud, planted, planted.Device, hasLabels: true);

        double before = PlantedFleet.GetLoss(context, without, planted.Test);
        double byCloud = PlantedFleet.GetLoss(context, fleet, planted.Test);
        double byDevices = PlantedFleet.GetLoss(context, devices, planted.Test);
        TestContext.Out.WriteLine($"loss: cloud model {before:F4}, patches by the cloud {byCloud:F4}, by devices {byDevices:F4}, at best {planted.TestLoss:F4}");
        Assert.That(before - byCloud, Is.GreaterThan(backbone == "din" ? 0.1 : 0.03)); // the random SASRec leaves less to gain
        Assert.That(before - byDevices, Is.InRange(0.9 * (before - byCloud), 1.1 * (before - byCloud)));
    }

    // With 25 items hardly one is left that a user has not had: the cloud's gate, which ranks those, passes nobody, and devices' own patches
    // have to do no harm.
    [Test]
    public void LearnAsync_EventsWithoutLabels_RanksAsTheCloudsPatches()
    {
        MLContext context = new(seed: 1);
        ITransformer cloud = WithoutLabels(_planted.CreateModel(context));
        EventRow[] chosen = [.. _planted.Device.Where(row => row.Label)];
        (ITransformer without, ITransformer fleet, ITransformer devices) = Learn(context, cloud, _planted, chosen, hasLabels: false);

        double before = GetAuc(context, without);
        double byCloud = GetAuc(context, fleet);
        double byDevices = GetAuc(context, devices);
        TestContext.Out.WriteLine($"AUC: cloud model {before:F4}, patches by the cloud {byCloud:F4}, by devices {byDevices:F4}");
        Assert.That(devices.DeviceCloudModel().Patches!.NumberOfPatchedUsers, Is.Positive);
        Assert.That(byDevices, Is.EqualTo(byCloud).Within(0.02));
    }

    private static (ITransformer Without, ITransformer Fleet, ITransformer Devices) Learn(
        MLContext context, ITransformer cloud, PlantedFleet planted, IReadOnlyList<EventRow> events, bool hasLabels)
    {
        ITransformer fleet = context.DeviceCloud().Trainers.MetaPatch(cloud, Options()).Fit(context.Data.LoadFromEnumerable(events));
        ITransformer without = fleet.ReplaceDeviceCloudModel(fleet.DeviceCloudModel().WithPatches(null));
        return (without, fleet, LearnOnDevices(cloud, without, planted, events, hasLabels));
    }

    private static ITransformer WithoutLabels(ITransformer model)
    {
        DeviceCloudPredictionTransformer labelled = model.DeviceCloudModel();
        return model.ReplaceDeviceCloudModel(new DeviceCloudPredictionTransformer(
            labelled.Parameters, null, labelled.History, new InteractionColumns("UserKey", "ItemKey", "Timestamp"))
        {
            UserIds = labelled.UserIds,
            ItemIds = labelled.ItemIds,
            NumberOfThreads = 1,
        });
    }

    // The mean over users of how often a chosen item scores above a refused one.
    private static double GetAuc(MLContext context, ITransformer model)
    {
        IDataView scored = model.Transform(context.Data.LoadFromEnumerable(_planted.Test));
        float[] scores = [.. scored.GetColumn<float>("Score")];
        return _planted.Test.Select((row, i) => (row.User, row.Label, Score: scores[i])).GroupBy(row => row.User).Average(user =>
            (from chosen in user.Where(row => row.Label)
             from refused in user.Where(row => !row.Label)
             select chosen.Score > refused.Score ? 1.0 : chosen.Score < refused.Score ? 0 : 0.5).DefaultIfEmpty(0.5).Average());
    }

    private static ITransformer LearnOnDevices(
        ITransformer cloud, ITransformer without, PlantedFleet planted, IReadOnlyList<EventRow> events, bool hasLabels)
    {
        string folder = Directory.CreateTempSubdirectory("dccl-parity-").FullName;
        string model = Path.Combine(folder, "model");
        cloud.ExportForDevice(model);
        DevicePersonalizerOptions options = new()
        {
            L2 = 1,
            InterceptL2 = 1,
            NumberOfSteps = NumberOfSteps,
        };
        Dictionary<string, UserPatch> patches = [];
        for (int user = 1; user <= PlantedFleet.NumberOfUsers; user++)
        {
            string id = $"u{user.ToString(CultureInfo.InvariantCulture)}";
            using DevicePersonalizer device = new(model, Path.Combine(folder, id), options);
            foreach (EventRow row in planted.Cloud.Where(row => row.User == id && (hasLabels || row.Label)))
            {
                device.Record(row.Item, row.Timestamp, row.Label, isKnownToCloud: true);
            }

            foreach (EventRow row in events.Where(row => row.User == id))
            {
                device.Record(row.Item, row.Timestamp, row.Label);
            }

            device.LearnAsync().GetAwaiter().GetResult();
            if (device.Patch is UserPatch patch)
            {
                patches.Add(id, patch);
            }
        }

        Directory.Delete(folder, recursive: true);
        ITransformer result = without.WithUserPatches(patches, out IReadOnlyList<string> refusals);
        Assert.That(refusals, Is.Empty);
        return result;
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
