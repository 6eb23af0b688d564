namespace DCCL.ML.Evaluation;

/// <summary>A user just before an event, as <see cref="IItemScorer"/> sees it: nothing of what comes later.</summary>
public readonly ref struct UserMoment
{
    /// <summary>Creates a moment.</summary>
    /// <param name="user">The user's key value.</param>
    /// <param name="items">The items of all events before the moment, oldest first.</param>
    /// <param name="history">Those of the positive ones.</param>
    /// <param name="profile">The user's profile; empty if the log has none.</param>
    public UserMoment(int user, ReadOnlySpan<int> items, ReadOnlySpan<int> history, ReadOnlySpan<float> profile)
    {
        User = user;
        Items = items;
        History = history;
        Profile = profile;
    }

    /// <summary>Gets the user's key value.</summary>
    public int User { get; }

    /// <summary>Gets the items of all of the user's events before the moment, positive or not, oldest first.</summary>
    public ReadOnlySpan<int> Items { get; }

    /// <summary>Gets the items of the user's positive events before the moment, oldest first.</summary>
    public ReadOnlySpan<int> History { get; }

    /// <summary>Gets the user's profile; empty if the log has none.</summary>
    public ReadOnlySpan<float> Profile { get; }
}
