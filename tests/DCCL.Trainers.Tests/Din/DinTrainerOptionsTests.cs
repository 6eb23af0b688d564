using System.Globalization;
using DCCL.ML;
using DCCL.ML.Model;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.Din;

public sealed class DinTrainerOptionsTests
{
    [Test]
    public void Validate_EverythingWrong_NamesAllFaults()
    {
        DinTrainer.Options options = new()
        {
            EmbeddingDimension = 0,
            HistoryLength = -1,
            ActivationUnitSize = 0,
            HiddenLayerSizes = [8, 0],
            DropoutRate = 1,
            NumberOfNegatives = 0,
            NumberOfEpochs = 0,
            Patience = 0,
            BatchSize = 0,
            LearningRate = 0,
            WeightDecay = -0.5,
            NumberOfValidationUsers = -1,
            HoldBackFraction = 1.5,
            Run = new TrainingRunOptions { NumberOfThreads = -2 },
        };

        Assert.That(() => new MLContext(seed: 1).DeviceCloud().Trainers.Din(options), Throws.ArgumentException.With.Message.EqualTo(
            "DinTrainer.Options: EmbeddingDimension must be at least 1, but is 0. HistoryLength must be at least 1, but is -1. "
            + "ActivationUnitSize must be at least 1, but is 0. HiddenLayerSizes must be one or more widths of at least 1. "
            + "DropoutRate must be from 0 to less than 1, but is 1. NumberOfNegatives must be at least 1, but is 0. "
            + "NumberOfEpochs must be at least 1, but is 0. Patience must be at least 1, but is 0. BatchSize must be at least 1, but is 0. "
            + "LearningRate must be above 0, but is 0. WeightDecay must be at least 0, but is -0.5. "
            + "NumberOfValidationUsers must be at least 0, but is -1. HoldBackFraction must be from 0 to less than 1, but is 1.5. "
            + "Run.NumberOfThreads must be at least 0, but is -2."));
    }

    [TestCase(double.NaN)]
    [TestCase(double.PositiveInfinity)]
    [TestCase(-1)]
    public void Validate_ANumberThatIsNone_IsRefused(double value)
    {
        DinTrainer.Options options = new() { DropoutRate = value, LearningRate = value, WeightDecay = value, HoldBackFraction = value };

        string text = value.ToString(CultureInfo.InvariantCulture);
        Assert.That(() => new MLContext(seed: 1).DeviceCloud().Trainers.Din(options), Throws.ArgumentException.With.Message.EqualTo(
            $"DinTrainer.Options: DropoutRate must be from 0 to less than 1, but is {text}. LearningRate must be above 0, but is {text}. "
            + $"WeightDecay must be at least 0, but is {text}. HoldBackFraction must be from 0 to less than 1, but is {text}."));
    }

    [Test]
    public void Validate_TheDefaults_AreWhatTheDocumentationSays()
    {
        DinTrainer.Options options = new();

        Assert.That(() => new MLContext(seed: 1).DeviceCloud().Trainers.Din(options), Throws.Nothing);
        Assert.That(options.HiddenLayerSizes, Is.EqualTo(new[] { 128, 64 }));
        Assert.That(options.AttentionWeights, Is.EqualTo(AttentionWeights.Softmax));
        Assert.That(options.Activation, Is.EqualTo(DinActivation.PRelu));
        Assert.That(options.Loss, Is.EqualTo(CandidateLoss.BinaryCrossEntropy));
        Assert.That(
            (options.EmbeddingDimension, options.HistoryLength, options.ActivationUnitSize, options.NumberOfNegatives, options.NumberOfEpochs, options.BatchSize),
            Is.EqualTo((32, 50, 32, 4, 30, 256)));
        Assert.That((options.LearningRate, options.NumberOfValidationUsers, options.Run.Seed), Is.EqualTo((0.001, 1000, 1)));
    }

    [Test]
    public void Din_WithoutOptionsOrCatalog_IsRefused()
    {
        Assert.That(() => new MLContext(seed: 1).DeviceCloud().Trainers.Din(null!), Throws.ArgumentNullException);
        Assert.That(() => TrainersCatalog.Din(null!, new DinTrainer.Options()), Throws.ArgumentNullException);
    }
}
