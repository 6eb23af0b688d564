using System.Buffers;
using System.Runtime.InteropServices;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence.Baselines;

/// <summary>Item-kNN: an item is worth the sum of its similarities with the items of the history.</summary>
/// <remarks>
/// The similarity of two items is the cosine of the vectors of who took them, <c>n_ij / sqrt(n_i n_j)</c>; of each item the
/// <c>k</c> most similar ones count. Source: Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001.
/// </remarks>
internal sealed class ItemNeighbors : IItemScorer
{
    private readonly (int Item, float Similarity)[][] _neighbors;

    private ItemNeighbors((int, float)[][] neighbors)
    {
        _neighbors = neighbors;
    }

    public string Name => "item-knn";

    /// <summary>Gets an item's neighbours, the nearest first.</summary>
    public IReadOnlyList<(int Item, float Similarity)> this[int item] => _neighbors[item];

    public static ItemNeighbors Train(InteractionLog log, int numberOfNeighbors = 200)
    {
        InteractionLog positives = log.WithPositivesOnly();
        Dictionary<int, int>[] together = [.. Enumerable.Range(0, log.NumberOfItems + 1).Select(_ => new Dictionary<int, int>())];
        int[] counts = new int[log.NumberOfItems + 1];
        for (int user = 1; user <= positives.NumberOfUsers; user++)
        {
            int[] items = [.. new HashSet<int>([.. positives.GetItems(user)])];
            foreach (int item in items)
            {
                counts[item]++;
                foreach (int other in items)
                {
                    if (other != item)
                    {
                        CollectionsMarshal.GetValueRefOrAddDefault(together[item], other, out _)++;
                    }
                }
            }
        }

        (int, float)[][] neighbors = new (int, float)[log.NumberOfItems + 1][];
        for (int item = 0; item < neighbors.Length; item++)
        {
            neighbors[item] =
            [
                .. together[item]
                    .Select(pair => (Item: pair.Key, Similarity: (float)(pair.Value / Math.Sqrt((double)counts[item] * counts[pair.Key]))))
                    .OrderByDescending(pair => pair.Similarity).ThenBy(pair => pair.Item)
                    .Take(numberOfNeighbors),
            ];
        }

        return new ItemNeighbors(neighbors);
    }

    public void Score(UserMoment moment, ReadOnlySpan<int> items, Span<float> scores)
    {
        float[] sums = ArrayPool<float>.Shared.Rent(_neighbors.Length);
        Array.Clear(sums);
        foreach (int past in moment.History)
        {
            foreach ((int item, float similarity) in _neighbors[past])
            {
                sums[item] += similarity;
            }
        }

        for (int i = 0; i < items.Length; i++)
        {
            scores[i] = sums[items[i]];
        }

        ArrayPool<float>.Shared.Return(sums);
    }
}
