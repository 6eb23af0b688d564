using DCCL.ML.Model;

namespace DCCL.Trainers;

public sealed partial class MetaPatchTrainer
{
    /// <summary>The options of <see cref="MetaPatchTrainer"/>.</summary>
    /// <remarks>Immutable and thread-safe. The defaults were chosen on validation events.</remarks>
    public sealed class Options
    {
        private TrainingRunOptions _run = new();

        /// <summary>Gets <c>d</c>, the length of a user's patch, the intercept included.</summary>
        /// <value>
        /// The default is null: that of the patches that the model has; else 33 where patches weigh factors of the item, and 16 on a basis. From 1, which
        /// is one smoothed intercept per user and nothing else, to 256.
        /// </value>
        public int? PatchSize { get; init; }

        /// <summary>Gets <c>r</c>, the width of a patch's bottleneck.</summary>
        /// <value>The default is 8. At least 1.</value>
        public int BottleneckSize { get; init; } = 8;

        /// <summary>Gets the activation function inside a patch.</summary>
        /// <value>The default is <see cref="PatchActivation.Tanh"/>.</value>
        public PatchActivation Activation { get; init; }

        /// <summary>Gets the hidden layers to patch, ascending from 0.</summary>
        /// <value>The default is null: all. Not used with <see cref="PatchBasisSource.ItemFactors"/>.</value>
        public IReadOnlyList<int>? Layers { get; init; }

        /// <summary>
        /// Gets how the first basis is found, or that patches weigh factors of the item instead. A model that has a basis of the same shape, or factors,
        /// keeps them.
        /// </summary>
        /// <value>
        /// The default is null: as in the patches that the model has; else what was better on validation events: <see cref="PatchBasisSource.ItemFactors"/>,
        /// and where the model remembers nothing, or the gate keeps nothing of such sums, <see cref="PatchBasisSource.Learned"/>.
        /// </value>
        public PatchBasisSource? Basis { get; init; }

        /// <summary>Gets the number of passes over the users when the basis is learnt, or over their events when factors of the items are.</summary>
        /// <value>The default is 30. At least 1.</value>
        public int NumberOfBasisEpochs { get; init; } = 30;

        /// <summary>Gets the number of epochs without a better basis, or better factors, as the held-back events judge, after which learning stops.</summary>
        /// <value>The default is 5. At least 1.</value>
        public int BasisPatience { get; init; } = 5;

        /// <summary>Gets Adam's step size for the basis.</summary>
        /// <value>The default is 0.0003. Above 0.</value>
        public double BasisLearningRate { get; init; } = 0.0003;

        /// <summary>
        /// Gets the weight of <c>|theta - start|^2 / 2</c> against the sum of a user's cross-entropy, the intercept aside. Columns of
        /// the basis all have the same root-mean-square effect c on the logit, so that the prior variance of what a patch adds to a
        /// logit is c^2 (d - 1) / L2. How large c is, 1 at first, is found on held-back events together with the basis.
        /// What patches that are sums of factors add to a logit does not depend on it.
        /// </summary>
        /// <value>The default is 60. Above 0.</value>
        public double L2 { get; init; } = 60;

        /// <summary>Gets the weight of the intercept's <c>(theta_0 - start_0)^2 / 2</c>.</summary>
        /// <value>The default is 2. Above 0.</value>
        public double InterceptL2 { get; init; } = 2;

        /// <summary>
        /// Gets how often the patched model is linearised when patches are learnt. Around a patch a logit is linear in <c>theta</c>, and the
        /// logistic regression on d features that remains is solved to the end: a Gauss-Newton step, where Adam takes
        /// <see cref="NumberOfSteps"/>. One is several times as fast; it minimises the same.
        /// </summary>
        /// <value>The default is 0, which learns by Adam's steps, as devices do. At least 0.</value>
        public int NumberOfLinearizations { get; init; }

        /// <summary>
        /// Gets the number of a user's most recent events, of those that are new to the cloud model, that a patch learns from; of all of the user's
        /// events, where patches are sums.
        /// </summary>
        /// <value>The default is 0, which means all. At least 0.</value>
        public int MaximumNumberOfEvents { get; init; }

        /// <summary>Gets the number of Adam's steps in which a patch is learnt, if <see cref="NumberOfLinearizations"/> is 0.</summary>
        /// <value>The default is 20. At least 1.</value>
        public int NumberOfSteps { get; init; } = 20;

        /// <summary>Gets Adam's first step size, which falls to zero along a cosine.</summary>
        /// <value>The default is 0.1. Above 0.</value>
        public double LearningRate { get; init; } = 0.1;

        /// <summary>Gets the weight of an event's sampled negatives together, as many as the cloud model's probabilities stand for: 4 of a SASRec, of a DIN as many as it was trained with.</summary>
        /// <value>The default is 4. At least 1. Not used with labels.</value>
        public int NumberOfNegatives { get; init; } = 4;

