using System.Globalization;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.Tests.MetaPatch;

/// <summary>Patches that weigh factors of the item.</summary>
public sealed partial class ItemFactorsTests
{
    private const int NumberOfFactors = 3;
    private const double L2 = 5;

    [Test]
    public void Sum_SomeEvents_AddsUpTheFactorsOfTheItemsHadEachOnce([Range(1, 5)] int seed, [Values(0, 3)] int maximum, [Values] bool hasLabels)
    {
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(
            random, new PatchArchitecture { PatchSize = 1 + NumberOfFactors, NumberOfItemFactors = NumberOfFactors, Layers = [0] }, numberOfSamples: 6);
        float[] factors = model.Parameters["patch.factors"].ToArray();
        int[] items = [.. Enumerable.Range(0, 8).Select(_ => 1 + random.Next(Math.Min(5, (factors.Length / NumberOfFactors) - 1)))];
        bool[] labels = hasLabels ? [.. items.Select(_ => random.Next(2) == 0)] : [];
        float[] patch = [.. Enumerable.Repeat(9f, 1 + NumberOfFactors)];

        using TrainingRun run = new(new MLContext(seed: 1), "test", new TrainingRunOptions { NumberOfThreads = 1 });

        new FactorSums(run, factors, NumberOfFactors, new MetaPatchTrainer.Options { L2 = L2, MaximumNumberOfEvents = maximum })
            .Sum(items, labels, index => index % 3 != 0, strength: 0.5, patch);

        (int Item, bool IsLiked)[] counted =
        [
            .. items.Select((item, index) => (item, !hasLabels || labels[index]))
                .Where((_, index) => index % 3 != 0 && (maximum == 0 || index >= items.Length - maximum)).Distinct(),
        ];
        double[] expected =
        [
            0,
            .. Enumerable.Range(0, NumberOfFactors).Select(k => 0.5 / (4 * L2) * counted.Sum(had =>
                (had.IsLiked ? 1.0 : -1.0) * factors[(had.Item * NumberOfFactors) + k])),
        ];
        Assert.That(patch, Is.EqualTo(expected).Within(1e-4));
    }

    [Test]
    public void Fit_EventsWithoutLabels_AddsUpTheFactorsOfAllOfAUsersEvents([Values("din", "sasrec")] string backbone)
    {
        PlantedChoices planted = new(1, backbone);
        MLContext context = new(seed: 1);
        ITransformer cloud = planted.CreateModel(context);

        DeviceCloudPredictionTransformer model = Fit(context, cloud, planted.Device, NumberOfFactors, strength: 1).DeviceCloudModel();

        PatchArchitecture patch = model.Parameters.Patch!;
        Assert.That((patch.PatchSize, patch.NumberOfItemFactors, patch.NumberOfBasisColumns), Is.EqualTo((1 + NumberOfFactors, NumberOfFactors, 0)));
        ReadOnlySpan<float> factors = model.Parameters["patch.factors"].Span;
        foreach (IGrouping<string, EventRow> own in planted.Cloud.Concat(planted.Device).DistinctBy(row => (row.User, row.Item)).GroupBy(row => row.User))
        {
            int user = model.UserIds!.ToList().IndexOf(own.Key) + 1;
            double[] expected = new double[1 + NumberOfFactors];
            foreach (EventRow row in own)
            {
                int item = model.ItemIds!.ToList().IndexOf(row.Item) + 1;
                for (int k = 0; k < NumberOfFactors; k++)
                {
                    expected[1 + k] += factors[(item * NumberOfFactors) + k] / (4 * L2);
                }
            }

            Assert.That(model.Patches![user].ToArray(), Is.EqualTo(expected).Within(1e-4));
        }
    }

    // Everybody goes on with items of their own group, which a cloud model that was not trained knows nothing of.
    [Test]
    public void Fit_TastesThatTheFactorsKnow_PassTheGateAndRankBetter()
    {
        TwoGroups groups = new();
        MLContext context = new(seed: 1);
        ITransformer cloud = groups.CreateModel(context);

        ITransformer fleet = Fit(context, cloud, groups.Device, factors: 2, strength: null);

        IDataView test = context.Data.LoadFromEnumerable(groups.Test);
        double before = context.DeviceCloud().EvaluateRanking(cloud, test).Overall.Ndcg(10);
        Assert.That(fleet.DeviceCloudModel().Patches!.NumberOfPatchedUsers, Is.EqualTo(TwoGroups.NumberOfUsers));
        Assert.That(context.DeviceCloud().EvaluateRanking(fleet, test).Overall.Ndcg(10), Is.GreaterThan(1.3 * before));
    }

    // Choices that have nothing to do with what others had.
    [Test]
    public void Fit_ChoicesAtRandom_GatesAll()
    {
        TwoGroups groups = new(deviceAtRandom: true);
        MLContext context = new(seed: 1);

        ITransformer fleet = Fit(context, groups.CreateModel(context), groups.Device, factors: 2, strength: null);

        Assert.That(fleet.DeviceCloudModel().Patches!.NumberOfPatchedUsers, Is.Zero);
    }

