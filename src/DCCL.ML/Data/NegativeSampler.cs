namespace DCCL.ML.Data;

/// <summary>Draws items that a user has not seen, to stand for what the user did not choose.</summary>
/// <remarks>
/// Seen is every item of the user's events in the log that the sampler was made from, whatever their labels. Drawn with
/// replacement. With exponent 0 every unseen item has the same probability; otherwise an item of <c>n</c> events has weight
/// <c>(n + 1) ^ exponent</c>. <see cref="Sample(int, Span{int})"/> uses the sampler's own generator and is not thread-safe;
/// <see cref="Sample(int, Span{int}, SeededRandom)"/> is, with a generator per thread.
/// </remarks>
public sealed class NegativeSampler
{
    private const int MaximumNumberOfAttempts = 32;

    private readonly int _numberOfItems;
    private readonly int[] _offsets;
    private readonly int[] _seen;
    private readonly SeededRandom _random;
    private readonly double[]? _weights;
    private readonly AliasTable? _table;

    /// <summary>Creates the sampler.</summary>
    /// <param name="seen">The log of what users have seen; not needed afterwards.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="exponent">How much popular items are favoured; 0 for not at all.</param>
    public NegativeSampler(InteractionLog seen, int seed, double exponent = 0)
    {
        ArgumentNullException.ThrowIfNull(seen);
        if (!double.IsFinite(exponent))
        {
            throw new ArgumentOutOfRangeException(nameof(exponent), exponent, "The exponent must be finite.");
        }

        _random = new SeededRandom(seed);
        _numberOfItems = seen.NumberOfItems;
        _offsets = new int[seen.NumberOfUsers + 1];
        List<int> distinct = new(seen.NumberOfEvents);
        int[] counts = new int[_numberOfItems + 1];
        for (int user = 1; user <= seen.NumberOfUsers; user++)
        {
            int[] items = seen.GetItems(user).ToArray();
            Array.Sort(items);
            for (int i = 0; i < items.Length; i++)
            {
                counts[items[i]]++;
                if (i == 0 || items[i] != items[i - 1])
                {
                    distinct.Add(items[i]);
                }
            }

            _offsets[user] = distinct.Count;
        }

        _seen = [.. distinct];
        if (exponent != 0 && _numberOfItems > 0)
        {
            _weights = Array.ConvertAll(counts[1..], count => Math.Pow(count + 1.0, exponent));
            _table = new AliasTable(_weights);
        }
    }

    /// <summary>Draws items that a user has not seen.</summary>
    /// <param name="user">The user's key value.</param>
    /// <param name="negatives">Filled with items; with 0, padding, where the user has seen every item.</param>
    public void Sample(int user, Span<int> negatives) => Sample(user, negatives, _random);

    /// <summary>Draws items that a user has not seen, with the caller's generator.</summary>
    /// <param name="user">The user's key value.</param>
    /// <param name="negatives">Filled with items; with 0, padding, where the user has seen every item.</param>
    /// <param name="random">The generator.</param>
    public void Sample(int user, Span<int> negatives, SeededRandom random)
    {
        ArgumentNullException.ThrowIfNull(random);
        ReadOnlySpan<int> seen = GetSeenItems(user);
        int numberOfUnseen = _numberOfItems - seen.Length;
        if (numberOfUnseen == 0)
        {
            negatives.Clear();
            return;
        }

        for (int i = 0; i < negatives.Length; i++)
        {
            negatives[i] = _table is null ? GetUnseen(seen, random.Next(numberOfUnseen)) : DrawWeighted(seen, random);
        }
    }

    /// <summary>Gets the distinct items that a user has seen, ascending.</summary>
    /// <param name="user">The user's key value.</param>
    /// <returns>The items.</returns>
    public ReadOnlySpan<int> GetSeenItems(int user)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(user, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(user, _offsets.Length - 1);
        return _seen.AsSpan(_offsets[user - 1].._offsets[user]);
    }

    // seen[i] has seen[i] - 1 - i unseen items before it, which grows with i, so that the rank-th unseen item is found by bisection.
    private static int GetUnseen(ReadOnlySpan<int> seen, int rank)
    {
        int low = 0;
        int high = seen.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (seen[middle] - 1 - middle <= rank)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return rank + low + 1;
    }

    // Drawing until an unseen item comes up, and after some attempts exactly, gives both times the same distribution.
    private int DrawWeighted(ReadOnlySpan<int> seen, SeededRandom random)
    {
        for (int attempt = 0; attempt < MaximumNumberOfAttempts; attempt++)
        {
            int item = _table!.Next(random) + 1;
            if (seen.BinarySearch(item) < 0)
            {
                return item;
            }
        }

        double sum = 0;
        int numberOfUnseen = _numberOfItems - seen.Length;
        for (int rank = 0; rank < numberOfUnseen; rank++)
        {
            sum += _weights![GetUnseen(seen, rank) - 1];
        }

        double rest = random.NextDouble() * sum;
        for (int rank = 0; rank < numberOfUnseen - 1; rank++)
        {
            int item = GetUnseen(seen, rank);
            rest -= _weights![item - 1];
            if (rest < 0)
            {
                return item;
            }
        }

        return GetUnseen(seen, numberOfUnseen - 1);
    }
}
