using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class MetaPatchTrainerTests
{
    private static readonly PlantedFleet _planted = new(1);

    [Test]
    public void Fit_AnswersDrawnFromTheBasis_FindsMostOfWhatPatchesCanGain([Values("din", "sasrec")] string backbone)
    {
        PlantedFleet planted = Plant(backbone);
        MLContext context = new(seed: 1);
        ITransformer cloud = planted.CreateModel(context);

        ITransformer fleet = Fit(context, cloud, Options(), planted);

        // The gap between the cloud model and the truth is the most that a patch could gain; 40 events for 4 numbers close most of it. The random
        // SASRec is surer of its answers, so that they tell less of a patch.
        (double least, double share) = backbone == "din" ? (0.1, 0.4) : (0.05, 0.5);
        ITransformer remembering = WithoutPatches(fleet);
        double gap = PlantedFleet.GetLoss(context, remembering, planted.Test) - planted.TestLoss;
        double rest = PlantedFleet.GetLoss(context, fleet, planted.Test) - planted.TestLoss;
        Assert.That(gap, Is.GreaterThan(least));
        Assert.That(rest, Is.LessThan(share * gap));
    }

    [Test]
    public void Fit_ANewBasis_HelpsOnUnseenEvents([Values] PatchBasisSource basis, [Values("din", "sasrec")] string backbone)
    {
        PlantedFleet planted = Plant(backbone);
        MLContext context = new(seed: 1);
        ITransformer cloud = planted.CreateModel(context, withBasis: false);

        ITransformer fleet = Fit(context, cloud, Options(size: 8, l2: 8, basis: basis), planted);

        double before = PlantedFleet.GetLoss(context, WithoutPatches(fleet), planted.Test);
        Assert.That(PlantedFleet.GetLoss(context, fleet, planted.Test), Is.LessThan(before - 0.02));
        Assert.That(fleet.DeviceCloudModel().Parameters.Patch!.PatchSize, Is.EqualTo(8));
    }

    [Test]
    public void Fit_ARawLog_ReturnsAChainOfTheSameFormWithPatchesInside()
    {
        MLContext context = new(seed: 1);
        ITransformer cloud = _planted.CreateModel(context, withBasis: false);
        EventRow[] log = [.. _planted.Device.Where(row => row.User is not "u7")];

        ITransformer fleet = context.DeviceCloud().Trainers.MetaPatch(cloud, Options(basis: PatchBasisSource.Random))
            .Fit(context.Data.LoadFromEnumerable(log));

        DeviceCloudPredictionTransformer model = fleet.DeviceCloudModel();
        Assert.That(fleet, Is.InstanceOf<TransformerChain<DeviceCloudPredictionTransformer>>());
        Assert.That(model.UserIds, Is.EqualTo(cloud.DeviceCloudModel().UserIds));
        Assert.That(model.Columns, Is.EqualTo(PlantedFleet.Columns));
        Assert.That(model.Patches!.GetStatus(7), Is.EqualTo(PatchStatus.Cloud));
        Assert.That(model.Patches.NumberOfPatchedUsers, Is.GreaterThan(15));
        for (int user = 1; user <= PlantedFleet.NumberOfUsers; user++)
        {
            Assert.That(model.Patches[user].ContainsAnyExcept(0f), Is.EqualTo(model.Patches.GetStatus(user) == PatchStatus.Patched));
        }

        // Backbone and cut-offs stay; histories go on.
        DeviceCloudModelParameters old = cloud.DeviceCloudModel().Parameters;
        Assert.That(old.TensorShapes.All(shape => model.Parameters[shape.Name].Span.SequenceEqual(old[shape.Name].Span)), Is.True);
        Assert.That(model.History.Cutoffs.ToArray(), Is.EqualTo(cloud.DeviceCloudModel().History.Cutoffs.ToArray()));
        int[] expected = [.. _planted.Device.Where(row => row is { User: "u1", Label: true }).TakeLast(5).Select(row => int.Parse(row.Item[1..]))];
        Assert.That(model.History.GetRecentItems(1, 5).ToArray(), Is.EqualTo(expected));
        Assert.That(model.History.GetItems(1).ToArray(), Is.SupersetOf(cloud.DeviceCloudModel().History.GetItems(1).ToArray()));
        Assert.That(model.History.GetItems(7).ToArray(), Is.EqualTo(cloud.DeviceCloudModel().History.GetItems(7).ToArray()));
    }

    [Test]
    public void Fit_ARawLogWithoutAColumn_SaysWhich([Values("User", "Timestamp")] string column)
    {
        MLContext context = new(seed: 1);
        IDataView log = context.Transforms.DropColumns(column).Fit(context.Data.LoadFromEnumerable(_planted.Device))
            .Transform(context.Data.LoadFromEnumerable(_planted.Device));
        MetaPatchTrainer trainer = context.DeviceCloud().Trainers.MetaPatch(_planted.CreateModel(context), Options());

        Assert.That(() => trainer.Fit(log), Throws.InstanceOf<ArgumentException>().With.Message.Contains($"'{column}'"));
    }

    [Test]
    public void Fit_EventsWithoutLabels_LearnsFromSampledNegatives()
    {
        // In the device's period everybody turns to a single item each, that the cloud model knows nothing of.
        MLContext context = new(seed: 1);
        Checkerboard board = new();
        ITransformer cloud = EventRow.MapKeys(context).Append(context.DeviceCloud().Trainers.Din(new DinTrainer.Options
        {
            Columns = new InteractionColumns("UserKey", "ItemKey", "Timestamp"),
            EmbeddingDimension = 8,
            ActivationUnitSize = 6,
            HistoryLength = 6,
            HiddenLayerSizes = [10, 8],
            NumberOfEpochs = 3,
            BatchSize = 50,
            LearningRate = 0.01,
            NumberOfValidationUsers = 0,
            Run = new TrainingRunOptions { NumberOfThreads = 1 },
        })).Fit(context.Data.LoadFromEnumerable(board.Events));
        EventRow[] device =
        [
            .. board.HeldOut.SelectMany(pair => Enumerable.Range(0, 10).Select(i => new EventRow
            {
                User = pair.Key, Item = $"{(pair.Key[0] == 'a' ? 'b' : 'a')}{pair.Value[1]}", Timestamp = 1000 + i,
            })),
        ];

        ITransformer fleet = context.DeviceCloud().Trainers.MetaPatch(cloud, Options(size: 8, l2: 1, basis: PatchBasisSource.Random))
            .Fit(context.Data.LoadFromEnumerable(device));

        IDataView rows = context.Data.LoadFromEnumerable(device.DistinctBy(row => row.User));
        float[] patched = [.. fleet.Transform(rows).GetColumn<float>("Score")];
        float[] plain = [.. WithoutPatches(fleet).Transform(rows).GetColumn<float>("Score")];
        Assert.That(fleet.DeviceCloudModel().Patches!.NumberOfPatchedUsers, Is.GreaterThan(20));
        Assert.That(patched.Zip(plain, (x, y) => x - y).Average(), Is.GreaterThan(0.5));
    }

    [Test]
    public void Fit_AUserWhomThePatchDoesNotHelp_IsGatedAndScoredByTheCloudModel()
    {
        // User 3 likes everything until the events that are held back, and nothing of them: the patch learns the wrong thing.
        MLContext context = new(seed: 1);
        EventRow[] log =
        [
            .. _planted.Device.Select(row => row.User != "u3" ? row : new EventRow
            {
                User = row.User, Item = row.Item, Timestamp = row.Timestamp, Label = row.Timestamp < 1000 + (0.8 * PlantedFleet.NumberOfDeviceEvents),
            }),
        ];
        ITransformer cloud = _planted.CreateModel(context);

        ITransformer fleet = context.DeviceCloud().Trainers.MetaPatch(cloud, Options()).Fit(context.Data.LoadFromEnumerable(log));

        Assert.That(fleet.DeviceCloudModel().Patches!.GetStatus(3), Is.EqualTo(PatchStatus.Gated));
        IDataView rows = context.Data.LoadFromEnumerable(_planted.Test.Where(row => row.User == "u3"));
        Assert.That(
            fleet.Transform(rows).GetColumn<float>("Score"), Is.EqualTo(WithoutPatches(fleet).Transform(rows).GetColumn<float>("Score")));
        Assert.That(fleet.Transform(rows).GetColumn<uint>("PatchStatus"), Is.All.EqualTo((uint)PatchStatus.Gated));
    }

    [Test]
    public void Fit_TheSameSeed_GivesTheSameBytesWithAnyNumberOfThreads([Values(1, 2)] int threads)
    {
        MLContext context = new(seed: 1);
        ITransformer cloud = _planted.CreateModel(context, withBasis: false);
        IDataView log = context.Data.LoadFromEnumerable(_planted.Device);

        ITransformer first = Fit(context, cloud, Options(chunk: 4000, epochs: 1));
        ITransformer second = Fit(new MLContext(seed: 2), cloud, Options(chunk: 4000, epochs: 1, threads: threads));
        ITransformer other = Fit(context, cloud, Options(chunk: 4000, epochs: 1, seed: 2));

        Assert.That(ModelParts.Read(context, second, log.Schema), Is.EqualTo(ModelParts.Read(context, first, log.Schema)));
        Assert.That(other.DeviceCloudModel().Parameters.Fingerprint, Is.Not.EqualTo(first.DeviceCloudModel().Parameters.Fingerprint));
    }

    [Test]
    public void Fit_SmallerChunks_GiveTheSamePatches()
    {
        MLContext context = new(seed: 1);
        ITransformer cloud = _planted.CreateModel(context);

        UserPatches together = Fit(context, cloud, Options(steps: 10)).DeviceCloudModel().Patches!;
        UserPatches apart = Fit(context, cloud, Options(steps: 10, chunk: 1)).DeviceCloudModel().Patches!;

        for (int user = 1; user <= PlantedFleet.NumberOfUsers; user++)
        {
            Assert.That(apart[user].ToArray(), Is.EqualTo(together[user].ToArray()).Within(1e-5));
            Assert.That(apart.GetStatus(user), Is.EqualTo(together.GetStatus(user)));
        }
    }

    [Test]
    public void Fit_AModelThatHasPatches_StartsFromThem()
    {
        MLContext context = new(seed: 1);
        float[] wrong = [.. _planted.Thetas.Select(value => -value)];
        UserPatches start = new(4, [.. wrong], [.. Enumerable.Repeat(PatchStatus.Patched, PlantedFleet.NumberOfUsers)]);
        ITransformer cloud = _planted.CreateModel(context, patches: start);

        UserPatches held = Fit(context, cloud, Options(l2: 1e6, interceptL2: 1e6)).DeviceCloudModel().Patches!;
        UserPatches moved = Fit(context, cloud, Options()).DeviceCloudModel().Patches!;

        // Held by the prior: Adam's steps shrink to nothing around the start, but not to zero.
        Assert.That(Enumerable.Range(1, 30).SelectMany(user => held[user].ToArray()), Is.EqualTo(wrong).Within(0.02));
        Assert.That(held.NumberOfPatchedUsers, Is.EqualTo(30), "Whoever is gated keeps the starting point.");
        Assert.That(Enumerable.Range(1, 30).Count(user => Distance(moved, user) > 0.1), Is.GreaterThan(20));

        double Distance(UserPatches patches, int user) => Enumerable.Range(0, 4).Max(k => Math.Abs(patches[user][k] - wrong[((user - 1) * 4) + k]));
    }

    [Test]
    public void Fit_PatchSizeOne_LearnsASmoothedInterceptForEachUser()
    {
        MLContext context = new(seed: 1);
        ITransformer cloud = _planted.CreateModel(context, withBasis: false);

        ITransformer fleet = Fit(context, cloud, Options(size: 1, layers: null));

        // Scores of a user differ from the cloud model's by one number.
        UserPatches patches = fleet.DeviceCloudModel().Patches!;
        IDataView rows = context.Data.LoadFromEnumerable(_planted.Test);
        float[] patched = [.. fleet.Transform(rows).GetColumn<float>("Score")];
        float[] plain = [.. WithoutPatches(fleet).Transform(rows).GetColumn<float>("Score")];
        Assert.That(patches.NumberOfPatchedUsers, Is.GreaterThan(10));
        Assert.That(
            patched.Zip(plain, (x, y) => x - y),
            Is.EqualTo(_planted.Test.Select(row => patches[int.Parse(row.User[1..])][0])).Within(1e-5));
    }

    [Test]
    public void Fit_EventsThatAModelWithPatchesWasFittedTo_KeepsThePatches()
    {
        MLContext context = new(seed: 1);
        List<string> messages = [];
        context.Log += (_, entry) => messages.Add(entry.Message);
        float[] thetas = [.. _planted.Thetas];
        ITransformer fleet = _planted.CreateModel(
            context, patches: new UserPatches(4, thetas, [.. Enumerable.Repeat(PatchStatus.Patched, PlantedFleet.NumberOfUsers)]));

        ITransformer again = context.DeviceCloud().Trainers.MetaPatch(fleet, Options()).Fit(context.Data.LoadFromEnumerable(_planted.Cloud));

        Assert.That(messages, Has.Some.EndsWith("the cloud model was fitted to them, and its patches stay as they are. Pass later events."));
        Assert.That(
            Enumerable.Range(1, PlantedFleet.NumberOfUsers).SelectMany(user => again.DeviceCloudModel().Patches![user].ToArray()), Is.EqualTo(thetas));
    }

    [Test]
    public void Fit_StrangersAndUnknownItems_AreLeftOut()
    {
        MLContext context = new(seed: 1);
        ITransformer cloud = _planted.CreateModel(context);
        EventRow[] log =
        [
            .. _planted.Device,
            new() { User = "stranger", Item = "i1", Timestamp = 1500 },
            new() { User = "u1", Item = "unheard of", Timestamp = 1500 },
        ];

        UserPatches actual = context.DeviceCloud().Trainers.MetaPatch(cloud, Options()).Fit(context.Data.LoadFromEnumerable(log)).DeviceCloudModel().Patches!;

        UserPatches expected = Fit(context, cloud, Options()).DeviceCloudModel().Patches!;
        Assert.That(actual[1].ToArray(), Is.EqualTo(expected[1].ToArray()));
    }

    [Test]
    public void Fit_AnL2TooWeak_IsMadeUpForByTheSizeOfTheColumns([Values(PatchBasisSource.Learned, PatchBasisSource.Random)] PatchBasisSource basis)
    {
        MLContext context = new(seed: 1);
        ITransformer cloud = _planted.CreateModel(context, withBasis: false);

        double intercept = GetGain(size: 1, l2: 1);
        double weak = GetGain(size: 8, l2: 0.1);

        // Columns left at their first size would lose 0.013 of the intercept's gain, 0.18, by over-fitting.
        Assert.That(weak, Is.GreaterThan(intercept - 0.009));

        double GetGain(int size, double l2) =>
            PlantedFleet.GetLoss(context, cloud, _planted.Test)
            - PlantedFleet.GetLoss(context, Fit(context, cloud, Options(size: size, l2: l2, basis: basis, epochs: 15)), _planted.Test);
    }

    [Test]
    public void Fit_Cancelled_Throws()
    {
        MLContext context = new(seed: 1);
        using CancellationTokenSource source = new();
        source.Cancel();
        ITransformer cloud = _planted.CreateModel(context);

        Assert.That(() => Fit(context, cloud, Options(token: source.Token)), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void Fit_ReportsItsStages()
    {
        MLContext context = new(seed: 1);
        Watcher watcher = new();

        Fit(context, _planted.CreateModel(context, withBasis: false), Options(epochs: 2, progress: watcher));

        Assert.That(watcher.Reports.Select(report => report.Stage).Distinct(), Is.EqualTo(new[] { "metapatch: basis", "metapatch: patches" }));
        Assert.That(watcher.Reports[^1].Fraction, Is.EqualTo(1));
    }

    [Test]
    public void Fit_MoreStepsAndEpochs_LeaveNoMoreTensors([Values(1, 2)] int threads)
    {
        MLContext context = new(seed: 1);
        ITransformer cloud = _planted.CreateModel(context, withBasis: false);
        Fit(context, cloud, Options(epochs: 1, steps: 2, threads: threads));

        long few = LiveTensors.CountNew(() => Fit(context, cloud, Options(epochs: 1, steps: 2, threads: threads)));
        long many = LiveTensors.CountNew(() => Fit(context, cloud, Options(epochs: 2, steps: 5, threads: threads)));

        Assert.That(many, Is.EqualTo(few));
    }

    internal static MetaPatchTrainer.Options Options(
        int size = 4, double l2 = 1, double interceptL2 = 1, PatchBasisSource basis = PatchBasisSource.Learned, int chunk = 20_000_000, int epochs = 5,
        int steps = 40, int threads = 1, int seed = 1, int[]? layers = null, IProgress<TrainingProgress>? progress = null,
        CancellationToken token = default) => new()
        {
            PatchSize = size,
            BottleneckSize = 2,
            Layers = size == 1 ? null : layers ?? [0],
            Basis = basis,
            L2 = l2,
            InterceptL2 = interceptL2,
            NumberOfSteps = steps,
            NumberOfBasisEpochs = epochs,
            ChunkSize = chunk,
            Run = new TrainingRunOptions { Seed = seed, NumberOfThreads = threads, Progress = progress, CancellationToken = token },
        };

    private static ITransformer Fit(MLContext context, ITransformer cloud, MetaPatchTrainer.Options options, PlantedFleet? planted = null) =>
        context.DeviceCloud().Trainers.MetaPatch(cloud, options).Fit(context.Data.LoadFromEnumerable((planted ?? _planted).Device));

    private static PlantedFleet Plant(string backbone) => backbone == "din" ? _planted : new PlantedFleet(1, backbone: backbone);

    private static ITransformer WithoutPatches(ITransformer fleet) =>
        fleet.ReplaceDeviceCloudModel(fleet.DeviceCloudModel().WithPatches(null));
}
