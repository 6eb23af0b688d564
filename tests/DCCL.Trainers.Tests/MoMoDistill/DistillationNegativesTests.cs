using DCCL.ML;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MoMoDistill;

/// <summary>How many negatives of an event without labels stage 1 draws, and what scores then mean.</summary>
public sealed class DistillationNegativesTests
{
    private static readonly TwoGroups _groups = new();

    // The odds of one item among 32 are an eighth of those among 4: the mean would be .18 in place of .39, and among one other .63.
    [Test]
    public void Fit_ASasRecWithAnyNumberOfNegatives_GivesProbabilitiesAmongFourRandomItems([Values(1, 32)] int negatives)
    {
        Assert.That(GetMeanProbability(negatives), Is.EqualTo(GetMeanProbability(4)).Within(0.08));
    }

    [TestCase("din", 4, 32)]
    [TestCase("sasrec", 32, 4)]
    public void Fit_ByDefault_DrawsAsManyNegativesAsSuitTheBackbone(string backbone, int expected, int other)
    {
        MLContext context = new(seed: 1);
        float[] weights = GetBackbone(Distil(context, negatives: null, backbone));

        Assert.That(weights, Is.EqualTo(GetBackbone(Distil(context, expected, backbone))));
        Assert.That(weights, Is.Not.EqualTo(GetBackbone(Distil(context, other, backbone))));
    }

    // Of the cloud model alone.
    private static double GetMeanProbability(int negatives)
    {
        MLContext context = new(seed: 1);
        ITransformer distilled = Distil(context, negatives, "sasrec", epochs: 8);
        string[] items = [.. _groups.Cloud.Select(row => row.Item).Distinct()];
        IDataView pairs = context.Data.LoadFromEnumerable(_groups.Test.SelectMany(
            (row, i) => Enumerable.Range(0, 4).Select(n => items[((4 * i) + n) % items.Length]).Prepend(row.Item)
                .Select(item => new EventRow { User = row.User, Item = item, Timestamp = row.Timestamp })));
        DeviceCloudPredictionTransformer inner = distilled.DeviceCloudModel();
        ITransformer cloud = distilled.ReplaceDeviceCloudModel(inner.WithPatches(null, inner.History));
        return cloud.Transform(pairs).GetColumn<float>("Probability").Average();
    }

    private static ITransformer Distil(MLContext context, int? negatives, string backbone, int epochs = 1)
    {
        IDataView device = context.Data.LoadFromEnumerable(_groups.Device);
        TrainingRunOptions run = new() { NumberOfThreads = 1 };
        ITransformer fleet = context.DeviceCloud().Trainers.MetaPatch(
            _groups.CreateModel(context, backbone: backbone),
            new MetaPatchTrainer.Options { PatchSize = 5, Basis = PatchBasisSource.ItemFactors, Strength = 0.1, Run = run }).Fit(device);
        return context.DeviceCloud().Trainers
            .MoMoDistill(fleet, new MoMoDistillEstimator.Options { NumberOfNegatives = negatives, NumberOfEpochs = epochs, LearningRate = 0.01, BatchSize = 64, Run = run })
            .Fit(context.Data.LoadFromEnumerable(_groups.Cloud), device);
    }

    private static float[] GetBackbone(ITransformer model)
    {
        DeviceCloudModelParameters parameters = model.DeviceCloudModel().Parameters;
        return [.. parameters.Architecture.Tensors.SelectMany(shape => parameters[shape.Name].ToArray())];
    }
}
