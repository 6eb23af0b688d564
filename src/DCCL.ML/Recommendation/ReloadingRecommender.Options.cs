namespace DCCL.ML.Recommendation;

public sealed partial class ReloadingRecommender
{
    /// <summary>The options of <see cref="ReloadingRecommender"/>.</summary>
    /// <remarks>Immutable and thread-safe, if the two callbacks are.</remarks>
    public sealed class Options
    {
        /// <summary>Gets how often the file is looked at.</summary>
        /// <value>The default is one second. <see cref="Timeout.InfiniteTimeSpan"/> for never: call <see cref="Reload"/>.</value>
        public TimeSpan PollingInterval { get; init; } = TimeSpan.FromSeconds(1);

        /// <summary>Gets the number of threads that one call may use.</summary>
        /// <value>The default is 1: in a service, requests share the processors. 0 means one per processor.</value>
        public int NumberOfThreads { get; init; } = 1;

        /// <summary>Gets what is called after another model has been loaded in the background, with its number, 2 for the first one after
        /// the start.</summary>
        /// <value>The default is <see langword="null"/>. What it throws is logged.</value>
        public Action<int>? Reloaded { get; init; }

        /// <summary>Gets what is called with the reason where the file has changed, but cannot be loaded. The old model goes on serving.</summary>
        /// <value>The default is <see langword="null"/>: the log says it anyway. What it throws is logged.</value>
        public Action<Exception>? ReloadFailed { get; init; }

        /// <summary>Gets how much is kept of what is observed of users, from one model to the next.</summary>
        /// <value>The default is that of <see cref="ObservationLimits"/>.</value>
        public ObservationLimits Observations { get; init; } = new();

        internal void Validate()
        {
            Observations.Validate();
            if (PollingInterval != Timeout.InfiniteTimeSpan && !(PollingInterval > TimeSpan.Zero))
            {
                throw new ArgumentException(
                    $"ReloadingRecommender.Options: {nameof(PollingInterval)} must be above zero or infinite, but is {PollingInterval}.");
            }

            if (NumberOfThreads < 0)
            {
                throw new ArgumentException(
                    $"ReloadingRecommender.Options: {nameof(NumberOfThreads)} must be at least 0, but is {NumberOfThreads}.");
            }
        }
    }
}
