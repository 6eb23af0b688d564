using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.MoMoDistill;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MoMoDistill;

public sealed class MoMoDistillEstimatorTests
{
    private static readonly PlantedFleet _planted = new(1, sameForAll: true);
    private static readonly PlantedFleet _personal = new(2);

    [Test]
    public void Fit_WithoutTeachers_IsTrainingTheCloudModelOnBitForBit([Values(1, 2)] int threads, [Values(0, 1)] int patchEpochs)
    {
        MLContext context = new(seed: 1);
        ITransformer fleet = CreateFleet(context);

        DeviceCloudModelParameters distilled = Fit(context, fleet, Options(beta: 0, epochs: 1, patchEpochs: patchEpochs, threads: threads)).DeviceCloudModel().Parameters;

        InteractionLog cloud = Read(context, _planted.Cloud);
        InteractionLog log = cloud.Merge(Read(context, _planted.Device));
        EventTable events = EventTable.Create(log, 5, usesProfiles: false, (_, _) => true);
        SeededRandom random = new(1);
        DistillationPlan plan = DistillationPlan.Create(events, user => cloud.GetItems(user).Length, 3, 0.2, random);
        using TorchBackbone module = Backbones.Create(_planted.Parameters);
        CloudTraining.Settings settings = new(64, 0.01, 0, 4, CandidateLoss.BinaryCrossEntropy, threads);
        using CloudTraining training = new(module, events.Select(plan.StageOne), log, settings, random.Fork(1));
        training.RunEpoch(teacher: null, _ => { });
        foreach ((string name, float[] values) in module.Export())
        {
            Assert.That(distilled[name].ToArray(), Is.EqualTo(values), name);
        }
    }

    [Test]
    public void Fit_WithoutTeachers_DoesNotDependOnThePatchesButWithThemItDoes()
    {
        MLContext context = new(seed: 1);
        ITransformer patched = CreateFleet(context, _personal);
        ITransformer gated = _personal.CreateModel(context, patches: new UserPatches(
            4, new float[_personal.Thetas.Length], [.. Enumerable.Repeat(PatchStatus.Gated, PlantedFleet.NumberOfUsers)]));

        float[] none = GetBackbone(Fit(context, patched, Options(beta: 0, rate: 0.002), _personal));

        Assert.That(GetBackbone(Fit(context, gated, Options(beta: 0, rate: 0.002), _personal)), Is.EqualTo(none));
        Assert.That(GetBackbone(Fit(context, gated, Options(beta: 1, rate: 0.002), _personal)), Is.EqualTo(none), "Who is gated teaches nothing.");
        Assert.That(GetBackbone(Fit(context, patched, Options(beta: 1, rate: 0.002), _personal)), Is.Not.EqualTo(none));
    }

    [Test]
    public void Fit_WhatIsNewForEverybody_FlowsBackIntoTheCloudModel([Values("din", "sasrec")] string backbone)
    {
        PlantedFleet planted = backbone == "din" ? _planted : new PlantedFleet(1, sameForAll: true, backbone: backbone);
        MLContext context = new(seed: 1);
        ITransformer fleet = CreateFleet(context, planted);

        ITransformer distilled = Fit(context, fleet, Options(beta: 2, epochs: 8), planted);

        // Everybody has changed alike. The patches know it, the old cloud model does not.
        double old = PlantedFleet.GetLoss(context, WithoutPatches(fleet, distilled), planted.Test);
        double gap = old - planted.TestLoss;
        Assert.That(gap, Is.GreaterThan(0.1));
        Assert.That(PlantedFleet.GetLoss(context, WithoutPatches(distilled, distilled), planted.Test) - planted.TestLoss, Is.LessThan(0.5 * gap));
    }

    [Test]
    public void Fit_EpochsThatOnlyHarmWithLabels_KeepsTheModelThatItBeganWith()
    {
        MLContext context = new(seed: 1);
        ITransformer fleet = CreateFleet(context);

        Assert.That(GetBackbone(Fit(context, fleet, Options(beta: 0, rate: 3))), Is.EqualTo(GetBackbone(fleet)));
        Assert.That(GetBackbone(Fit(context, fleet, Options(beta: 0))), Is.Not.EqualTo(GetBackbone(fleet)));
    }

