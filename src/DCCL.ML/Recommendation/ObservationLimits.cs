namespace DCCL.ML.Recommendation;

/// <summary>How much a recommender keeps of what <see cref="Recommender.Observe"/> has told it.</summary>
/// <remarks>
/// <para>
/// Observations bridge the time until the next model is trained: a service that runs for months needs a bound on them. Of a user the latest items are
/// kept, and of the users those that were observed last; the others are served as the model remembers them.
/// </para>
/// <para>
/// Who was forgotten (<see cref="Recommender.Forget"/>) stays forgotten: these users have no bound, because a user dropped from them would
/// be served from the model's memory again. One takes some hundred bytes.
/// </para>
/// <para>Immutable and thread-safe.</para>
/// </remarks>
public sealed class ObservationLimits
{
    /// <summary>Gets the number of items at most that are kept of each user, the latest.</summary>
    /// <value>The default is 100. The model reads as many as its history is long; what is kept beyond that is not recommended again.</value>
    public int NumberOfItems { get; init; } = 100;

    /// <summary>Gets the number of users at most of whom items are kept, those observed last.</summary>
    /// <value>The default is 100,000. With as many users of 100 items each, they take about 200 MB.</value>
    public int NumberOfUsers { get; init; } = 100_000;

    internal void Validate()
    {
        if (NumberOfItems < 1 || NumberOfUsers < 1)
        {
            throw new ArgumentException(
                $"ObservationLimits: {nameof(NumberOfItems)} and {nameof(NumberOfUsers)} must be at least 1, but are {NumberOfItems} and "
                + $"{NumberOfUsers}.");
        }
    }
}
