namespace OnDeviceWeb;

/// <summary>Turns measurements of items into coordinates that are independent of each other and of equal spread.</summary>
internal static class Coordinates
{
    /// <summary>Whitens: afterwards each coordinate has mean 0 and variance 1, and no two are correlated.</summary>
    /// <param name="measurements">The measurements [kinds][items].</param>
    /// <returns>The coordinates [kinds][items].</returns>
    public static double[][] Whiten(double[][] measurements)
    {
        double[][] result = new double[measurements.Length][];
        for (int k = 0; k < measurements.Length; k++)
        {
            // Gram and Schmidt: what the coordinates before it say is taken away, and what is left scaled.
            double mean = measurements[k].Average();
            double[] rest = Array.ConvertAll(measurements[k], value => value - mean);
            foreach (double[] earlier in result[..k])
            {
                double share = Dot(rest, earlier) / rest.Length;
                rest = [.. rest.Zip(earlier, (x, y) => x - (share * y))];
            }

            double spread = Math.Sqrt(Dot(rest, rest) / rest.Length);
            result[k] = Array.ConvertAll(rest, value => value / spread);
        }

        return result;
    }

    private static double Dot(double[] left, double[] right) => left.Zip(right, (x, y) => x * y).Sum();
}
