namespace DCCL.Trainers;

public sealed partial class MoMoDistillEstimator
{
    /// <summary>The options of <see cref="MoMoDistillEstimator"/>.</summary>
    /// <remarks>Immutable and thread-safe. The defaults were chosen on validation events.</remarks>
    public sealed class Options
    {
        private TrainingRunOptions _run = new();
        private MetaPatchTrainer.Options _patches = new();

        /// <summary>Gets beta, the weight of the divergence from the teachers.</summary>
        /// <value>The default is 3. 0 trains the cloud model on without teachers, in the same steps. At least 0.</value>
        public double TeacherWeight { get; init; } = 3;

        /// <summary>Gets the number of folds of a user's device events: an event's teacher is a patch that has not seen it.</summary>
        /// <value>The default is 3. At least 2.</value>
        public int NumberOfFolds { get; init; } = 3;

        /// <summary>Gets the number of epochs in which the cloud model is trained on (stage 1).</summary>
        /// <value>
        /// The default is 3. At least 1. With labels the epoch is kept that has the least cross-entropy on the events of stage 2, or the
        /// model as it was, if all are worse.
        /// </value>
        public int NumberOfEpochs { get; init; } = 3;

        /// <summary>
        /// Gets the number of epochs in which the teachers' own cloud model is trained on, without teachers, before it teaches with the
        /// patches on it.
        /// </summary>
        /// <remarks>
        /// Where the world has changed, the patched models of before are weaker teachers than plain retraining: they know the person, but
        /// not what is new for everybody, and hold the new model back.
        /// </remarks>
        /// <value>The default is 3. 0 takes the old cloud model, as the paper does. At least 0.</value>
        public int NumberOfTeacherEpochs { get; init; } = 3;

        /// <summary>Gets Adam's step size for the cloud model.</summary>
        /// <value>The default is 0.0005. Above 0.</value>
        public double LearningRate { get; init; } = 0.0005;

        /// <summary>Gets the number of events in a batch.</summary>
        /// <value>The default is 256. At least 1.</value>
        public int BatchSize { get; init; } = 256;

        /// <summary>Gets the decoupled weight decay (AdamW).</summary>
        /// <value>The default is 0. At least 0.</value>
        public double WeightDecay { get; init; }

        /// <summary>Gets the share of a hidden layer's inputs that is set to zero in training.</summary>
        /// <value>The default is 0. From 0 to less than 1.</value>
        public double DropoutRate { get; init; }

        /// <summary>Gets the number of negatives drawn for each event in stage 1; not used with labels.</summary>
        /// <value>
        /// The default, null, is 4 for a DIN and 32 for a SASRec, to which one more is one more product. At least 1. A SASRec's probabilities stay what they
        /// are, among four random items, whatever the number.
        /// </value>
        public int? NumberOfNegatives { get; init; }

        /// <summary>Gets the share of each user's device events, drawn at random, that stage 1 leaves out for stage 2 to learn from.</summary>
        /// <value>
        /// The default is 0.1. Above 0 and less than 1. Not used without labels where stage 2 has nothing to learn: where patches are sums, or
        /// <see cref="TeacherWeight"/> and <see cref="NumberOfPatchEpochs"/> are 0. Stage 1 learns from all events then.
        /// </value>
        public double StageTwoFraction { get; init; } = 0.1;

        /// <summary>Gets the number of passes over the held-out events in which basis and patch encoder are learnt (stage 2).</summary>
        /// <value>
        /// The default is 20. At least 0, which leaves the basis as it is; the patches stay too. Where patches are sums nothing is learnt: 0 leaves
        /// factors and patches as they are, any other number keeps the factors and half of the sums, with labels three quarters.
        /// </value>
        public int NumberOfPatchEpochs { get; init; } = 20;

        /// <summary>Gets Adam's step size for basis and patch encoder.</summary>
        /// <value>The default is 0.001. Above 0.</value>
        public double PatchLearningRate { get; init; } = 0.001;

        /// <summary>Gets the width of the patch encoder.</summary>
        /// <value>The default is 16. At least 1.</value>
        public int EncoderSize { get; init; } = 16;

        /// <summary>Gets how patches are learnt again on folds of the events: the options that the fleet's patches were learnt with.</summary>
        /// <value>The default is the default of <see cref="MetaPatchTrainer"/>; shape and run are not used.</value>
        public MetaPatchTrainer.Options Patches { get => _patches; init => _patches = value; }

        /// <summary>Gets how the estimator runs.</summary>
        /// <value>The default is seed 1 and one thread per processor.</value>
        public TrainingRunOptions Run { get => _run; init => _run = value; }

        /// <summary>The same options with another run and other patches.</summary>
        internal Options With(TrainingRunOptions run, MetaPatchTrainer.Options patches)
        {
            Options copy = (Options)MemberwiseClone();
            copy._run = run;
            copy._patches = patches;
            return copy;
        }

        internal void Validate()
        {
            new OptionsCheck("MoMoDistillEstimator.Options")
                .That(TeacherWeight >= 0 && double.IsFinite(TeacherWeight), $"{nameof(TeacherWeight)} must be at least 0, but is {TeacherWeight}.")
                .AtLeast(nameof(NumberOfFolds), NumberOfFolds, 2)
                .AtLeast(nameof(NumberOfEpochs), NumberOfEpochs, 1)
                .AtLeast(nameof(NumberOfTeacherEpochs), NumberOfTeacherEpochs, 0)
                .That(LearningRate > 0 && double.IsFinite(LearningRate), $"{nameof(LearningRate)} must be above 0, but is {LearningRate}.")
                .AtLeast(nameof(BatchSize), BatchSize, 1)
                .That(WeightDecay >= 0 && double.IsFinite(WeightDecay), $"{nameof(WeightDecay)} must be at least 0, but is {WeightDecay}.")
                .That(DropoutRate is >= 0 and < 1, $"{nameof(DropoutRate)} must be from 0 to less than 1, but is {DropoutRate}.")
                .AtLeast(nameof(NumberOfNegatives), NumberOfNegatives ?? 1, 1)
                .That(StageTwoFraction is > 0 and < 1, $"{nameof(StageTwoFraction)} must be above 0 and less than 1, but is {StageTwoFraction}.")
                .AtLeast(nameof(NumberOfPatchEpochs), NumberOfPatchEpochs, 0)
                .That(PatchLearningRate > 0 && double.IsFinite(PatchLearningRate), $"{nameof(PatchLearningRate)} must be above 0, but is {PatchLearningRate}.")
                .AtLeast(nameof(EncoderSize), EncoderSize, 1)
                .AtLeast("Run.NumberOfThreads", Run.NumberOfThreads, 0)
                .ThrowIfAny();
            Patches.Validate();
        }
    }
}