    [Test]
    public void Fit_AHeavierTeacher_BringsTheCloudModelCloserToThePatchedOnes()
    {
        MLContext context = new(seed: 1);
        ITransformer fleet = CreateFleet(context);
        float[] teacher = Score(context, fleet, fleet);

        double[] distances =
        [
            .. new[] { 0.0, 1, 20 }.Select(beta =>
            {
                ITransformer distilled = Fit(context, fleet, Options(beta: beta, epochs: 3, teacherEpochs: 0));
                return Score(context, WithoutPatches(distilled, fleet), fleet).Zip(teacher, (x, y) => Math.Pow(x - y, 2)).Average();
            }),
        ];

        Assert.That(distances, Is.Ordered.Descending);
    }

    [Test]
    public void Fit_TeacherEpochs_ChangeNothingButTheTeachers()
    {
        MLContext context = new(seed: 1);
        ITransformer fleet = CreateFleet(context, _personal);

        float[][] without = [.. new[] { 0, 2 }.Select(epochs => GetBackbone(Fit(context, fleet, Options(beta: 0, rate: 0.002, teacherEpochs: epochs), _personal)))];
        float[][] with = [.. new[] { 0, 2 }.Select(epochs => GetBackbone(Fit(context, fleet, Options(beta: 1, rate: 0.002, teacherEpochs: epochs), _personal)))];

        Assert.That(without[0], Is.EqualTo(without[1]));
        Assert.That(with[0], Is.Not.EqualTo(with[1]));
    }

    [Test]
    public void TrainTeacher_AModel_IsPlainTrainingInOtherBatchesThanTheStudents()
    {
        MLContext context = new(seed: 1);
        InteractionLog cloud = Read(context, _planted.Cloud);
        InteractionLog log = cloud.Merge(Read(context, _planted.Device));
        EventTable events = EventTable.Create(log, 5, usesProfiles: false, (_, _) => true);
        DistillationPlan plan = DistillationPlan.Create(events, user => cloud.GetItems(user).Length, 3, 0.2, new SeededRandom(1));
        using TrainingRun run = new(context, "test", new TrainingRunOptions { NumberOfThreads = 1 });
        using TorchBackbone actual = Backbones.Create(_planted.Parameters);
        using TorchBackbone expected = Backbones.Create(_planted.Parameters);

        new CloudDistillation(run, Options(teacherEpochs: 2), events, log, plan).TrainTeacher(actual);

        CloudTraining.Settings settings = new(64, 0.01, 0, 4, CandidateLoss.BinaryCrossEntropy, 1);
        using CloudTraining training = new(expected, events.Select(plan.StageOne), log, settings, new SeededRandom(1).Fork(2));
        training.RunEpoch(teacher: null, _ => { });
        training.RunEpoch(teacher: null, _ => { });
        Assert.That(actual.Export(), Is.EqualTo(expected.Export()));
    }

    [Test]
    public void Fit_NoSecondStage_MigratesPatchesThatActAsBeforeAtTheStrengthOfTheGate()
    {
        MLContext context = new(seed: 1);
        ITransformer fleet = CreateFleet(context, _personal);

        DeviceCloudPredictionTransformer migrated = Fit(context, fleet, Options(patchEpochs: 0), _personal).DeviceCloudModel();

        // The basis has been rescaled, theta inversely: the products of both are the old ones, times what the gate left of a patch.
        PatchArchitecture shape = _personal.Parameters.Patch!;
        TensorShape basis = shape.GetTensors(_personal.Parameters.Architecture).Single(tensor => tensor.Name.EndsWith("basis", StringComparison.Ordinal));
        int width = basis.Dimensions[1];
        HashSet<(float, float)> strengths = [];
        for (int user = 1; user <= PlantedFleet.NumberOfUsers; user++)
        {
            float[] old = [.. _personal.Thetas.AsSpan((user - 1) * shape.PatchSize, shape.PatchSize)];
            ReadOnlySpan<float> theta = migrated.Patches![user];
            float intercept = theta[0] / old[0];
            double[] others =
            [
                .. Enumerable.Range(1, shape.PatchSize - 1).Select(k =>
                    (double)migrated.Patches[user][k] * migrated.Parameters[basis.Name].Span[(k - 1) * width]
                    / ((double)old[k] * _personal.Parameters[basis.Name].Span[(k - 1) * width])),
            ];
            (float Intercept, float Others)[] candidates =
                [.. PatchGate.Strengths.Where(s => Math.Abs(s.Intercept - intercept) < 1e-4 && others.All(x => Math.Abs(x - s.Others) < 1e-4))];
            Assert.That(candidates, Has.Length.EqualTo(1), $"user {user}: {intercept}, {string.Join(' ', others)}");
            strengths.Add(candidates[0]);
            Assert.That(migrated.Patches.GetStatus(user), Is.EqualTo(candidates[0] == (0, 0) ? PatchStatus.Gated : PatchStatus.Patched));
        }

        Assert.That(strengths, Has.Some.Matches<(float, float Others)>(strength => strength.Others > 0));
    }