    [Test]
    public void Fit_ABasisOfTheSameSize_IsReplacedAndReplacesThemAgain()
    {
        TwoGroups groups = new();
        MLContext context = new(seed: 1);
        MetaPatchTrainer.Options options = new()
        {
            PatchSize = 3,
            Basis = PatchBasisSource.Random,
            Run = new TrainingRunOptions { NumberOfThreads = 1 },
        };
        ITransformer FitBasis(ITransformer model) =>
            context.DeviceCloud().Trainers.MetaPatch(model, options).Fit(context.Data.LoadFromEnumerable(groups.Device));

        ITransformer basis = FitBasis(groups.CreateModel(context));
        ITransformer factors = Fit(context, basis, groups.Device, factors: 2, strength: 1);
        ITransformer again = FitBasis(factors);

        Assert.That(
            new[] { basis, factors, again }.Select(model => model.DeviceCloudModel().Parameters.Patch!.NumberOfBasisColumns), Is.EqualTo((int[])[2, 0, 2]));
        Assert.That(factors.DeviceCloudModel().Patches!.NumberOfPatchedUsers, Is.EqualTo(TwoGroups.NumberOfUsers));
    }

    [Test]
    public void Fit_NothingRememberedFromBefore_GivesNobodyAPatchAndLeavesTheModel()
    {
        TwoGroups groups = new();
        MLContext context = new(seed: 1);
        ITransformer cloud = groups.CreateModel(context, remembers: false);

        ITransformer fleet = Fit(context, cloud, groups.Device, factors: 2, strength: 1);

        Assert.That(fleet.DeviceCloudModel().Parameters.Fingerprint, Is.EqualTo(cloud.DeviceCloudModel().Parameters.Fingerprint));
        Assert.That(fleet.DeviceCloudModel().Patches, Is.Null);
    }

    [Test]
    public void Fit_AnInterceptAlone_SaysThatThereIsNoRoomForFactors() => Assert.That(
        () => Fit(new MLContext(), new PlantedChoices(1, "din").CreateModel(new MLContext()), [], factors: 0, strength: 1),
        Throws.ArgumentException.With.Message.Contains("PatchSize must be above 1"));

    [Test]
    public void Fit_TheSameSeed_FindsTheSameFactorsOnAnyNumberOfThreads()
    {
        TwoGroups groups = new();
        MLContext context = new(seed: 1);
        float[][] factors = [.. new[] { 1, 2 }.Select(threads => context.DeviceCloud().Trainers.MetaPatch(groups.CreateModel(context), new MetaPatchTrainer.Options
        {
            PatchSize = 3,
            Basis = PatchBasisSource.ItemFactors,
            Run = new TrainingRunOptions { NumberOfThreads = threads },
        }).Fit(context.Data.LoadFromEnumerable(groups.Device)).DeviceCloudModel().Parameters["patch.factors"].ToArray())];

        Assert.That(factors[1], Is.EqualTo(factors[0]));
    }

    [Test]
    public void Fit_TheSameLogAgain_CountsNoEventTwice([Values(0.5, 1)] double strength)
    {
        PlantedChoices planted = new(1, "din");
        MLContext context = new(seed: 1);
        ITransformer once = Fit(context, planted.CreateModel(context), planted.Device, NumberOfFactors, strength);

        DeviceCloudPredictionTransformer twice = Fit(context, once, planted.Device, NumberOfFactors, strength).DeviceCloudModel();

        for (int user = 1; user <= PlantedChoices.NumberOfUsers; user++)
        {
            Assert.That(twice.Patches![user].ToArray(), Is.EqualTo(once.DeviceCloudModel().Patches![user].ToArray()).Within(1e-4));
        }
    }

    [Test]
    public void Fit_UsersWithoutDeviceEvents_HaveNoPatch()
    {
        PlantedChoices planted = new(1, "din");
        MLContext context = new(seed: 1);

        UserPatches patches = Fit(context, planted.CreateModel(context), [.. planted.Device.Where(row => row.User != "u3")], NumberOfFactors, strength: 1)
            .DeviceCloudModel().Patches!;

        Assert.That(
            Enumerable.Range(1, PlantedChoices.NumberOfUsers).Select(patches.GetStatus),
            Is.EqualTo(Enumerable.Range(1, PlantedChoices.NumberOfUsers).Select(user => user == 3 ? PatchStatus.Cloud : PatchStatus.Patched)));
    }

