using System.Globalization;
using DCCL.ML;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

/// <content>What the way back does with sums.</content>
public sealed partial class ItemFactorsTests
{
    // The new cloud model knows by itself part of what the sums said.
    [Test]
    public void Distil_TastesThatTheFactorsKnow_KeepsTheFactorsAndHalfOfTheSums([Values(0.5, 1)] double strength)
    {
        TwoGroups groups = new();
        MLContext context = new(seed: 1);
        ITransformer fleet = Fit(context, groups.CreateModel(context), groups.Device, factors: 2, strength);

        ITransformer next = Distil(context, fleet, groups, numberOfPatchEpochs: 1);

        DeviceCloudPredictionTransformer model = next.DeviceCloudModel();
        float[] factors = model.Parameters["patch.factors"].ToArray();
        Assert.That(factors, Is.EqualTo(fleet.DeviceCloudModel().Parameters["patch.factors"].ToArray()));
        Assert.That(model.Parameters.Encoder, Is.Null);
        Assert.That(model.Patches!.NumberOfPatchedUsers, Is.EqualTo(TwoGroups.NumberOfUsers));
        EventRow[] own = [.. groups.Cloud.Concat(groups.Device).Where(row => row.User == "u1")];
        double[] sums = [.. Enumerable.Range(0, 2).Select(k => own.Sum(row => (double)factors[(int.Parse(row.Item[1..], CultureInfo.InvariantCulture) * 2) + k]))];
        double share = 0.5 * strength / (4 * L2);
        Assert.That(model.Patches[1].ToArray(), Is.EqualTo((double[])[0, share * sums[0], share * sums[1]]).Within(1e-4));
        IDataView test = context.Data.LoadFromEnumerable(groups.Test);
        Assert.That(
            context.DeviceCloud().EvaluateRanking(next, test).Overall.Ndcg(10),
            Is.GreaterThan(context.DeviceCloud().EvaluateRanking(next.ReplaceDeviceCloudModel(model.WithoutPatches()), test).Overall.Ndcg(10)));
    }

    // A user's base rate is the patch's own; what the sums say of taste teaches.
    [Test]
    public void Distil_EventsWithLabels_KeepsInterceptsAndThreeQuartersOfTheSums()
    {
        PlantedFleet planted = new(1, sameForAll: true);
        MLContext context = new(seed: 1);
        ITransformer fleet = Fit(context, planted.CreateModel(context, withBasis: false), planted.Device, factors: 2, strength: 1);
        UserPatches old = fleet.DeviceCloudModel().Patches!;
        Assert.That(Enumerable.Range(1, old.NumberOfUsers).All(user => old[user][0] != 0 && old[user][1] != 0), Is.True);

        DeviceCloudPredictionTransformer next = Distil(teacherWeight: 3);

        Assert.That(next.Parameters["patch.factors"].ToArray(), Is.EqualTo(fleet.DeviceCloudModel().Parameters["patch.factors"].ToArray()));
        for (int user = 1; user <= old.NumberOfUsers; user++)
        {
            Assert.That(next.Patches![user].ToArray(), Is.EqualTo((float[])[old[user][0], 0.75f * old[user][1], 0.75f * old[user][2]]).Within(1e-6));
        }

        Assert.That(next.Parameters.Fingerprint, Is.Not.EqualTo(Distil(teacherWeight: 0).Parameters.Fingerprint));

        DeviceCloudPredictionTransformer Distil(double teacherWeight) => context.DeviceCloud().Trainers.MoMoDistill(fleet, new MoMoDistillEstimator.Options
        {
            NumberOfEpochs = 1,
            NumberOfTeacherEpochs = 1,
            NumberOfFolds = 2,
            TeacherWeight = teacherWeight,
            Patches = Options(factors: 2, strength: null),
            Run = new TrainingRunOptions { NumberOfThreads = 1 },
        }).Fit(context.Data.LoadFromEnumerable(planted.Cloud), context.Data.LoadFromEnumerable(planted.Device)).DeviceCloudModel();
    }