    [Test]
    public void Fit_ARawLog_ReturnsAChainWithANewModelAndMigratedPatches()
    {
        MLContext context = new(seed: 1);
        PatchStatus[] statuses = [.. Enumerable.Repeat(PatchStatus.Patched, PlantedFleet.NumberOfUsers)];
        statuses[4] = PatchStatus.Gated;
        statuses[5] = PatchStatus.Cloud;
        float[] thetas = [.. _personal.Thetas];
        thetas.AsSpan(4 * 4, 8).Clear();
        ITransformer fleet = _personal.CreateModel(context, patches: new UserPatches(4, thetas, statuses));

        ITransformer distilled = Fit(context, fleet, Options(), _personal);

        DeviceCloudPredictionTransformer model = distilled.DeviceCloudModel();
        Assert.That(distilled, Is.InstanceOf<TransformerChain<DeviceCloudPredictionTransformer>>());
        Assert.That(model.Parameters.Fingerprint, Is.Not.EqualTo(_personal.Parameters.Fingerprint));
        Assert.That(model.Parameters.Patch, Is.EqualTo(_personal.Parameters.Patch));
        Assert.That(model.Parameters.Encoder!.HiddenSize, Is.EqualTo(6));
        Assert.That(model.Patches!.GetStatus(5), Is.EqualTo(PatchStatus.Gated));
        Assert.That(model.Patches.GetStatus(6), Is.EqualTo(PatchStatus.Cloud));
        PatchStatus[] others = [.. Enumerable.Range(1, 30).Except([5, 6]).Select(user => model.Patches.GetStatus(user))];
        Assert.That(others, Has.All.AnyOf(PatchStatus.Patched, PatchStatus.Gated));
        Assert.That(others, Has.Some.EqualTo(PatchStatus.Patched));
        Assert.That(model.Patches[1].SequenceEqual(fleet.DeviceCloudModel().Patches![1]), Is.False);
        Assert.That(model.History.Cutoffs[0], Is.EqualTo(1000.0 + PlantedFleet.NumberOfDeviceEvents - 1), "It has been fitted to the device's events.");
        uint[] status = [.. distilled.Transform(context.Data.LoadFromEnumerable(_personal.Test)).GetColumn<uint>("PatchStatus").Take(6)];
        Assert.That(status[4], Is.EqualTo((uint)PatchStatus.Gated));
        Assert.That(status[5], Is.EqualTo((uint)(model.Parameters.Encoder.ServesColdStart ? PatchStatus.ColdStart : PatchStatus.Cloud)));
    }

    [Test]
    public void Fit_OneLogOrTwo_GivesTheSameModel()
    {
        MLContext context = new(seed: 1);
        ITransformer fleet = CreateFleet(context);

        ITransformer two = Fit(context, fleet, Options());
        ITransformer one = context.DeviceCloud().Trainers.MoMoDistill(fleet, Options())
            .Fit(context.Data.LoadFromEnumerable(_planted.Cloud.Concat(_planted.Device)));

        Assert.That(one.DeviceCloudModel().Parameters.Fingerprint, Is.EqualTo(two.DeviceCloudModel().Parameters.Fingerprint));
    }

