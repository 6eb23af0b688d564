namespace DCCL.TestKit;

/// <summary>How far computed numbers are from expected ones.</summary>
public static class Deviation
{
    /// <summary>The largest difference, relative to the expected number or to <paramref name="scale"/>, whichever is larger.</summary>
    /// <param name="actual">The computed numbers.</param>
    /// <param name="expected">The expected numbers.</param>
    /// <param name="scale">Numbers below this size are compared as if they had it.</param>
    /// <returns>The difference; infinity if a number is not finite or the lengths differ.</returns>
    public static double Max(IReadOnlyList<float> actual, IReadOnlyList<double> expected, double scale = 1)
    {
        if (actual.Count != expected.Count)
        {
            return double.PositiveInfinity;
        }

        double largest = 0;
        for (int i = 0; i < actual.Count; i++)
        {
            double difference = Math.Abs(actual[i] - expected[i]) / Math.Max(scale, Math.Abs(expected[i]));
            largest = double.IsFinite(difference) ? Math.Max(largest, difference) : double.PositiveInfinity;
        }

        return largest;
    }

    /// <summary>The largest difference of two lists of single-precision numbers.</summary>
    public static double Max(IReadOnlyList<float> actual, IReadOnlyList<float> expected, double scale = 1) =>
        Max(actual, [.. expected.Select(value => (double)value)], scale);
}
