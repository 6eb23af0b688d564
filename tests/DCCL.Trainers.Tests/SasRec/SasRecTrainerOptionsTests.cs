using DCCL.ML;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.SasRec;

public sealed class SasRecTrainerOptionsTests
{
    [Test]
    public void Validate_EverythingWrong_NamesAllFaults()
    {
        SasRecTrainer.Options options = new()
        {
            EmbeddingDimension = 0,
            NumberOfSpectralFactors = -1,
            HistoryLength = 0,
            NumberOfBlocks = 65,
            NumberOfHeads = 0,
            FeedForwardSize = 0,
            DropoutRate = 1,
            NumberOfSampledItems = -1,
            NumberOfEpochs = 0,
            Patience = 0,
            BatchSize = 0,
            LearningRate = double.NaN,
            WeightDecay = -0.5,
            NumberOfValidationUsers = -1,
            HoldBackFraction = 1.5,
            Run = new TrainingRunOptions { NumberOfThreads = -2 },
        };

        Assert.That(() => new MLContext(seed: 1).DeviceCloud().Trainers.SasRec(options), Throws.ArgumentException.With.Message.EqualTo(
            "SasRecTrainer.Options: EmbeddingDimension must be at least 1, but is 0. NumberOfSpectralFactors must be at least 0, but is -1. "
            + "HistoryLength must be at least 1, but is 0. NumberOfBlocks must be from 1 to 64, but is 65. "
            + "NumberOfHeads must be at least 1 and divide EmbeddingDimension, 0, but is 0. FeedForwardSize must be at least 1, but is 0. "
            + "DropoutRate must be from 0 to less than 1, but is 1. NumberOfSampledItems must be at least 0, but is -1. "
            + "NumberOfEpochs must be at least 1, but is 0. Patience must be at least 1, but is 0. BatchSize must be at least 1, but is 0. "
            + "LearningRate must be above 0, but is NaN. WeightDecay must be at least 0, but is -0.5. "
            + "NumberOfValidationUsers must be at least 0, but is -1. HoldBackFraction must be from 0 to less than 1, but is 1.5. "
            + "Run.NumberOfThreads must be at least 0, but is -2."));
    }

    [Test]
    public void Validate_HeadsThatDoNotDivideTheEmbedding_AreRefused()
    {
        SasRecTrainer.Options options = new() { EmbeddingDimension = 10, NumberOfHeads = 4 };

        Assert.That(() => new MLContext(seed: 1).DeviceCloud().Trainers.SasRec(options), Throws.ArgumentException.With.Message.EqualTo(
            "SasRecTrainer.Options: NumberOfHeads must be at least 1 and divide EmbeddingDimension, 10, but is 4."));
    }

    [Test]
    public void SasRec_WithoutOptionsOrCatalog_IsRefused()
    {
        Assert.That(() => new MLContext(seed: 1).DeviceCloud().Trainers.SasRec(null!), Throws.ArgumentNullException);
        Assert.That(() => TrainersCatalog.SasRec(null!, new SasRecTrainer.Options()), Throws.ArgumentNullException);
    }
}