    [Test]
    public void Fit_TheSameSeed_GivesTheSameBytes([Values(1, 2)] int threads)
    {
        MLContext context = new(seed: 1);
        ITransformer fleet = CreateFleet(context);
        DataViewSchema schema = context.Data.LoadFromEnumerable(_planted.Device).Schema;

        ITransformer first = Fit(context, fleet, Options(threads: threads));
        ITransformer second = Fit(new MLContext(seed: 2), fleet, Options(threads: threads));
        ITransformer other = Fit(context, fleet, Options(threads: threads, seed: 2));

        Assert.That(ModelParts.Read(context, second, schema), Is.EqualTo(ModelParts.Read(context, first, schema)));
        Assert.That(other.DeviceCloudModel().Parameters.Fingerprint, Is.Not.EqualTo(first.DeviceCloudModel().Parameters.Fingerprint));
    }

    [Test]
    public void Fit_ADistilledModelAgain_MetaPatchKeepsItsBasisAndEncoder()
    {
        MLContext context = new(seed: 1);
        ITransformer distilled = Fit(context, CreateFleet(context, _personal), Options(), _personal);

        ITransformer loop = context.DeviceCloud().Trainers.MetaPatch(distilled, Options().Patches)
            .Fit(context.Data.LoadFromEnumerable(_personal.Device.Select(row => new EventRow
            {
                User = row.User,
                Item = row.Item,
                Timestamp = row.Timestamp + 5000,
                Label = row.Label,
            })));

        Assert.That(loop.DeviceCloudModel().Parameters.Fingerprint, Is.EqualTo(distilled.DeviceCloudModel().Parameters.Fingerprint));
        Assert.That(loop.DeviceCloudModel().Patches!.NumberOfPatchedUsers, Is.GreaterThan(0));
    }

    [Test]
    public void Fit_NoEventAfterTheCutoffs_SaysSo()
    {
        MLContext context = new(seed: 1);
        MoMoDistillEstimator estimator = context.DeviceCloud().Trainers.MoMoDistill(CreateFleet(context), Options());

        Assert.That(
            () => estimator.Fit(context.Data.LoadFromEnumerable(_planted.Cloud)),
            Throws.ArgumentException.With.Message.EqualTo(
                "The log must have events of the devices, but none of its 180 events follows what the cloud model was fitted to."));
    }

    [Test]
    public void Fit_MoreEpochs_LeaveNoMoreTensors()
    {
        MLContext context = new(seed: 1);
        ITransformer fleet = CreateFleet(context);
        Fit(context, fleet, Options(epochs: 1, patchEpochs: 1));

        long few = LiveTensors.CountNew(() => Fit(context, fleet, Options(epochs: 1, patchEpochs: 1)));
        long many = LiveTensors.CountNew(() => Fit(context, fleet, Options(epochs: 2, patchEpochs: 3)));

        Assert.That(many, Is.EqualTo(few));
    }

