using DCCL.ML.Data;

namespace DCCL.Trainers.SasRec;

/// <summary>Draws the items among which the events of a batch are foreseen: those events' own, and random ones.</summary>
/// <remarks>
/// An item's logit is corrected by the logarithm of the probability that the item is drawn at all, so that what is frequent in
/// batches is not pushed down for it: the sum over the sample then estimates the sum over all items without bias. Source: Bengio and
/// Senécal, "Quick training of probabilistic neural nets by importance sampling", AISTATS 2003. Immutable and thread-safe.
/// </remarks>
internal sealed class SampledItems
{
    private readonly double[] _shares;
    private readonly int _count;
    private readonly double _uniform;

    /// <summary>Prepares sampling.</summary>
    /// <param name="counts">How often each item is to be foreseen, by key value.</param>
    /// <param name="count">The number of random items.</param>
    public SampledItems(int[] counts, int count)
    {
        double total = counts.Sum(value => (double)value);
        _shares = [.. counts.Select(value => value / total)];
        _count = count;
        _uniform = (double)count / (counts.Length - 1);
    }

    /// <summary>The items of a batch.</summary>
    /// <param name="Items">Their key values.</param>
    /// <param name="Corrections">What is added to the logit of each.</param>
    /// <param name="Places">Where an item stands among them, by key value.</param>
    public sealed record Sample(long[] Items, float[] Corrections, Dictionary<int, int> Places);

    /// <summary>Draws.</summary>
    /// <param name="targets">The items to foresee in the batch.</param>
    /// <param name="random">Draws the others.</param>
    public Sample Draw(IReadOnlyCollection<int> targets, SeededRandom random)
    {
        Dictionary<int, int> places = [];
        foreach (int item in targets)
        {
            places.TryAdd(item, places.Count);
        }

        // Of distinct uniform draws, each item is in with probability count / items.
        HashSet<int> drawn = [];
        while (drawn.Count < _count)
        {
            int item = 1 + random.Next(_shares.Length - 1);
            if (drawn.Add(item))
            {
                places.TryAdd(item, places.Count);
            }
        }

        long[] items = new long[places.Count];
        float[] corrections = new float[places.Count];
        foreach ((int item, int place) in places)
        {
            items[place] = item;
            double isOut = (1 - _uniform) * Math.Pow(1 - _shares[item], targets.Count);
            corrections[place] = (float)-Math.Log(1 - isOut);
        }

        return new Sample(items, corrections, places);
    }
}
