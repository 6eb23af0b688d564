using DCCL.ML.Data;
using DCCL.ML.Model;

namespace DCCL.Trainers.Torch;

/// <summary>What the training of a cloud model asks of one kind of network: all that differs from backbone to backbone.</summary>
internal interface ICloudNetwork
{
    /// <summary>Gets the name of the trainer, as messages say it.</summary>
    string TrainerName { get; }

    /// <summary>Gets the options of the trainer.</summary>
    object Options { get; }

    /// <summary>Describes the network for a log.</summary>
    BackboneArchitecture CreateArchitecture(int numberOfItems, int profileDimension);

    /// <summary>Draws the first values of a tensor.</summary>
    float[] Initialize(BackboneArchitecture architecture, TensorShape shape, SeededRandom random);

    /// <summary>Creates the torch module.</summary>
    TorchBackbone CreateModule(BackboneArchitecture architecture, Func<TensorShape, float[]> weights);

    /// <summary>Prepares the training.</summary>
    /// <param name="module">The network, trained in place.</param>
    /// <param name="log">The log.</param>
    /// <param name="isTaught">Whether an event, of a user and an index, is to be learnt; the others stand in histories only.</param>
    /// <param name="run">The run.</param>
    /// <returns>The training; null if the log has nothing to learn.</returns>
    ICloudEpochs? CreateTraining(TorchBackbone module, InteractionLog log, Func<int, int, bool> isTaught, TrainingRun run);

    /// <summary>Says how a network differs from a previous model's, apart from the items.</summary>
    /// <exception cref="ArgumentException">It is of another kind.</exception>
    ShapeComparison Compare(BackboneArchitecture previous, BackboneArchitecture now);
}
