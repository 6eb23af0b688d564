using System.Text.Json.Nodes;

namespace DCCL.ML.Evaluation;

/// <summary>How good a model is on a test log, overall and by user activity, with what is needed to compare it with another.</summary>
/// <remarks>
/// Immutable and thread-safe. <see cref="Bootstrap"/> gives the interval of each figure and of the difference of two reports.
/// </remarks>
public sealed class RankingReport
{
    /// <summary>Creates a report from the results of the users.</summary>
    /// <param name="users">The results, one per evaluated user.</param>
    /// <param name="manifest">What they were computed from.</param>
    /// <exception cref="ArgumentException">A user occurs twice.</exception>
    public RankingReport(IEnumerable<UserEvaluation> users, EvaluationManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(users);
        ArgumentNullException.ThrowIfNull(manifest);
        UserEvaluation[] sorted = [.. users.OrderBy(user => user.User)];
        for (int i = 1; i < sorted.Length; i++)
        {
            if (sorted[i].User == sorted[i - 1].User)
            {
                throw new ArgumentException($"Each user must occur once, but user {sorted[i].User} occurs twice.", nameof(users));
            }
        }

        Users = sorted;
        Manifest = manifest;
        Overall = new RankingFigures(sorted);
        Quintiles = [.. Enumerable.Range(1, ActivityQuintiles.Count)
            .Select(quintile => new RankingFigures([.. sorted.Where(user => user.Quintile == quintile)]))];
        NumberOfTestUsers = sorted.Length;
    }

    /// <summary>Gets the figures over all evaluated users.</summary>
    public RankingFigures Overall { get; }

    /// <summary>Gets the figures of the five quintiles of activity, the least active first.</summary>
    /// <remarks>
    /// Activity is the number of events in the history log, positive or not; users with equally many follow in order of their
    /// key, so that all quintiles of the test log's users are equally large. Of a sample, the quintiles are those of all the
    /// test log's users.
    /// </remarks>
    public IReadOnlyList<RankingFigures> Quintiles { get; }

    /// <summary>Gets the results user by user, in ascending order of the key value.</summary>
    public IReadOnlyList<UserEvaluation> Users { get; }

    /// <summary>Gets what the figures were computed from.</summary>
    public EvaluationManifest Manifest { get; }

    /// <summary>Gets a value indicating whether the test log has labels, and the report AUC and log loss.</summary>
    public bool HasLabels { get; init; }

    /// <summary>Gets the number of users whose test events could be evaluated, in the sample or not.</summary>
    public int NumberOfTestUsers { get; init; }

    /// <summary>Gets a value indicating whether the figures are those of a seeded sample of the test log's users.</summary>
    public bool IsSampled => Users.Count < NumberOfTestUsers;

    /// <summary>Gets the number of test events left out because their user has no key value in the model.</summary>
    public int NumberOfUnknownUserEvents { get; init; }

    /// <summary>Gets the number of test events left out because the model has no row for their item.</summary>
    /// <remarks>They count neither as hits nor as misses: no model without the item could have found it.</remarks>
    public int NumberOfUnknownItemEvents { get; init; }

    /// <summary>Gets the number of pairs of event and item that the ranking compared.</summary>
    public long NumberOfPairs { get; init; }

    /// <summary>Gets the report that the same model would have with one number per user added to all of the user's logits.</summary>
    /// <remarks>
    /// One number moves all items of a user alike: no rank and no user's own AUC changes, only the AUC of all
    /// users together and the log loss. That is why the cloud model with intercepts needs no second evaluation.
    /// </remarks>
    /// <param name="intercept">The number for each user's key value.</param>
    /// <returns>The new report; its manifest is the same.</returns>
    public RankingReport WithIntercepts(Func<int, double> intercept)
    {
        ArgumentNullException.ThrowIfNull(intercept);
        return Copy(Users.Select(user => user.WithIntercept(intercept(user.User))), NumberOfUnknownUserEvents, NumberOfUnknownItemEvents);
    }

    /// <summary>Writes the figures as one stage of the quick start's file.</summary>
    /// <remarks>
    /// <c>{ "name", "users", "hr10", "ndcg10", "mrr", "auc", "gauc", "gaucUsers", "logLoss", "quintiles": [ { "quintile", "users", "hr10",
    /// "ndcg10", "mrr", "gauc" } ] }</c>. Without labels, auc, gauc, gaucUsers and logLoss are left out; a figure over no events is
    /// null. A sample says so by <c>"sampledFromUsers"</c>, the number of users it was drawn from.
    /// </remarks>
    /// <param name="name">The name of the stage.</param>
    /// <returns>A new JSON object.</returns>
    public JsonObject ToJson(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        JsonObject json = new() { ["name"] = name };
        if (IsSampled)
        {
            json["sampledFromUsers"] = NumberOfTestUsers;
        }

        Overall.WriteTo(json, Manifest.Cutoffs, HasLabels, pooled: true);
        JsonArray quintiles = [];
        for (int i = 0; i < Quintiles.Count; i++)
        {
            JsonObject quintile = new() { ["quintile"] = i + 1 };
            Quintiles[i].WriteTo(quintile, Manifest.Cutoffs, HasLabels, pooled: false);
            quintiles.Add(quintile);
        }

        json["quintiles"] = quintiles;
        return json;
    }

    /// <summary>Gets the same report with other numbers of events that were left out.</summary>
    internal RankingReport WithUnknownEvents(int numberOfUnknownUserEvents, int numberOfUnknownItemEvents) =>
        Copy(Users, numberOfUnknownUserEvents, numberOfUnknownItemEvents);

    private RankingReport Copy(IEnumerable<UserEvaluation> users, int numberOfUnknownUserEvents, int numberOfUnknownItemEvents) =>
        new(users, Manifest)
        {
            HasLabels = HasLabels,
            NumberOfTestUsers = NumberOfTestUsers,
            NumberOfUnknownUserEvents = numberOfUnknownUserEvents,
            NumberOfUnknownItemEvents = numberOfUnknownItemEvents,
            NumberOfPairs = NumberOfPairs,
        };
}
