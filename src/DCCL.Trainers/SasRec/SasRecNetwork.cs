using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;

namespace DCCL.Trainers.SasRec;

/// <summary>SASRec, as the training of cloud models sees it.</summary>
internal sealed class SasRecNetwork(SasRecTrainer.Options options) : ICloudNetwork
{
    public string TrainerName => nameof(SasRecTrainer);

    public object Options => options;

    public BackboneArchitecture CreateArchitecture(int numberOfItems, int profileDimension) => new SasRecArchitecture
    {
        NumberOfItems = numberOfItems,
        EmbeddingDimension = options.EmbeddingDimension,
        HistoryLength = options.HistoryLength,
        ProfileDimension = profileDimension,
        NumberOfBlocks = options.NumberOfBlocks,
        NumberOfHeads = options.NumberOfHeads,
        FeedForwardSize = options.FeedForwardSize,
    };

    public float[] Initialize(BackboneArchitecture architecture, TensorShape shape, SeededRandom random) =>
        SasRecModule.Initialize((SasRecArchitecture)architecture, shape, random);

    public TorchBackbone CreateModule(BackboneArchitecture architecture, Func<TensorShape, float[]> weights) =>
        new SasRecModule((SasRecArchitecture)architecture, options.DropoutRate, weights);

    public ICloudEpochs? CreateTraining(TorchBackbone module, InteractionLog log, Func<int, int, bool> isTaught, TrainingRun run)
    {
        bool usesProfiles = module.Architecture.ProfileDimension > 0;
        if (log.HasLabels)
        {
            // What was shown and refused is foreseen event by event: a softmax over all items has no word for a refusal.
            EventTable labelled = EventTable.Create(log, options.HistoryLength, usesProfiles, isTaught);
            CloudTraining.Settings binary = new(
                options.BatchSize, options.LearningRate, options.WeightDecay, NumberOfNegatives: 0, CandidateLoss.BinaryCrossEntropy, run.Threads);
            return labelled.Count == 0 ? null : new CloudTraining(module, labelled, log, binary, run.Random);
        }

        SequenceTable table = new(log, options.HistoryLength, usesProfiles, isTaught);
        SequenceTraining.Settings settings = new(
            options.BatchSize, options.LearningRate, options.WeightDecay, options.NumberOfSampledItems, run.Threads);
        return table.NumberOfEvents == 0 ? null : new SequenceTraining((SasRecModule)module, table, log, settings, run.Random);
    }

    public ShapeComparison Compare(BackboneArchitecture previous, BackboneArchitecture now)
    {
        if (previous is not SasRecArchitecture old)
        {
            throw new ArgumentException($"The previous model must be a SASRec, but is '{previous.Name}'.");
        }

        SasRecArchitecture sasRec = (SasRecArchitecture)now;
        return new ShapeComparison()
            .Add(nameof(options.EmbeddingDimension), old.EmbeddingDimension, sasRec.EmbeddingDimension)
            .Add(nameof(options.HistoryLength), old.HistoryLength, sasRec.HistoryLength)
            .Add(nameof(options.NumberOfBlocks), old.NumberOfBlocks, sasRec.NumberOfBlocks)
            .Add(nameof(options.NumberOfHeads), old.NumberOfHeads, sasRec.NumberOfHeads)
            .Add(nameof(options.FeedForwardSize), old.FeedForwardSize, sasRec.FeedForwardSize)
            .Add("The length of the profile", old.ProfileDimension, sasRec.ProfileDimension);
    }
}
