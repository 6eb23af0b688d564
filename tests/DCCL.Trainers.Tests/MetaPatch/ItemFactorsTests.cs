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
public sealed class ItemFactorsTests
{
    private const int NumberOfFactors = 3;
    private const double L2 = 5;

    [Test]
    public void Solve_EventsWithNegatives_SumsTheFactorsOfTheUsersOwnItems([Range(1, 5)] int seed)
    {
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(
            random, new PatchArchitecture { PatchSize = 1 + NumberOfFactors, NumberOfItemFactors = NumberOfFactors, Layers = [0] }, numberOfSamples: 6);
        float[] isEvent = [.. Enumerable.Range(0, model.NumberOfUsers * 6).Select(i => i % 2 == 0 ? 1f : 0)];
        SampleChunk chunk = model.Chunk with { SamplesPerEvent = 2, IsEvent = tensor(isEvent, model.NumberOfUsers, 6) };
        PatchSolver solver = new(model.Frozen, model.Patch, new PatchSolver.Settings(L2, InterceptL2: 1, NumberOfSteps: 20, LearningRate: 0.1));

        float[] patches = solver.Solve(chunk, chunk.Weight, rand(model.NumberOfUsers, 1 + NumberOfFactors)).ToArray();

        // Of the logit, which is linear in the last coordinates, the derivatives by them are the item's factors.
        for (int user = 0; user < model.NumberOfUsers; user++)
        {
            double[] expected = new double[1 + NumberOfFactors];
            for (int sample = 0; sample < 6; sample += 2)
            {
                double cloud = model.GetLogit(user, sample, new double[expected.Length]);
                for (int k = 1; k < expected.Length; k++)
                {
                    double[] unit = new double[expected.Length];
                    unit[k] = 1;
                    expected[k] += model.Weights[(user * 6) + sample] * (model.GetLogit(user, sample, unit) - cloud) / L2;
                }
            }

            Assert.That(patches.AsSpan(user * expected.Length, expected.Length).ToArray(), Is.EqualTo(expected).Within(1e-5));
        }
    }

    [Test]
    public void Fit_EventsWithoutLabels_AddsUpTheFactorsOfTheDevicesEvents([Values("din", "sasrec")] string backbone)
    {
        PlantedChoices planted = new(1, backbone);
        MLContext context = new(seed: 1);
        ITransformer cloud = planted.CreateModel(context);

        DeviceCloudPredictionTransformer model = Fit(context, cloud, planted.Device, NumberOfFactors, strength: 1).DeviceCloudModel();

        PatchArchitecture patch = model.Parameters.Patch!;
        Assert.That((patch.PatchSize, patch.NumberOfItemFactors, patch.NumberOfBasisColumns), Is.EqualTo((1 + NumberOfFactors, NumberOfFactors, 0)));
        ReadOnlySpan<float> factors = model.Parameters["patch.factors"].Span;
        foreach (IGrouping<string, EventRow> own in planted.Device.GroupBy(row => row.User))
        {
            int user = model.UserIds!.ToList().IndexOf(own.Key) + 1;
            double[] expected = new double[1 + NumberOfFactors];
            foreach (EventRow row in own)
            {
                int item = model.ItemIds!.ToList().IndexOf(row.Item) + 1;
                for (int k = 0; k < NumberOfFactors; k++)
                {
                    expected[1 + k] += factors[(item * NumberOfFactors) + k] / L2;
                }
            }

            Assert.That(model.Patches![user].ToArray(), Is.EqualTo(expected).Within(1e-4));
        }
    }

    // The factors are the cloud's: what patches learn from, and are judged on, is not in them.
    [Test]
    public void Fit_OtherDeviceEvents_FindsTheSameFactors()
    {
        PlantedChoices planted = new(1, "din");
        MLContext context = new(seed: 1);
        ITransformer cloud = planted.CreateModel(context);

        DeviceCloudModelParameters some = Fit(context, cloud, [.. planted.Device.Where((_, i) => i % 3 == 0)], NumberOfFactors, 1).DeviceCloudModel().Parameters;
        DeviceCloudModelParameters all = Fit(context, cloud, planted.Device, NumberOfFactors, 1).DeviceCloudModel().Parameters;

        Assert.That(all["patch.factors"].ToArray(), Is.EqualTo(some["patch.factors"].ToArray()));
        Assert.That(all["patch.factors"].ToArray(), Is.Not.All.Zero);
    }

    [Test]
    public void Fit_TheSameLogAgain_CountsNoEventTwice()
    {
        PlantedChoices planted = new(1, "din");
        MLContext context = new(seed: 1);
        ITransformer once = Fit(context, planted.CreateModel(context), planted.Device, NumberOfFactors, strength: 1);

        DeviceCloudPredictionTransformer twice = Fit(context, once, planted.Device, NumberOfFactors, strength: 1).DeviceCloudModel();

        for (int user = 1; user <= PlantedChoices.NumberOfUsers; user++)
        {
            Assert.That(twice.Patches![user].ToArray(), Is.EqualTo(once.DeviceCloudModel().Patches![user].ToArray()).Within(1e-4));
        }
    }

    [Test]
    public void Fit_ThenDistil_KeepsTheFactorsAndScores()
    {
        PlantedChoices planted = new(1, "din");
        MLContext context = new(seed: 1);
        ITransformer fleet = Fit(context, planted.CreateModel(context), planted.Device, NumberOfFactors, strength: 1);
        MoMoDistillEstimator distil = context.DeviceCloud().Trainers.MoMoDistill(fleet, new MoMoDistillEstimator.Options
        {
            NumberOfEpochs = 1,
            NumberOfTeacherEpochs = 1,
            NumberOfPatchEpochs = 1,
            NumberOfFolds = 2,
            Patches = Options(NumberOfFactors, strength: 1),
            Run = new TrainingRunOptions { NumberOfThreads = 1 },
        });

        ITransformer next = distil.Fit(context.Data.LoadFromEnumerable(planted.Cloud), context.Data.LoadFromEnumerable(planted.Device));

        DeviceCloudModelParameters parameters = next.DeviceCloudModel().Parameters;
        Assert.That(parameters["patch.factors"].ToArray(), Is.EqualTo(fleet.DeviceCloudModel().Parameters["patch.factors"].ToArray()));
        Assert.That(parameters.Fingerprint, Is.Not.EqualTo(fleet.DeviceCloudModel().Parameters.Fingerprint));
        Assert.That(context.DeviceCloud().EvaluateRanking(next, context.Data.LoadFromEnumerable(planted.Test)).Overall.Ndcg(10), Is.GreaterThan(0));
    }

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
