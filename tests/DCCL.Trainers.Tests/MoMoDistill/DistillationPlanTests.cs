using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.TestKit;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.MoMoDistill;
using DCCL.Trainers.Tests.Torch;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MoMoDistill;

public sealed class DistillationPlanTests
{
    [Test]
    public void Create_RandomLogs_DividesEveryEventOnce([Range(1, 10)] int seed, [Values] bool hasLabels)
    {
        SeededRandom random = new(seed);
        InteractionLog log = new RandomLog(random, hasLabels).Log;
        EventTable events = EventTable.Create(log, 4, usesProfiles: false, (_, _) => true);
        int folds = 2 + random.Next(3);

        DistillationPlan plan = DistillationPlan.Create(events, FirstDeviceEvent, folds, 0.3, random);

        int[] device = [.. Enumerable.Range(0, events.Count).Where(i => events.Indices[i] >= FirstDeviceEvent(events.Users[i]))];
        Assert.That(plan.DeviceEvents, Is.EqualTo(device));
        Assert.That(plan.StageTwo, Is.SubsetOf(device));
        Assert.That(plan.StageOne.Concat(plan.StageTwo), Is.EquivalentTo(Enumerable.Range(0, events.Count)));
        foreach (int i in Enumerable.Range(0, events.Count))
        {
            int ordinal = device.Count(other => events.Users[other] == events.Users[i] && other < i);
            int expected = !device.Contains(i) ? -1 : plan.StageTwo.Contains(i) ? plan.StageTwoFold : ordinal % folds;
            Assert.That(plan.Folds[i], Is.EqualTo(expected));
        }

        int FirstDeviceEvent(int user) => log.GetItems(user).Length / 2;
    }

    [Test]
    public void Create_ManyEvents_LeavesTheShareToStageTwo()
    {
        InteractionLog log = new RandomLog(new SeededRandom(1), hasLabels: true, numberOfUsers: 20, numberOfEvents: 2000).Log;
        EventTable events = EventTable.Create(log, 4, usesProfiles: false, (_, _) => true);

        DistillationPlan plan = DistillationPlan.Create(events, _ => 0, 4, 0.3, new SeededRandom(1));

        // 2,000 draws of probability 0.3: the standard deviation is 20.5, four of them 82.
        Assert.That(plan.StageTwo, Has.Length.EqualTo(600).Within(82));
    }

    [Test]
    public void CrossFit_AnEventsTeacher_HasNotSeenTheEvent()
    {
        PlantedFleet planted = new(1);
        MLContext context = new(seed: 1);
        DeviceCloudModelParameters parameters = planted.Parameters;
        using TrainingRun run = new(context, "test", new TrainingRunOptions { NumberOfThreads = 1 });
        using TorchBackbone module = Backbones.Create(parameters);
        using TorchBackbone frozen = module.Replicate(frozen: true);
        using PatchTensors patch = TorchModels.CreatePatch(parameters);
        MetaPatchTrainer.Options options = new() { PatchSize = 4, BottleneckSize = 2, Layers = [0], L2 = 1 };
        UserPatches patches = new(4, [.. planted.Thetas], [.. Enumerable.Repeat(PatchStatus.Patched, PlantedFleet.NumberOfUsers)]);
        PatchTraining training = new(run, options, frozen);

        // What users answered last: no history depends on it.
        (Teachers before, DistillationPlan plan, EventTable events) = CrossFit(flipped: 0);
        for (int user = 1; user <= 5; user++)
        {
            int last = Array.FindLastIndex(events.Users.ToArray(), other => other == user);
            (Teachers after, _, _) = CrossFit(flipped: user);

            for (int fold = 0; fold <= plan.StageTwoFold; fold++)
            {
                bool isSame = after.GetPatch(user, fold).SequenceEqual(before.GetPatch(user, fold));
                Assert.That(isSame, Is.EqualTo(fold == plan.Folds[last]), $"user {user}, fold {fold}");
                Assert.That(after.GetPatch(user + 1, fold).ToArray(), Is.EqualTo(before.GetPatch(user + 1, fold).ToArray()).Within(1e-5));
            }
        }

        (Teachers Teachers, DistillationPlan Plan, EventTable Events) CrossFit(int flipped)
        {
            EventRow[] rows = [.. planted.Device.Select(row => row)];
            int index = Array.FindLastIndex(rows, row => row.User == $"u{flipped}");
            if (index >= 0)
            {
                EventRow old = rows[index];
                rows[index] = new EventRow { User = old.User, Item = old.Item, Timestamp = old.Timestamp, Label = !old.Label };
            }

            InteractionLog log = InteractionLog.Read(PlantedFleet.MapKeys(context).Transform(context.Data.LoadFromEnumerable(rows)), PlantedFleet.Columns);
            EventTable table = EventTable.Create(log, 5, usesProfiles: false, (_, _) => true);
            DistillationPlan result = DistillationPlan.Create(table, _ => 0, 3, 0.2, new SeededRandom(1));
            return (new Teachers(frozen, patch, patches, result.CrossFit(training, patch, table, log, patches, run), new Dictionary<int, int>()), result, table);
        }
    }

