using System.Numerics;
using System.Runtime.InteropServices;

namespace DCCL.ML.Evaluation;

/// <summary>The arithmetic of ranking one item among many: rank, hit rate, NDCG and reciprocal rank.</summary>
/// <remarks>
/// <para>
/// Equal scores share the mean of the ranks they take up together, so that a model which gives everything the same score
/// ranks nothing first. A rank can therefore end in .5; an item counts as a hit at <c>k</c> if its mean rank is at most <c>k</c>.
/// </para>
/// <para>A score that is not a number ranks nothing: its own rank is infinite, and as another item's score it counts as lower.</para>
/// <para>All members are pure and thread-safe.</para>
/// </remarks>
public static class ItemRankingMetrics
{
    /// <summary>Gets the rank of one item's score among the scores of all candidates.</summary>
    /// <param name="scores">The scores of the candidates, the target among them.</param>
    /// <param name="target">The index of the target.</param>
    /// <returns>1 + the number of greater scores + half the number of other equal scores; infinity if the target's score is NaN.</returns>
    public static double GetRank(ReadOnlySpan<float> scores, int target)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(target);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(target, scores.Length);
        (int greater, int equal) = CountGreaterAndEqual(scores, scores[target]);
        return GetRank(scores[target], greater, equal - 1);
    }

    /// <summary>Gets the rank of a score from how many others are greater and equal.</summary>
    /// <param name="score">The target's score.</param>
    /// <param name="numberOfGreater">The number of other candidates with a greater score.</param>
    /// <param name="numberOfEqual">The number of other candidates with the same score.</param>
    /// <returns>The mean rank; infinity if <paramref name="score"/> is NaN.</returns>
    public static double GetRank(float score, long numberOfGreater, long numberOfEqual) =>
        float.IsNaN(score) ? double.PositiveInfinity : 1 + numberOfGreater + (numberOfEqual / 2.0);

    /// <summary>Counts the scores that are greater than, and those that are equal to, a threshold.</summary>
    /// <param name="scores">The scores; NaN counts as neither.</param>
    /// <param name="threshold">What to compare with.</param>
    /// <returns>Both counts.</returns>
    public static (int Greater, int Equal) CountGreaterAndEqual(ReadOnlySpan<float> scores, float threshold)
    {
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(scores);
        Vector<float> thresholds = new(threshold);
        Vector<int> greaters = default;
        Vector<int> equals = default;
        foreach (Vector<float> vector in vectors)
        {
            // A comparison that holds is -1 in its lane.
            greaters -= Vector.GreaterThan(vector, thresholds);
            equals -= Vector.Equals(vector, thresholds);
        }

        int greater = Vector.Sum(greaters);
        int equal = Vector.Sum(equals);
        foreach (float score in scores[(vectors.Length * Vector<float>.Count)..])
        {
            greater += score > threshold ? 1 : 0;
            equal += score == threshold ? 1 : 0;
        }

        return (greater, equal);
    }

    /// <summary>Gets whether an item is among the first <paramref name="cutoff"/>: HR@k of one event.</summary>
    /// <param name="rank">The mean rank.</param>
    /// <param name="cutoff"><c>k</c>.</param>
    /// <returns>1 or 0.</returns>
    public static double HitRate(double rank, int cutoff) => rank <= cutoff ? 1 : 0;

    /// <summary>Gets the normalised discounted cumulative gain of one event with one relevant item.</summary>
    /// <param name="rank">The mean rank.</param>
    /// <param name="cutoff"><c>k</c>.</param>
    /// <returns><c>1 / log2(1 + rank)</c> if the rank is at most <c>k</c>, else 0; the ideal gain is 1.</returns>
    public static double Ndcg(double rank, int cutoff) => rank <= cutoff ? 1 / Math.Log2(1 + rank) : 0;

    /// <summary>Gets the reciprocal rank of one event.</summary>
    /// <param name="rank">The mean rank.</param>
    /// <returns><c>1 / rank</c>, 0 for an infinite rank.</returns>
    public static double ReciprocalRank(double rank) => 1 / rank;
}
