namespace DCCL.ML.Recommendation;

/// <summary>What may be recommended.</summary>
/// <remarks>Immutable; thread-safe if <see cref="Filter"/> is.</remarks>
public sealed class RecommendationOptions
{
    /// <summary>Gets a value indicating whether items that the user has had are left out.</summary>
    /// <value>
    /// The default is <see langword="true"/>. What is known of it is what the model remembers, the positive events that it was trained with,
    /// and what has been observed since.
    /// </value>
    public bool ExcludesSeen { get; init; } = true;

    /// <summary>Gets the raw ids of the items to choose from.</summary>
    /// <value>The default is <see langword="null"/>: all items of the model. Ids that the model does not know are skipped.</value>
    public IReadOnlyCollection<string>? Candidates { get; init; }

    /// <summary>Gets what says whether an item, given by its raw id, may be recommended now: in stock, not blocked.</summary>
    /// <value>The default is <see langword="null"/>: all may. It is called for each candidate, possibly from several threads.</value>
    public Func<string, bool>? Filter { get; init; }

    /// <summary>Gets the user's profile, which takes the place of the one that the model remembers.</summary>
    /// <value>The default is <see langword="null"/>. As many values as the model's profile has, all finite.</value>
    public IReadOnlyList<float>? Profile { get; init; }
}
