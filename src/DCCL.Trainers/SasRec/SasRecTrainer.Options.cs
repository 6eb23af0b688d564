using DCCL.ML.Data;

namespace DCCL.Trainers;

public sealed partial class SasRecTrainer
{
    /// <summary>The options of <see cref="SasRecTrainer"/>.</summary>
    /// <remarks>Immutable and thread-safe.</remarks>
    public sealed class Options
    {
        /// <summary>Gets the columns of the log.</summary>
        /// <value>The default is User, Item, Timestamp.</value>
        public InteractionColumns Columns { get; init; } = new("User", "Item", "Timestamp");

        /// <summary>Gets the length of an item's embedding vector, which is that of the user vector, too.</summary>
        /// <value>The default is 64. At least 1.</value>
        public int EmbeddingDimension { get; init; } = 64;

        /// <summary>
        /// Gets how many elements of an item's embedding begin as the leading singular vectors of the log's user-item matrix, of the
        /// labels if there are some; the others begin near zero.
        /// </summary>
        /// <remarks>What users have in common is in the log before the first epoch: found this way it takes fewer epochs.</remarks>
        /// <value>The default is 32. 0 for random ones only; no more than the embedding has are used.</value>
        public int NumberOfSpectralFactors { get; init; } = 32;

        /// <summary>Gets the number of most recent positive events that the model looks at.</summary>
        /// <value>The default is 50. At least 1.</value>
        public int HistoryLength { get; init; } = 50;

        /// <summary>Gets the number of blocks of attention and feed-forward layer.</summary>
        /// <value>The default is 2. From 1 to 64.</value>
        public int NumberOfBlocks { get; init; } = 2;

        /// <summary>Gets the number of attention heads of a block.</summary>
        /// <value>The default is 2. At least 1; a divisor of the embedding dimension.</value>
        public int NumberOfHeads { get; init; } = 2;

        /// <summary>Gets the width of the feed-forward layers.</summary>
        /// <value>The default is 128. At least 1.</value>
        public int FeedForwardSize { get; init; } = 128;

        /// <summary>Gets the share of the embeddings', the attention's and the feed-forward layers' elements that is set to zero in training.</summary>
        /// <value>The default is 0.3. From 0 to less than 1.</value>
        public double DropoutRate { get; init; } = 0.3;

        /// <summary>
        /// Gets how many random items a batch is foreseen among, besides the batch's own; not used with a label column.
        /// </summary>
        /// <value>
        /// The default is 0: all items, which costs time in proportion to the catalogue. From some ten thousand items on, a thousand or so
        /// are faster.
        /// </value>
        public int NumberOfSampledItems { get; init; }

        /// <summary>Gets the number of epochs at most.</summary>
        /// <value>The default is 100. At least 1.</value>
        public int NumberOfEpochs { get; init; } = 100;

        /// <summary>Gets the number of epochs without a better validation metric after which training stops.</summary>
        /// <value>The default is 10. At least 1.</value>
        public int Patience { get; init; } = 10;

        /// <summary>
        /// Gets the number of sequences in a batch, of at most <see cref="HistoryLength"/> events each; with a label column, of events.
        /// </summary>
        /// <value>The default is 64. At least 1.</value>
        public int BatchSize { get; init; } = 64;

        /// <summary>Gets Adam's step size.</summary>
        /// <value>The default is 0.002. Above 0.</value>
        public double LearningRate { get; init; } = 0.002;

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

        internal void Validate() => new OptionsCheck("SasRecTrainer.Options")
            .AtLeast(nameof(EmbeddingDimension), EmbeddingDimension, 1)
            .AtLeast(nameof(NumberOfSpectralFactors), NumberOfSpectralFactors, 0)
            .AtLeast(nameof(HistoryLength), HistoryLength, 1)
            .That(NumberOfBlocks is >= 1 and <= 64, $"{nameof(NumberOfBlocks)} must be from 1 to 64, but is {NumberOfBlocks}.")
            .That(
                NumberOfHeads >= 1 && EmbeddingDimension % NumberOfHeads == 0,
                $"{nameof(NumberOfHeads)} must be at least 1 and divide {nameof(EmbeddingDimension)}, {EmbeddingDimension}, but is {NumberOfHeads}.")
            .AtLeast(nameof(FeedForwardSize), FeedForwardSize, 1)
            .That(DropoutRate is >= 0 and < 1, $"{nameof(DropoutRate)} must be from 0 to less than 1, but is {DropoutRate}.")
            .AtLeast(nameof(NumberOfSampledItems), NumberOfSampledItems, 0)
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