    [Test]
    public void Fit_Cancelled_Throws()
    {
        MLContext context = new(seed: 1);
        using CancellationTokenSource source = new();
        source.Cancel();
        ITransformer fleet = CreateFleet(context);

        Assert.That(() => Fit(context, fleet, Options(token: source.Token)), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void Fit_ReportsItsStages()
    {
        MLContext context = new(seed: 1);
        Watcher watcher = new();

        Fit(context, CreateFleet(context), Options(progress: watcher));

        Assert.That(
            watcher.Reports.Select(report => report.Stage).Distinct(),
            Is.EqualTo(new[] { "momodistill: teachers", "momodistill: teachers' cloud model", "momodistill: cloud model", "momodistill: patches" }));
    }

    [Test]
    public void MoMoDistill_AModelWithoutPatches_IsRefused()
    {
        MLContext context = new(seed: 1);

        Assert.That(
            () => context.DeviceCloud().Trainers.MoMoDistill(_planted.CreateModel(context)),
            Throws.ArgumentException.With.Message.StartsWith("The model must have patches to distil, but has none. Run MetaPatch first."));
    }

    [Test]
    public void Validate_EverythingWrong_NamesAllFaults()
    {
        MLContext context = new(seed: 1);
        MoMoDistillEstimator.Options options = new()
        {
            TeacherWeight = -1,
            NumberOfFolds = 1,
            NumberOfEpochs = 0,
            NumberOfTeacherEpochs = -1,
            LearningRate = 0,
            BatchSize = 0,
            WeightDecay = double.NaN,
            DropoutRate = 1,
            NumberOfNegatives = 0,
            StageTwoFraction = 0,
            NumberOfPatchEpochs = -1,
            PatchLearningRate = 0,
            EncoderSize = 0,
            Run = new TrainingRunOptions { NumberOfThreads = -1 },
        };

        Assert.That(() => context.DeviceCloud().Trainers.MoMoDistill(CreateFleet(context), options), Throws.ArgumentException.With.Message.EqualTo(
            "MoMoDistillEstimator.Options: TeacherWeight must be at least 0, but is -1. NumberOfFolds must be at least 2, but is 1. "
            + "NumberOfEpochs must be at least 1, but is 0. NumberOfTeacherEpochs must be at least 0, but is -1. LearningRate must be above 0, but is 0. BatchSize must be at least 1, but is 0. "
            + "WeightDecay must be at least 0, but is NaN. DropoutRate must be from 0 to less than 1, but is 1. "
            + "NumberOfNegatives must be at least 1, but is 0. StageTwoFraction must be above 0 and less than 1, but is 0. "
            + "NumberOfPatchEpochs must be at least 0, but is -1. PatchLearningRate must be above 0, but is 0. EncoderSize must be at least 1, but is 0. "
            + "Run.NumberOfThreads must be at least 0, but is -1."));
    }

    private static MoMoDistillEstimator.Options Options(
        double beta = 1, int epochs = 2, int teacherEpochs = 1, int patchEpochs = 2, int threads = 1, int seed = 1, IProgress<TrainingProgress>? progress = null,
        double rate = 0.01, CancellationToken token = default) => new()
        {
            TeacherWeight = beta,
            NumberOfFolds = 3,
            NumberOfEpochs = epochs,
            NumberOfTeacherEpochs = teacherEpochs,
            NumberOfPatchEpochs = patchEpochs,
            StageTwoFraction = 0.2,
            LearningRate = rate,
            BatchSize = 64,
            EncoderSize = 6,
            Patches = new MetaPatchTrainer.Options { PatchSize = 4, BottleneckSize = 2, Layers = [0], L2 = 1, InterceptL2 = 1, NumberOfSteps = 15 },
            Run = new TrainingRunOptions { Seed = seed, NumberOfThreads = threads, Progress = progress, CancellationToken = token },
        };

    private static ITransformer CreateFleet(MLContext context, PlantedFleet? planted = null) => (planted ?? _planted).CreateModel(
        context,
        patches: new UserPatches(4, [.. (planted ?? _planted).Thetas], [.. Enumerable.Repeat(PatchStatus.Patched, PlantedFleet.NumberOfUsers)]));

    private static ITransformer Fit(MLContext context, ITransformer fleet, MoMoDistillEstimator.Options options, PlantedFleet? planted = null) =>
        context.DeviceCloud().Trainers.MoMoDistill(fleet, options)
            .Fit(context.Data.LoadFromEnumerable((planted ?? _planted).Cloud), context.Data.LoadFromEnumerable((planted ?? _planted).Device));

    // The cloud model of one, with what another remembers of its users.
    private static ITransformer WithoutPatches(ITransformer model, ITransformer remembering) =>
        model.ReplaceDeviceCloudModel(model.DeviceCloudModel().WithPatches(null, remembering.DeviceCloudModel().History));

    // The test events' scores after the histories of a given model.
    private static float[] Score(MLContext context, ITransformer model, ITransformer remembering)
    {
        DeviceCloudPredictionTransformer inner = model.DeviceCloudModel();
        ITransformer same = model.ReplaceDeviceCloudModel(inner.WithPatches(inner.Patches, remembering.DeviceCloudModel().History));
        return [.. same.Transform(context.Data.LoadFromEnumerable(_planted.Test)).GetColumn<float>("Score")];
    }

    private static float[] GetBackbone(ITransformer model)
    {
        DeviceCloudModelParameters parameters = model.DeviceCloudModel().Parameters;
        return [.. parameters.Architecture.Tensors.SelectMany(shape => parameters[shape.Name].ToArray())];
    }

    private static InteractionLog Read(MLContext context, IEnumerable<EventRow> rows) =>
        InteractionLog.Read(PlantedFleet.MapKeys(context).Transform(context.Data.LoadFromEnumerable(rows)), PlantedFleet.Columns);
}
