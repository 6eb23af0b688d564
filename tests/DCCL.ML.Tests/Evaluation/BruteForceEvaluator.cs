using DCCL.ML.Data;
using DCCL.ML.Evaluation;

namespace DCCL.ML.Tests.Evaluation;

/// <summary>The definition of the evaluation, one event, one item, one score at a time.</summary>
internal static class BruteForceEvaluator
{
    /// <summary>Scores one item for a user with a history of positive items, the most recent first.</summary>
    public delegate float PairScorer(int user, IReadOnlyList<int> history, int item);

    /// <summary>Gets, per user, the ranks of the positive test events and the logits and labels of all.</summary>
    /// <param name="history">The events before the test.</param>
    /// <param name="test">The test events.</param>
    /// <param name="numberOfItems">The number of items of the model.</param>
    /// <param name="score">The model.</param>
    /// <param name="tolerance">By how much a score may be wrong: scores nearer than that may stand in either order.</param>
    public static Dictionary<int, UserResult> Evaluate(
        InteractionLog history, InteractionLog test, int numberOfItems, PairScorer score, float tolerance = 0)
    {
        Dictionary<int, UserResult> results = [];
        for (int user = 1; user <= test.NumberOfUsers; user++)
        {
            UserResult result = new([], [], []);
            for (int i = 0; i < test.GetItems(user).Length; i++)
            {
                int target = test.GetItems(user)[i];
                bool positive = !test.HasLabels || test.GetLabels(user)[i];
                List<(int Item, bool Positive)> before = [.. GetEvents(history, user), .. GetEvents(test, user).Take(i)];
                int[] mostRecentFirst = [.. before.Where(pair => pair.Positive).Select(pair => pair.Item).Reverse()];
                if (positive)
                {
                    float[] others = [.. Enumerable.Range(1, numberOfItems)
                        .Where(item => item != target && before.All(pair => pair.Item != item))
                        .Select(item => score(user, mostRecentFirst, item))];
                    result.Ranks.Add(GetRank(others, score(user, mostRecentFirst, target), tolerance));
                }

                if (test.HasLabels)
                {
                    result.Logits.Add(score(user, mostRecentFirst, target));
                    result.Labels.Add(positive);
                }
            }

            if (result.Ranks.Count + result.Logits.Count > 0)
            {
                results.Add(user, result);
            }
        }

        return results;
    }

    /// <summary>Gets whether a report holds these results.</summary>
    public static bool Agrees(RankingReport report, Dictionary<int, UserResult> expected, float tolerance = 0) =>
        report.Users.Select(user => user.User).SequenceEqual(expected.Keys.Order())
        && report.Users.All(user => Agrees(user, expected[user.User], tolerance));

    private static bool Agrees(UserEvaluation user, UserResult expected, float tolerance) =>
        user.Ranks.Length == expected.Ranks.Count
        && user.Ranks.ToArray().Zip(expected.Ranks).All(pair => pair.First >= pair.Second.Lowest && pair.First <= pair.Second.Highest)
        && user.Labels.ToArray().SequenceEqual(expected.Labels)
        && user.Logits.Length == expected.Logits.Count
        && user.Logits.ToArray().Zip(expected.Logits).All(pair => Math.Abs(pair.First - pair.Second) <= tolerance);

    private static (double Lowest, double Highest) GetRank(float[] others, float target, float tolerance)
    {
        if (tolerance == 0)
        {
            double rank = 1 + others.Count(other => other > target) + (others.Count(other => other == target) / 2.0);
            return (rank, rank);
        }

        return (1 + others.Count(other => other > target + tolerance), 1 + others.Count(other => other >= target - tolerance));
    }

    private static List<(int Item, bool Positive)> GetEvents(InteractionLog log, int user)
    {
        int[] items = log.GetItems(user).ToArray();
        bool[] labels = log.HasLabels ? log.GetLabels(user).ToArray() : [.. items.Select(_ => true)];
        return [.. items.Zip(labels)];
    }

    public sealed record UserResult(List<(double Lowest, double Highest)> Ranks, List<float> Logits, List<bool> Labels);
}
