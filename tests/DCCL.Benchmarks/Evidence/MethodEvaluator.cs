using DCCL.Benchmarks.Evidence.Outcomes;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence;

/// <summary>Evaluates a contender: the same events, histories and masks for all.</summary>
internal static class MethodEvaluator
{
    /// <summary>The length of the lists from which recall, coverage and popularity are computed.</summary>
    public const int TopLength = 20;

    /// <summary>The values of <c>k</c>.</summary>
    public static IReadOnlyList<int> Cutoffs { get; } = [5, 10, 20];

    /// <summary>Puts ranks, logits and lists together.</summary>
    public static UserOutcome[] Combine(RankingReport report, TestFacts facts, IItemScorer scorer, RankingEvaluationOptions options)
    {
        Dictionary<int, int[]> lists = GetTopLists(facts, scorer, options);
        return
        [
            .. report.Users.Select(user => new UserOutcome(
                user.User, user.Quintile, user.Ranks.ToArray(), user.Logits.ToArray(), user.Labels.ToArray(), lists[user.User])),
        ];
    }

    /// <summary>Gets the items at the top of a user's list just before the first test event, the best first.</summary>
    public static int[] GetTopList(UserTimeline timeline, int numberOfItems, IItemScorer scorer)
    {
        int start = timeline.TestStart;
        HashSet<int> seen = [.. timeline.GetItemsBefore(start)];
        int[] items = [.. Enumerable.Range(1, numberOfItems).Where(item => !seen.Contains(item))];
        float[] scores = new float[items.Length];
        UserMoment moment = new(timeline.User, timeline.GetItemsBefore(start), timeline.GetPositivesBefore(start), timeline.Profile);
        scorer.Score(moment, items, scores);

        // Equal scores in a seeded order of their own: by key, the oldest items would come first.
        int[] order = [.. Enumerable.Range(0, items.Length)];
        new SeededRandom(timeline.User).Shuffle<int>(order);
        return
        [
            .. order.Where(index => !float.IsNaN(scores[index])).OrderByDescending(index => scores[index])
                .Take(TopLength).Select(index => items[index]),
        ];
    }

    private static Dictionary<int, int[]> GetTopLists(TestFacts facts, IItemScorer scorer, RankingEvaluationOptions options)
    {
        int[][] lists = new int[facts.Plan.Timelines.Length][];
        ParallelOptions parallel = new()
        {
            MaxDegreeOfParallelism = options.NumberOfThreads ?? Environment.ProcessorCount,
            CancellationToken = options.CancellationToken,
        };
        Parallel.For(0, lists.Length, parallel, index => lists[index] = GetTopList(facts.Plan.Timelines[index], facts.NumberOfItems, scorer));
        return facts.Plan.Timelines.Zip(lists).ToDictionary(pair => pair.First.User, pair => pair.Second);
    }
}
