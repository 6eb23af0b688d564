using DCCL.Trainers;

namespace DCCL.Benchmarks.Personalize;

/// <summary>What a run of the verb personalize is asked for.</summary>
internal sealed record PersonalizeOptions
{
    /// <summary>Gets the path of the log; null for the built-in data.</summary>
    public string? DataFile { get; init; }

    /// <summary>Gets the smallest positive rating; null if every event is positive and negatives are sampled.</summary>
    public double? PositiveRating { get; init; }

    /// <summary>Gets the number of users whose patches are timed: enough that what is done once for all of them hardly counts.</summary>
    public int NumberOfUsers { get; init; } = 100_000;

    /// <summary>Gets the number of a user's most recent device events that patches learn from; 0 for all.</summary>
    /// <remarks>
    /// On the device period of the built-in data and of MovieLens 100K (<see cref="IsChoosing"/>) ten events with two negatives each rank as well as all events with eight.
    /// </remarks>
    public int NumberOfLastEvents { get; init; } = 10;

    /// <summary>Gets the number of negatives that are drawn for each event.</summary>
    public int NegativePoolSize { get; init; } = 2;

    /// <summary>Gets how often the model is linearised; 0 for Adam's steps.</summary>
    public int NumberOfLinearizations { get; init; } = 1;

    /// <summary>Gets a value indicating whether MetaPatch alone is timed.</summary>
    public bool IsTimingOnly { get; init; }

    /// <summary>Gets a value indicating whether numbers of events and negatives are compared on validation, and nothing else is done.</summary>
    public bool IsChoosing { get; init; }

    /// <summary>Gets the folder where the cloud model and the basis are kept for a run that comes later; null to keep none.</summary>
    public string? ModelFolder { get; init; }

    /// <summary>Gets the number of users who are fine-tuned one by one at most.</summary>
    public int MaximumNumberOfTunedUsers { get; init; } = 1000;

    public int NumberOfThreads { get; init; } = Environment.ProcessorCount;

    public bool IsQuick { get; init; }

    /// <summary>Finds faults before the long work begins.</summary>
    public void Validate()
    {
        AtLeast("--users", NumberOfUsers, 1);
        AtLeast("--tuned-users", MaximumNumberOfTunedUsers, 1);
        AtLeast("--threads", NumberOfThreads, 1);
        AtLeast("--negatives", NegativePoolSize, 1);
        AtLeast("--last-events", NumberOfLastEvents, 0);
        AtLeast("--linearizations", NumberOfLinearizations, 0);
    }

    /// <summary>Gets the options of MetaPatch.</summary>
    /// <param name="run">How it runs.</param>
    /// <param name="strength">How much of patches is kept; null for the gate.</param>
    /// <param name="lastEvents">Instead of <see cref="NumberOfLastEvents"/>.</param>
    /// <param name="negatives">Instead of <see cref="NegativePoolSize"/>.</param>
    public MetaPatchTrainer.Options CreatePatchOptions(TrainingRunOptions run, double? strength = null, int? lastEvents = null, int? negatives = null) => new()
    {
        Basis = PatchBasisSource.Learned,
        MaximumNumberOfEvents = lastEvents ?? NumberOfLastEvents,
        NegativePoolSize = negatives ?? NegativePoolSize,
        NumberOfLinearizations = NumberOfLinearizations,
        Strength = strength,
        Run = run,
    };

    private static void AtLeast(string name, int value, int minimum)
    {
        if (value < minimum)
        {
            throw new InvalidDataException($"{name} must be at least {minimum}, but is {value}.");
        }
    }
}
