namespace DCCL.ML.Recommendation;

/// <summary>Selects the greatest of many scores.</summary>
internal static class TopItems
{
    private static readonly IComparer<(float Score, int Index)> _worstFirst = Comparer<(float Score, int Index)>.Create((x, y) =>
        x.Score.CompareTo(y.Score) is not 0 and int order ? order : y.Index.CompareTo(x.Index));

    /// <summary>Selects the greatest scores.</summary>
    /// <param name="scores">The scores; NaN is less than any other.</param>
    /// <param name="count">How many to select at most.</param>
    /// <returns>The indices of the greatest scores, in descending order of score; equal ones in ascending order of index.</returns>
    public static int[] Select(ReadOnlySpan<float> scores, int count)
    {
        count = Math.Min(count, scores.Length);
        if (count == 0)
        {
            return [];
        }

        // The root is the worst of the best so far: what a better score replaces.
        PriorityQueue<int, (float Score, int Index)> best = new(count, _worstFirst);
        for (int i = 0; i < scores.Length; i++)
        {
            if (best.Count < count)
            {
                best.Enqueue(i, (scores[i], i));
            }
            else if (best.TryPeek(out _, out (float Score, int Index) worst) && scores[i].CompareTo(worst.Score) > 0)
            {
                best.EnqueueDequeue(i, (scores[i], i));
            }
        }

        int[] result = new int[count];
        for (int i = count - 1; i >= 0; i--)
        {
            result[i] = best.Dequeue();
        }

        return result;
    }
}