    // Neither where patches are sums, nor where the cloud model is trained on and no more.
    [Test]
    public void Distil_StageTwoLearnsNothing_NoEventIsLeftToIt([Values] bool hasTeachers)
    {
        TwoGroups groups = new();
        MLContext context = new(seed: 1);
        ITransformer cloud = groups.CreateModel(context);
        ITransformer fleet = hasTeachers
            ? Fit(context, cloud, groups.Device, factors: 2, strength: 1)
            : context.DeviceCloud().Trainers.MetaPatch(cloud, new MetaPatchTrainer.Options { Basis = PatchBasisSource.Random, Strength = 1 })
                .Fit(context.Data.LoadFromEnumerable(groups.Device));
        int numberOfPatchEpochs = hasTeachers ? 1 : 0;

        ITransformer little = Distil(context, fleet, groups, numberOfPatchEpochs, stageTwoFraction: 0.1, teacherWeight: numberOfPatchEpochs);
        ITransformer most = Distil(context, fleet, groups, numberOfPatchEpochs, stageTwoFraction: 0.9, teacherWeight: numberOfPatchEpochs);

        Assert.That(GetBackbone(most), Is.EqualTo(GetBackbone(little)));

        static float[][] GetBackbone(ITransformer model) =>
            [.. Backbones.GetWeights(model.DeviceCloudModel().Parameters).OrderBy(tensor => tensor.Key, StringComparer.Ordinal).Select(tensor => tensor.Value)];
    }

    // What the cloud model has learnt from before, it has learnt before.
    [Test]
    public void Distil_ASecondRoundOnTheSameEvents_KeepsAllThatIsLeftOfTheSums()
    {
        TwoGroups groups = new();
        MLContext context = new(seed: 1);
        ITransformer fleet = Fit(context, groups.CreateModel(context), groups.Device, factors: 2, strength: 1);
        ITransformer once = Distil(context, fleet, groups, numberOfPatchEpochs: 1);

        UserPatches patches = Distil(context, once, groups, numberOfPatchEpochs: 1).DeviceCloudModel().Patches!;

        Assert.That(patches[1].ToArray(), Is.EqualTo(once.DeviceCloudModel().Patches![1].ToArray()).Within(1e-4));
    }

    [Test]
    public void Distil_AFleetThatWasGated_StaysGated()
    {
        TwoGroups groups = new(deviceAtRandom: true);
        MLContext context = new(seed: 1);
        ITransformer fleet = Fit(context, groups.CreateModel(context), groups.Device, factors: 2, strength: null);

        Assert.That(Distil(context, fleet, groups, numberOfPatchEpochs: 1).DeviceCloudModel().Patches!.NumberOfPatchedUsers, Is.Zero);
    }

    [Test]
    public void Distil_WithoutAPatchStage_KeepsFactorsAndPatches()
    {
        TwoGroups groups = new();
        MLContext context = new(seed: 1);
        ITransformer patched = Fit(context, groups.CreateModel(context), groups.Device, factors: 2, strength: 1);
        DeviceCloudPredictionTransformer fleet = patched.DeviceCloudModel();

        DeviceCloudPredictionTransformer next = Distil(context, patched, groups, numberOfPatchEpochs: 0).DeviceCloudModel();

        Assert.That(next.Parameters["patch.factors"].ToArray(), Is.EqualTo(fleet.Parameters["patch.factors"].ToArray()));
        Assert.That(next.Parameters.Fingerprint, Is.Not.EqualTo(fleet.Parameters.Fingerprint));
        Assert.That(next.Patches![1].ToArray(), Is.EqualTo(fleet.Patches![1].ToArray()).Within(1e-6));
    }

    private static ITransformer Distil(
        MLContext context, ITransformer fleet, TwoGroups groups, int numberOfPatchEpochs, double stageTwoFraction = 0.1, double teacherWeight = 3) =>
        context.DeviceCloud().Trainers.MoMoDistill(fleet, new MoMoDistillEstimator.Options
        {
            NumberOfEpochs = 1,
            NumberOfTeacherEpochs = 1,
            NumberOfPatchEpochs = numberOfPatchEpochs,
            NumberOfFolds = 2,
            StageTwoFraction = stageTwoFraction,
            TeacherWeight = teacherWeight,
            Patches = Options(factors: 2, strength: null),
            Run = new TrainingRunOptions { NumberOfThreads = 1 },
        }).Fit(context.Data.LoadFromEnumerable(groups.Cloud), context.Data.LoadFromEnumerable(groups.Device));
}
