using DCCL.Benchmarks.Evidence.Outcomes;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence;

/// <summary>Evaluates a contender: the same events, histories and masks for all.</summary>
internal static class MethodEvaluator
{
    /// <summary>The length of the lists from which recall, coverage and popularity are computed.</summary>
    public const int TopLength = 20;

    /// <summary>The values of <c>k</c>.</summary>
    public static IReadOnlyList<int> Cutoffs { get; } = [5, 10, 20];

    public static UserOutcome[] Evaluate(EvidenceStudy study, TestFacts facts, Contender contender, RankingEvaluationOptions options)
    {
        RankingReport report = contender.Evaluate(study.Training.History, study.Test, options);
        Dictionary<int, int[]> lists = GetTopLists(facts, contender.Scorer, options);
        return
        [
            .. report.Users.Select(user => new UserOutcome(
                user.User, user.Quintile, user.Ranks.ToArray(), user.Logits.ToArray(), user.Labels.ToArray(), lists[user.User])),
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

    private static int[] GetTopList(UserTimeline timeline, int numberOfItems, IItemScorer scorer)
    {
        int start = timeline.TestStart;
        HashSet<int> seen = [.. timeline.GetItemsBefore(start)];
        int[] items = [.. Enumerable.Range(1, numberOfItems).Where(item => !seen.Contains(item))];
        float[] scores = new float[items.Length];
        UserMoment moment = new(timeline.User, timeline.GetItemsBefore(start), timeline.GetPositivesBefore(start), timeline.Profile);
        scorer.Score(moment, items, scores);

        // Equal scores in a seeded order of their own: by key, the oldest items would come first.
        int[] order = [.. Enumerable.Range(0, items.Length)];
        new DCCL.ML.Data.SeededRandom(timeline.User).Shuffle<int>(order);
        return
        [
            .. order.Where(index => !float.IsNaN(scores[index])).OrderByDescending(index => scores[index])
                .Take(TopLength).Select(index => items[index]),
        ];
    }
}