        /// <summary>Gets the number of negatives that are drawn for each event, once.</summary>
        /// <value>The default is 8. At least 1. Not used with labels.</value>
        public int NegativePoolSize { get; init; } = 8;

        /// <summary>
        /// Gets how much of each user's patch is kept, the intercept aside, which is kept as it is or, with labels, fitted to the rest; null where
        /// a gate chooses it. Without labels a gate ranks a sample of users among all items, which takes as long for a thousand users as for a
        /// million: where it has chosen, and the basis stays, the nightly runs can do without.
        /// </summary>
        /// <value>The default is null. From 0 to 1.</value>
        public double? Strength { get; init; }

        /// <summary>Gets the share of a user's events, the most recent ones, on which the gate judges the patch of the others.</summary>
        /// <value>
        /// The default is 0.2. Above 0 and less than 1. Not used where patches are sums: the later half of what is new to the cloud model judges these, or
        /// all of it where the factors are there already, as many events of everybody as take some seconds.
        /// </value>
        public double GateFraction { get; init; } = 0.2;

        /// <summary>
        /// Gets the number of events that the users of similar activity count for when the gate judges a user: the more, the less one
        /// user's few held-back events decide alone. Used where events have labels, and when MoMoDistill migrates patches.
        /// </summary>
        /// <value>The default is 30. At least 0, where each user is judged alone.</value>
        public double GatePriorEvents { get; init; } = 30;

        /// <summary>Gets the number of activations held in memory at once for a chunk of users, which caps the memory.</summary>
        /// <value>The default is 20 million, which is 80 MB. At least 1.</value>
        public int ChunkSize { get; init; } = 20_000_000;

        /// <summary>Gets how the trainer runs.</summary>
        /// <value>The default is seed 1 and one thread per processor.</value>
        public TrainingRunOptions Run { get => _run; init => _run = value; }

        /// <summary>The same options with another run.</summary>
        internal Options With(TrainingRunOptions run)
        {
            Options copy = (Options)MemberwiseClone();
            copy._run = run;
            return copy;
        }

        internal void Validate() => new OptionsCheck("MetaPatchTrainer.Options")
            .That(PatchSize is null or (>= 1 and <= 256), $"{nameof(PatchSize)} must be from 1 to 256, but is {PatchSize}.")
            .That(Basis != PatchBasisSource.ItemFactors || PatchSize is null or > 1, $"{nameof(PatchSize)} must be above 1 where patches weigh factors, but is {PatchSize}.")
            .AtLeast(nameof(BottleneckSize), BottleneckSize, 1)
            .That(Layers is null || (Layers.Count > 0 && Layers.All(layer => layer >= 0) && Layers.Order().Distinct().SequenceEqual(Layers)), $"{nameof(Layers)} must be ascending indices from 0, or null.")
            .AtLeast(nameof(NumberOfBasisEpochs), NumberOfBasisEpochs, 1)
            .AtLeast(nameof(BasisPatience), BasisPatience, 1)
            .That(BasisLearningRate > 0 && double.IsFinite(BasisLearningRate), $"{nameof(BasisLearningRate)} must be above 0, but is {BasisLearningRate}.")
            .That(L2 > 0 && double.IsFinite(L2), $"{nameof(L2)} must be above 0, but is {L2}.")
            .That(InterceptL2 > 0 && double.IsFinite(InterceptL2), $"{nameof(InterceptL2)} must be above 0, but is {InterceptL2}.")
            .AtLeast(nameof(NumberOfLinearizations), NumberOfLinearizations, 0)
            .AtLeast(nameof(MaximumNumberOfEvents), MaximumNumberOfEvents, 0)
            .AtLeast(nameof(NumberOfSteps), NumberOfSteps, 1)
            .That(LearningRate > 0 && double.IsFinite(LearningRate), $"{nameof(LearningRate)} must be above 0, but is {LearningRate}.")
            .AtLeast(nameof(NumberOfNegatives), NumberOfNegatives, 1)
            .AtLeast(nameof(NegativePoolSize), NegativePoolSize, 1)
            .That(Strength is null or (>= 0 and <= 1), $"{nameof(Strength)} must be from 0 to 1, or null, but is {Strength}.")
            .That(GateFraction is > 0 and < 1, $"{nameof(GateFraction)} must be above 0 and less than 1, but is {GateFraction}.")
            .That(GatePriorEvents >= 0 && double.IsFinite(GatePriorEvents), $"{nameof(GatePriorEvents)} must be at least 0, but is {GatePriorEvents}.")
            .AtLeast(nameof(ChunkSize), ChunkSize, 1)
            .AtLeast("Run.NumberOfThreads", Run.NumberOfThreads, 0)
            .ThrowIfAny();
    }
}