    // The cloud's events are in every teacher that is a sum, each fold's in all but one.
    [Test]
    public void CrossSum_RandomLogs_SumsAllItemsButTheFolds([Range(1, 5)] int seed)
    {
        const int factors = 3;
        SeededRandom random = new(seed);
        InteractionLog log = new RandomLog(random, hasLabels: false).Log;
        EventTable events = EventTable.Create(log, 4, usesProfiles: false, (_, _) => true);
        DistillationPlan plan = DistillationPlan.Create(events, user => log.GetItems(user).Length / 2, 3, 0.2, random);
        DinArchitecture architecture = new()
        {
            NumberOfItems = log.NumberOfItems,
            EmbeddingDimension = 6,
            HistoryLength = 4,
            ActivationUnitSize = 4,
            HiddenLayerSizes = [8],
        };
        DeviceCloudModelParameters parameters = RandomModel.Create(
            random, architecture, new PatchArchitecture { PatchSize = 1 + factors, NumberOfItemFactors = factors, Layers = [0] });
        using TrainingRun run = new(new MLContext(seed: 1), "test", new TrainingRunOptions { NumberOfThreads = 1 });
        MetaPatchTrainer.Options options = new() { L2 = 5 };
        float[][] tables = [.. Enumerable.Range(0, plan.StageTwoFold + 1).Select(fold => Array.ConvertAll(parameters["patch.factors"].ToArray(), value => (1 + fold) * value))];
        UserPatches patched = new(
            1 + factors, new float[log.NumberOfUsers * (1 + factors)], [.. Enumerable.Range(1, log.NumberOfUsers).Select(user => user == 2 ? PatchStatus.Gated : PatchStatus.Patched)]);

        float[][] patches = DistillationPlan.CrossSum(
            [.. tables.Select(own => new FactorSums(run, own, factors, options))], strength: 0.5, events.Select(plan.DeviceEvents),
            [.. plan.DeviceEvents.Select(index => plan.Folds[index])], log, patched, run);

        foreach ((int user, int first, int count) in events.GetUsers())
        {
            for (int fold = 0; fold <= plan.StageTwoFold; fold++)
            {
                int[] left = [.. Enumerable.Range(first, count).Where(i => plan.Folds[i] == fold).Select(i => events.Indices[i])];
                int[] items = [.. log.GetItems(user).ToArray().Where((_, index) => user != 2 && !left.Contains(index)).Distinct()];
                double[] expected = [0, .. Enumerable.Range(0, factors).Select(k => 0.5 / (4 * options.L2) * items.Sum(item => (double)tables[fold][(item * factors) + k]))];
                Assert.That(patches[fold].AsSpan((user - 1) * expected.Length, expected.Length).ToArray(), Is.EqualTo(expected).Within(1e-4));
            }
        }
    }
}
