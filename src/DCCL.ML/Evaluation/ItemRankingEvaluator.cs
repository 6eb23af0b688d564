using System.Reflection;
using DCCL.ML.Data;
using DCCL.ML.Scoring;

namespace DCCL.ML.Evaluation;

/// <summary>Evaluates a model on events later than those it was trained on.</summary>
/// <remarks>
/// <para>
/// Each test event is ranked by itself among all of the model's items, apart from those in the user's earlier events (positive or
/// not), but with its own item even if the user has seen it. The model's history input is all of the user's positive events
/// before the scored one, those of the history log and of the test log alike: it grows while the test goes by. Equal scores
/// take the mean rank.
/// </para>
/// <para>
/// With labels only positive test events are ranked; every test event, positive or negative, is also scored as it is, which
/// gives AUC, AUC per user and log loss.
/// </para>
/// <para>Thread-safe. The figures do not depend on the number of threads.</para>
/// </remarks>
public static class ItemRankingEvaluator
{
    /// <summary>Evaluates the cloud model, or the personalised models of all users.</summary>
    /// <param name="scorer">The model.</param>
    /// <param name="patches">Chooses each user's patch; null evaluates the cloud model alone.</param>
    /// <param name="history">All events before the test, in the model's key values, those that devices learnt on included.</param>
    /// <param name="test">The test events, in the same key values; those of items that the model has no row for are left out and counted.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>The report.</returns>
    /// <exception cref="ArgumentException">The history reaches into the test, or an option is out of range.</exception>
    public static RankingReport Evaluate(
        ModelScorer scorer, PatchSelector? patches, InteractionLog history, InteractionLog test, RankingEvaluationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(scorer);
        EvaluatedModel model = new(
            scorer.Parameters.Architecture,
            patches?.PatchSize ?? 0,
            batch => scorer.Score(batch.Scoring),
            (user, userHistory, profile, patch) => patches!.Select(user, userHistory, profile, patch));
        return Evaluate(model, scorer.Parameters.Fingerprint, history, test, options);
    }

    /// <summary>Evaluates any recommender, on the same events, histories and masks as a DCCL model.</summary>
    /// <param name="scorer">The recommender.</param>
    /// <param name="history">All events before the test.</param>
    /// <param name="test">
    /// The test events, in the same key values; those of items that the history log has no key for are left out and counted.
    /// </param>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>The report.</returns>
    /// <exception cref="ArgumentException">The history reaches into the test, or an option is out of range.</exception>
    public static RankingReport Evaluate(
        IItemScorer scorer, InteractionLog history, InteractionLog test, RankingEvaluationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(scorer);
        ArgumentNullException.ThrowIfNull(history);
        EvaluatedModel model = EvaluatedModel.Create(scorer, history.NumberOfItems, history.ProfileDimension);
        return Evaluate(model, scorer.Name, history, test, options);
    }

    internal static RankingReport Evaluate(
        EvaluatedModel model,
        string modelFingerprint,
        InteractionLog history,
        InteractionLog test,
        RankingEvaluationOptions? options)
    {
        ArgumentNullException.ThrowIfNull(history);
        ArgumentNullException.ThrowIfNull(test);
        options ??= new RankingEvaluationOptions();
        options.Validate();
        EvaluationPlan plan = EvaluationPlan.Create(history, test, model.NumberOfItems, model.Architecture.ProfileDimension, options);
        EvaluationRun run = new(plan, model, options);
        double[] ranks = run.Rank();
        float[] logits = run.Score();
        EvaluationManifest manifest = new()
        {
            ModelFingerprint = modelFingerprint,
            PatchFingerprint = run.ComputePatchFingerprint(),
            TestFingerprint = test.ComputeFingerprint(),
            HistoryFingerprint = history.ComputeFingerprint(),
            SplitDescription = options.SplitDescription,
            Seed = options.Seed,
            Cutoffs = [.. options.Cutoffs],
            MaximumNumberOfPairs = options.MaximumNumberOfPairs,
            NumberOfSampledUsers = options.NumberOfSampledUsers,
            LibraryVersion = GetLibraryVersion(),
        };
        return new RankingReport(GetUsers(plan, ranks, logits), manifest)
        {
            HasLabels = test.HasLabels,
            NumberOfTestUsers = plan.NumberOfTestUsers,
            NumberOfUnknownItemEvents = plan.NumberOfUnknownItemEvents,
            NumberOfPairs = run.NumberOfPairs,
        };
    }

    private static UserEvaluation[] GetUsers(EvaluationPlan plan, double[] ranks, float[] logits)
    {
        bool[] labels = [.. plan.LabelledEvents.Select(reference => plan.Timelines[reference.Timeline].IsPositive(reference.Position))];
        UserEvaluation[] users = new UserEvaluation[plan.Timelines.Length];
        int ranked = 0;
        int labelled = 0;
        for (int i = 0; i < users.Length; i++)
        {
            int rankedStart = ranked;
            int labelledStart = labelled;
            ranked = GetEnd(plan.RankedEvents, ranked, i);
            labelled = GetEnd(plan.LabelledEvents, labelled, i);
            users[i] = new UserEvaluation(
                plan.Timelines[i].User,
                plan.Timelines[i].Quintile,
                ranks.AsMemory(rankedStart..ranked),
                logits.AsMemory(labelledStart..labelled),
                labels.AsMemory(labelledStart..labelled));
        }

        return users;
    }

    private static int GetEnd(EvaluationPlan.EventReference[] events, int start, int timeline)
    {
        while (start < events.Length && events[start].Timeline == timeline)
        {
            start++;
        }

        return start;
    }

    private static string GetLibraryVersion() =>
        typeof(ItemRankingEvaluator).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? "unknown";
}
