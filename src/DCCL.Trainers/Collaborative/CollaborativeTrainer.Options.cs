namespace DCCL.Trainers;

public sealed partial class CollaborativeTrainer
{
    /// <summary>The options of <see cref="CollaborativeTrainer"/>.</summary>
    /// <remarks>Immutable and thread-safe. The run of <see cref="Cloud"/> is that of the whole.</remarks>
    public sealed class Options
    {
        /// <summary>Gets the number of rounds of MetaPatch and MoMoDistill.</summary>
        /// <value>The default is 1. 0 trains the cloud model and patches without the way back (DCCL-e). At least 0.</value>
        public int NumberOfRounds { get; init; } = 1;

        /// <summary>Gets the share of each user's events, the most recent ones, that are the device's.</summary>
        /// <value>The default is 0.2. Above 0 and less than 1.</value>
        public double DeviceFraction { get; init; } = 0.2;

        /// <summary>Gets the options of the cloud model, the columns among them.</summary>
        /// <value>The default is the default of <see cref="DinTrainer"/>.</value>
        public DinTrainer.Options Cloud { get; init; } = new();

        /// <summary>Gets the options of the patches; their run is not used.</summary>
        /// <value>The default is the default of <see cref="MetaPatchTrainer"/>.</value>
        public MetaPatchTrainer.Options Patches { get; init; } = new();

        /// <summary>Gets the options of the distillation; its run and patches are not used.</summary>
        /// <value>The default is the default of <see cref="MoMoDistillEstimator"/>.</value>
        public MoMoDistillEstimator.Options Distillation { get; init; } = new();

        internal void Validate()
        {
            new OptionsCheck("CollaborativeTrainer.Options")
                .AtLeast(nameof(NumberOfRounds), NumberOfRounds, 0)
                .That(DeviceFraction is > 0 and < 1, $"{nameof(DeviceFraction)} must be above 0 and less than 1, but is {DeviceFraction}.")
                .ThrowIfAny();
            Cloud.Validate();
            Patches.Validate();
            Distillation.Validate();
        }
    }
}
