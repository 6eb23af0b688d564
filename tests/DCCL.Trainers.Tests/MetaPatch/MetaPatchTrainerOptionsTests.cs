using DCCL.ML;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class MetaPatchTrainerOptionsTests
{
    [Test]
    public void Validate_EverythingWrong_NamesAllFaults()
    {
        MetaPatchTrainer.Options options = new()
        {
            PatchSize = 257,
            BottleneckSize = 0,
            Layers = [1, 0],
            NumberOfBasisEpochs = 0,
            BasisPatience = 0,
            BasisLearningRate = 0,
            L2 = double.NaN,
            InterceptL2 = 0,
            NumberOfLinearizations = -1,
            MaximumNumberOfEvents = -2,
            NumberOfSteps = 0,
            LearningRate = -1,
            NumberOfNegatives = 0,
            NegativePoolSize = 0,
            Strength = 1.5,
            GateFraction = 1,
            GatePriorEvents = -1,
            ChunkSize = 0,
            Run = new TrainingRunOptions { NumberOfThreads = -1 },
        };

        Assert.That(() => Create(options), Throws.ArgumentException.With.Message.EqualTo(
            "MetaPatchTrainer.Options: PatchSize must be from 1 to 256, but is 257. BottleneckSize must be at least 1, but is 0. "
            + "Layers must be ascending indices from 0, or null. NumberOfBasisEpochs must be at least 1, but is 0. "
            + "BasisPatience must be at least 1, but is 0. BasisLearningRate must be above 0, but is 0. L2 must be above 0, but is NaN. InterceptL2 must be above 0, but is 0. "
            + "NumberOfLinearizations must be at least 0, but is -1. MaximumNumberOfEvents must be at least 0, but is -2. "
            + "NumberOfSteps must be at least 1, but is 0. LearningRate must be above 0, but is -1. NumberOfNegatives must be at least 1, but is 0. "
            + "NegativePoolSize must be at least 1, but is 0. Strength must be from 0 to 1, or null, but is 1.5. GateFraction must be above 0 and less than 1, but is 1. "
            + "GatePriorEvents must be at least 0, but is -1. ChunkSize must be at least 1, but is 0. Run.NumberOfThreads must be at least 0, but is -1."));
    }

    [TestCase(new int[] { })]
    [TestCase(new[] { -1 })]
    [TestCase(new[] { 0, 0 })]
    public void Validate_LayersThatAreNone_AreRefused(int[] layers)
    {
        Assert.That(() => Create(new MetaPatchTrainer.Options { Layers = layers }), Throws.ArgumentException.With.Message.EqualTo(
            "MetaPatchTrainer.Options: Layers must be ascending indices from 0, or null."));
    }

    [Test]
    public void MetaPatch_ALayerBeyondTheModels_IsRefused()
    {
        Assert.That(() => Create(new MetaPatchTrainer.Options { Layers = [0, 2] }), Throws.ArgumentException.With.Message.EqualTo(
            "MetaPatchTrainer.Options: Layers must be below 2, the model's number of layers, but one is 2."));
    }

    [Test]
    public void MetaPatch_AModelOfAnotherKind_IsRefused()
    {
        MLContext context = new(seed: 1);

        Assert.That(
            () => context.DeviceCloud().Trainers.MetaPatch(PlantedFleet.MapKeys(context)),
            Throws.ArgumentException.With.Message.StartsWith("The model must have one transformer of a DCCL trainer, but has 0"));
    }

    [Test]
    public void Validate_TheDefaults_AreInRange() => Assert.That(() => Create(new MetaPatchTrainer.Options()), Throws.Nothing);

    private static MetaPatchTrainer Create(MetaPatchTrainer.Options options)
    {
        MLContext context = new(seed: 1);
        return context.DeviceCloud().Trainers.MetaPatch(new PlantedFleet(1).CreateModel(context), options);
    }
}