    // The events of one user say nothing for sure, so that what all users' said before stands.
    [Test]
    public void Fit_OneUserAlone_SumsAnewAndKeepsAsMuchAsBefore()
    {
        TwoGroups groups = new();
        MLContext context = new(seed: 1);
        EventRow[] later = [.. groups.Device.Where(row => row.User == "u1").TakeLast(3)];
        ITransformer before = Fit(context, groups.CreateModel(context), [.. groups.Device.Except(later)], factors: 2, strength: 0.5);

        UserPatches patches = Fit(context, before, later, factors: 2, strength: null).DeviceCloudModel().Patches!;

        UserPatches known = before.DeviceCloudModel().Patches!;
        float[] factors = before.DeviceCloudModel().Parameters["patch.factors"].ToArray();
        Assert.That(patches.NumberOfPatchedUsers, Is.EqualTo(TwoGroups.NumberOfUsers));
        for (int user = 1; user <= TwoGroups.NumberOfUsers; user++)
        {
            int[] added = user == 1 ? [.. later.Select(row => int.Parse(row.Item[1..], CultureInfo.InvariantCulture))] : [];
            double[] expected = [0, .. Enumerable.Range(0, 2).Select(k => known[user][1 + k] + (0.5 / (4 * L2) * added.Sum(item => (double)factors[(item * 2) + k])))];
            Assert.That(patches[user].ToArray(), Is.EqualTo(expected).Within(1e-4));
        }
    }

    [Test]
    public void Fit_ByDefaultChoicesThatFactorsDoNotKnow_LearnsABasis()
    {
        TwoGroups groups = new(deviceAtRandom: true);
        MLContext context = new(seed: 1);

        DeviceCloudPredictionTransformer fleet = FitByDefault(context, groups.CreateModel(context, backbone: "sasrec"), groups.Device, size: null);

        Assert.That((fleet.Parameters.Patch?.PatchSize, fleet.Parameters.Patch?.NumberOfItemFactors), Is.EqualTo(((int?)16, (int?)0)));
    }

    [Test]
    public void Fit_ByDefaultLabelsThatFactorsDoNotTell_LearnsABasis()
    {
        PlantedFleet planted = new(1, backbone: "sasrec");
        MLContext context = new(seed: 1);

        DeviceCloudPredictionTransformer fleet = FitByDefault(context, planted.CreateModel(context, withBasis: false), planted.Device, size: null);

        Assert.That((fleet.Parameters.Patch?.PatchSize, fleet.Parameters.Patch?.NumberOfItemFactors), Is.EqualTo(((int?)16, (int?)0)));
    }

    [TestCase("din", null, 33, 32)]
    [TestCase("sasrec", null, 33, 32)]
    [TestCase("din", 1, 1, 0)]
    [TestCase("sasrec", 1, 1, 0)]
    [TestCase("sasrec", 5, 5, 4)]
    public void Fit_ByDefault_MakesSumsOfFactors(string backbone, int? size, int expectedSize, int expectedFactors)
    {
        TwoGroups groups = new();
        MLContext context = new(seed: 1);

        DeviceCloudPredictionTransformer fleet = FitByDefault(context, groups.CreateModel(context, backbone: backbone), groups.Device, size, strength: 1);

        PatchArchitecture patch = fleet.Parameters.Patch!;
        Assert.That((patch.PatchSize, patch.NumberOfItemFactors), Is.EqualTo((expectedSize, expectedFactors)));
    }

    [Test]
    public void Fit_ByDefault_KeepsTheKindAndSizeOfThePatchesThatAreThere()
    {
        PlantedChoices planted = new(1, "din");
        MLContext context = new(seed: 1);
        ITransformer fleet = Fit(context, planted.CreateModel(context), planted.Device, NumberOfFactors, strength: 1);

        PatchArchitecture patch = FitByDefault(context, fleet, planted.Device, size: null).Parameters.Patch!;

        Assert.That(patch, Is.EqualTo(fleet.DeviceCloudModel().Parameters.Patch));
    }

    // What is all new tells no factors.
    [Test]
    public void Fit_ByDefaultALogThatTheModelWasFittedTo_LearnsABasis()
    {
        TwoGroups groups = new();
        MLContext context = new(seed: 1);

        DeviceCloudPredictionTransformer fleet = FitByDefault(context, groups.CreateModel(context, backbone: "sasrec"), groups.Cloud, size: null);

        Assert.That((fleet.Parameters.Patch?.PatchSize, fleet.Parameters.Patch?.NumberOfItemFactors), Is.EqualTo(((int?)16, (int?)0)));
    }

    private static DeviceCloudPredictionTransformer FitByDefault(MLContext context, ITransformer cloud, IReadOnlyList<EventRow> log, int? size, double? strength = null) =>
        context.DeviceCloud().Trainers.MetaPatch(cloud, new MetaPatchTrainer.Options
        {
            PatchSize = size,
            Strength = strength,
            NumberOfBasisEpochs = 1,
            Run = new TrainingRunOptions { NumberOfThreads = 1 },
        }).Fit(context.Data.LoadFromEnumerable(log)).DeviceCloudModel();

    private static ITransformer Fit(MLContext context, ITransformer cloud, IReadOnlyList<EventRow> log, int factors, double? strength) =>
        context.DeviceCloud().Trainers.MetaPatch(cloud, Options(factors, strength)).Fit(context.Data.LoadFromEnumerable(log));

    private static MetaPatchTrainer.Options Options(int factors, double? strength) => new()
    {
        PatchSize = 1 + factors,
        Basis = PatchBasisSource.ItemFactors,
        L2 = L2,
        Strength = strength,
        Run = new TrainingRunOptions { NumberOfThreads = 1 },
    };
}
