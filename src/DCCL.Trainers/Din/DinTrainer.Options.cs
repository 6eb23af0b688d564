using DCCL.ML.Data;
using DCCL.ML.Model;

namespace DCCL.Trainers;

public sealed partial class DinTrainer
{
    /// <summary>The options of <see cref="DinTrainer"/>.</summary>
    /// <remarks>Immutable and thread-safe. The defaults were chosen on the validation events of the MovieLens logs.</remarks>
    public sealed class Options
    {
        /// <summary>Gets the columns of the log.</summary>
        /// <value>The default is User, Item, Timestamp.</value>
        public InteractionColumns Columns { get; init; } = new("User", "Item", "Timestamp");

        /// <summary>Gets the length of an item's embedding vector.</summary>
        /// <value>The default is 32. At least 1.</value>
        public int EmbeddingDimension { get; init; } = 32;

        /// <summary>
        /// Gets how many elements of an item's embedding begin as the leading singular vectors of the log's user-item matrix, of the
        /// labels if there are some; the others begin near zero.
        /// </summary>
        /// <remarks>
        /// What users have in common is in the log before the first epoch: found this way it takes fewer epochs, and with few labelled
        /// events it is what the network does not find by itself.
        /// </remarks>
        /// <value>The default is 16. 0 for random ones only; no more than the embedding has are used.</value>
        public int NumberOfSpectralFactors { get; init; } = 16;

        /// <summary>Gets the number of most recent positive events that the model looks at.</summary>
        /// <value>The default is 50. At least 1.</value>
        public int HistoryLength { get; init; } = 50;

        /// <summary>Gets the width of the activation unit's hidden layer.</summary>
        /// <value>The default is 32. At least 1. 64 ranks no better on the logs it was tried on, and costs twice the time.</value>
        public int ActivationUnitSize { get; init; } = 32;

        /// <summary>Gets the widths of the hidden layers.</summary>
        /// <value>The default is 128, 64.</value>
        public IReadOnlyList<int> HiddenLayerSizes { get; init; } = [128, 64];

        /// <summary>Gets the activation function.</summary>
        /// <value>The default is <see cref="DinActivation.PRelu"/>; <see cref="DinActivation.Dice"/> trains several times slower.</value>
        public DinActivation Activation { get; init; }

        /// <summary>Gets how scores of the activation unit become weights.</summary>
        /// <value>The default is <see cref="AttentionWeights.Softmax"/>.</value>
        public AttentionWeights AttentionWeights { get; init; }

        /// <summary>Gets the share of a hidden layer's inputs that is set to zero in training.</summary>
        /// <value>The default is 0. From 0 to less than 1.</value>
        public double DropoutRate { get; init; }

        /// <summary>Gets the loss of an event and its sampled negatives; labelled events always have the binary cross-entropy.</summary>
        /// <value>The default is <see cref="CandidateLoss.BinaryCrossEntropy"/>.</value>
        public CandidateLoss Loss { get; init; }

        /// <summary>Gets the number of negatives drawn for each event, anew in each epoch; not used with a label column.</summary>
        /// <value>The default is 4. At least 1.</value>
        public int NumberOfNegatives { get; init; } = 4;

        /// <summary>Gets the number of epochs at most.</summary>
        /// <value>The default is 30. At least 1.</value>
        public int NumberOfEpochs { get; init; } = 30;

        /// <summary>Gets the number of epochs without a better validation metric after which training stops.</summary>
        /// <value>The default is 5. At least 1.</value>
        public int Patience { get; init; } = 5;

        /// <summary>Gets the number of events in a batch.</summary>
        /// <value>The default is 256. At least 1.</value>
        public int BatchSize { get; init; } = 256;

        /// <summary>Gets Adam's step size.</summary>
        /// <value>The default is 0.001. Above 0.</value>
        public double LearningRate { get; init; } = 0.001;

        /// <summary>Gets the decoupled weight decay (AdamW).</summary>
        /// <value>The default is 0. At least 0.</value>
        public double WeightDecay { get; init; }

        /// <summary>Gets the number of users whose events early stopping looks at, drawn at random.</summary>
        /// <value>The default is 1,000. 0 trains all epochs and keeps the last.</value>
        public int NumberOfValidationUsers { get; init; } = 1000;

        /// <summary>
        /// Gets the share of each user's events, the most recent ones, that the model is not fitted to, so that MetaPatch can
        /// learn from them if no later events are to be had.
        /// </summary>
        /// <value>The default is 0. From 0 to less than 1.</value>
        public double HoldBackFraction { get; init; }

        /// <summary>Gets how the trainer runs.</summary>
        /// <value>The default is seed 1 and one thread per processor.</value>
        public TrainingRunOptions Run { get; init; } = new();

        internal void Validate() => new OptionsCheck("DinTrainer.Options")
            .AtLeast(nameof(EmbeddingDimension), EmbeddingDimension, 1)
            .AtLeast(nameof(NumberOfSpectralFactors), NumberOfSpectralFactors, 0)
            .AtLeast(nameof(HistoryLength), HistoryLength, 1)
            .AtLeast(nameof(ActivationUnitSize), ActivationUnitSize, 1)
            .That(HiddenLayerSizes is { Count: > 0 } && HiddenLayerSizes.All(size => size >= 1), $"{nameof(HiddenLayerSizes)} must be one or more widths of at least 1.")
            .That(DropoutRate is >= 0 and < 1, $"{nameof(DropoutRate)} must be from 0 to less than 1, but is {DropoutRate}.")
            .AtLeast(nameof(NumberOfNegatives), NumberOfNegatives, 1)
            .AtLeast(nameof(NumberOfEpochs), NumberOfEpochs, 1)
            .AtLeast(nameof(Patience), Patience, 1)
            .AtLeast(nameof(BatchSize), BatchSize, 1)
            .That(LearningRate > 0 && double.IsFinite(LearningRate), $"{nameof(LearningRate)} must be above 0, but is {LearningRate}.")
            .That(WeightDecay >= 0 && double.IsFinite(WeightDecay), $"{nameof(WeightDecay)} must be at least 0, but is {WeightDecay}.")
            .AtLeast(nameof(NumberOfValidationUsers), NumberOfValidationUsers, 0)
            .That(HoldBackFraction is >= 0 and < 1, $"{nameof(HoldBackFraction)} must be from 0 to less than 1, but is {HoldBackFraction}.")
            .AtLeast("Run.NumberOfThreads", Run.NumberOfThreads, 0)
            .ThrowIfAny();
    }
}
