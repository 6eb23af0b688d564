using DCCL.ML.Data;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Tests.Evidence;

/// <summary>Asks a baseline for scores.</summary>
internal static class Scores
{
    /// <summary>Scores items for a user with a history of positive events.</summary>
    public static float[] Of(IItemScorer scorer, int user, int[] history, params int[] items)
    {
        float[] scores = new float[items.Length];
        scorer.Score(new UserMoment(user, history, history, []), items, scores);
        return scores;
    }

    /// <summary>Gets the share of the users of <see cref="SmallLog.CreateHalves"/> whose left-out item stands above all others not taken.</summary>
    public static double GetShareFound(IItemScorer scorer, InteractionLog log)
    {
        int found = 0;
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            int[] history = log.GetItems(user).ToArray();
            int leftOut = SmallLog.GetLeftOut(user, log.NumberOfItems);
            int[] others = [.. Enumerable.Range(1, log.NumberOfItems).Except(history).Where(item => item != leftOut)];
            found += Of(scorer, user, history, leftOut)[0] > Of(scorer, user, history, others).Max() ? 1 : 0;
        }

        return (double)found / log.NumberOfUsers;
    }
}
