using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;

namespace DCCL.Trainers.Din;

/// <summary>The Deep Interest Network, as the training of cloud models sees it.</summary>
internal sealed class DinNetwork(DinTrainer.Options options) : ICloudNetwork
{
    public string TrainerName => nameof(DinTrainer);

    public object Options => options;

    public BackboneArchitecture CreateArchitecture(int numberOfItems, int profileDimension) => new DinArchitecture
    {
        NumberOfItems = numberOfItems,
        EmbeddingDimension = options.EmbeddingDimension,
        HistoryLength = options.HistoryLength,
        ProfileDimension = profileDimension,
        ActivationUnitSize = options.ActivationUnitSize,
        HiddenLayerSizes = options.HiddenLayerSizes,
        Activation = options.Activation,
        AttentionWeights = options.AttentionWeights,
    };

    public float[] Initialize(BackboneArchitecture architecture, TensorShape shape, SeededRandom random) =>
        DinModule.Initialize((DinArchitecture)architecture, shape, random);

    public TorchBackbone CreateModule(BackboneArchitecture architecture, Func<TensorShape, float[]> weights) =>
        new DinModule((DinArchitecture)architecture, options.DropoutRate, weights);

    public ICloudEpochs? CreateTraining(TorchBackbone module, InteractionLog log, Func<int, int, bool> isTaught, TrainingRun run)
    {
        BackboneArchitecture architecture = module.Architecture;
        EventTable events = EventTable.Create(log, architecture.HistoryLength, architecture.ProfileDimension > 0, isTaught);
        CloudTraining.Settings settings = new(
            options.BatchSize, options.LearningRate, options.WeightDecay, options.NumberOfNegatives, options.Loss, run.Threads);
        return events.Count == 0 ? null : new CloudTraining(module, events, log, settings, run.Random);
    }

    public ShapeComparison Compare(BackboneArchitecture previous, BackboneArchitecture now)
    {
        if (previous is not DinArchitecture old)
        {
            throw new ArgumentException($"The previous model must be a Deep Interest Network, but is '{previous.Name}'.");
        }

        DinArchitecture din = (DinArchitecture)now;
        return new ShapeComparison()
            .Add(nameof(options.EmbeddingDimension), old.EmbeddingDimension, din.EmbeddingDimension)
            .Add(nameof(options.HistoryLength), old.HistoryLength, din.HistoryLength)
            .Add(nameof(options.ActivationUnitSize), old.ActivationUnitSize, din.ActivationUnitSize)
            .Add(nameof(options.HiddenLayerSizes), string.Join(", ", old.HiddenLayerSizes), string.Join(", ", din.HiddenLayerSizes))
            .Add(nameof(options.Activation), old.Activation, din.Activation)
            .Add(nameof(options.AttentionWeights), old.AttentionWeights, din.AttentionWeights)
            .Add("The length of the profile", old.ProfileDimension, din.ProfileDimension);
    }
}
