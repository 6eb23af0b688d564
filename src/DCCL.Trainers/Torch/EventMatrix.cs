using DCCL.ML.Data;

namespace DCCL.Trainers.Torch;

/// <summary>The users-by-items matrix of a log, one element an event, as a rule centred so that what remains is taste.</summary>
/// <remarks>
/// With labels an element is the label less the user's and then the item's mean, both smoothed; without, each event counts
/// <c>1 / sqrt(n_user n_item)</c>, and the first singular vectors of that matrix, which are popularity, are taken away. Immutable and
/// thread-safe; the elements of a row stand as the user's events do.
/// </remarks>
internal sealed class EventMatrix
{
    // A mean counts that of all as often as this.
    private const double UserPrior = 4;
    private const double ItemPrior = 8;

    private readonly InteractionLog _log;
    private readonly float[] _values;
    private readonly float[]? _popularity;

    /// <summary>Prepares the matrix.</summary>
    /// <param name="log">The events.</param>
    /// <param name="isCentered">Whether what all have in common is taken away; else an element is 1 for each item that a user had.</param>
    public EventMatrix(InteractionLog log, bool isCentered = true)
    {
        _log = log;
        int[] counts = new int[NumberOfColumns];
        ForEach((_, item, _) => counts[item]++);
        _values = !isCentered ? MarkFirst() : log.HasLabels ? Center(counts) : Normalize(counts);
        _popularity = log.HasLabels || !isCentered ? null : [.. counts.Select(count => (float)Math.Sqrt((double)count / log.NumberOfEvents))];
    }

    public int NumberOfRows => _log.NumberOfUsers;

    /// <summary>Gets the number of items, and one for the padding, whose column is zero.</summary>
    public int NumberOfColumns => _log.NumberOfItems + 1;

    /// <summary>Multiplies with some columns.</summary>
    /// <param name="vectors">[columns of the matrix, width] row-major.</param>
    /// <param name="width">The number of vectors.</param>
    /// <returns>[rows of the matrix, width].</returns>
    public float[] Multiply(float[] vectors, int width)
    {
        float[] deflated = Deflate(vectors, width);
        float[] result = new float[NumberOfRows * width];
        ForEach((user, item, at) => Add(result.AsSpan((user - 1) * width, width), deflated.AsSpan(item * width, width), _values[at]));
        return result;
    }

    /// <summary>Multiplies the transposed matrix with some columns.</summary>
    /// <param name="vectors">[rows of the matrix, width] row-major.</param>
    /// <param name="width">The number of vectors.</param>
    /// <returns>[columns of the matrix, width].</returns>
    public float[] MultiplyTransposed(float[] vectors, int width)
    {
        float[] result = new float[NumberOfColumns * width];
        ForEach((user, item, at) => Add(result.AsSpan(item * width, width), vectors.AsSpan((user - 1) * width, width), _values[at]));
        return Deflate(result, width);
    }

    /// <summary>The root mean square of item vectors, each item as often as it has events.</summary>
    /// <param name="vectors">[columns of the matrix, width] row-major.</param>
    /// <param name="width">The length of a vector.</param>
    public double GetRootMeanSquare(float[] vectors, int width)
    {
        double sum = 0;
        ForEach((_, item, _) =>
        {
            foreach (float value in vectors.AsSpan(item * width, width))
            {
                sum += (double)value * value;
            }
        });
        return Math.Sqrt(sum / ((double)width * _log.NumberOfEvents));
    }

    // 1 for the first event of a user with an item, 0 for later ones.
    private float[] MarkFirst()
    {
        float[] values = new float[_log.NumberOfEvents];
        int[] lastUsers = new int[NumberOfColumns];
        ForEach((user, item, at) =>
        {
            values[at] = lastUsers[item] == user ? 0 : 1;
            lastUsers[item] = user;
        });
        return values;
    }

    private float[] Center(int[] counts)
    {
        double all = (double)_log.NumberOfPositiveEvents / _log.NumberOfEvents;
        float[] values = new float[_log.NumberOfEvents];
        double[] sums = new double[NumberOfColumns];
        int at = 0;
        for (int user = 1; user <= NumberOfRows; user++)
        {
            ReadOnlySpan<bool> labels = _log.GetLabels(user);
            double mean = (labels.Count(true) + (UserPrior * all)) / (labels.Length + UserPrior);
            ReadOnlySpan<int> items = _log.GetItems(user);
            for (int i = 0; i < items.Length; i++, at++)
            {
                values[at] = (float)((labels[i] ? 1 : 0) - mean);
                sums[items[i]] += values[at];
            }
        }

        ForEach((_, item, place) => values[place] -= (float)(sums[item] / (counts[item] + ItemPrior)));
        return values;
    }

    private float[] Normalize(int[] counts)
    {
        float[] values = new float[_log.NumberOfEvents];
        ForEach((user, item, at) => values[at] = (float)(1 / Math.Sqrt((double)_log.GetItems(user).Length * counts[item])));
        return values;
    }

    // sqrt(n_item / n) is the first right singular vector of the normalized matrix, with singular value 1.
    private float[] Deflate(float[] vectors, int width)
    {
        if (_popularity is null)
        {
            return vectors;
        }

        float[] shares = new float[width];
        for (int item = 0; item < NumberOfColumns; item++)
        {
            Add(shares, vectors.AsSpan(item * width, width), _popularity[item]);
        }

        float[] result = [.. vectors];
        for (int item = 0; item < NumberOfColumns; item++)
        {
            Add(result.AsSpan(item * width, width), shares, -_popularity[item]);
        }

        return result;
    }

    private void ForEach(Action<int, int, int> visit)
    {
        int at = 0;
        for (int user = 1; user <= NumberOfRows; user++)
        {
            foreach (int item in _log.GetItems(user))
            {
                visit(user, item, at++);
            }
        }
    }

    private static void Add(Span<float> target, ReadOnlySpan<float> source, float factor)
    {
        for (int k = 0; k < target.Length; k++)
        {
            target[k] += factor * source[k];
        }
    }
}
