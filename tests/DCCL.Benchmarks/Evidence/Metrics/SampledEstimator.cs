namespace DCCL.Benchmarks.Evidence.Metrics;

/// <summary>What to count for an event at each rank among sampled candidates, so that the mean is near the metric among all items.</summary>
/// <remarks>
/// <para>
/// With <c>n</c> items, <c>m</c> samples and a uniform prior over the rank r, the sampled rank s - 1 is binomial with m trials and probability
/// <c>(r - 1) / (n - 1)</c>. The estimator minimises expected squared bias and variance, <c>sum over r of E[M^(s) | r]</c> against
/// <c>M(r)</c>:
/// </para>
/// <code>
/// M^ = ((1 - gamma) A'A + gamma diag(c))^-1 A'b        A_rs = sqrt(p_r) P(s | r)    b_r = sqrt(p_r) M(r)    c_s = sum_r p_r P(s | r)
/// </code>
/// <para>Source: Krichene and Rendle, "On Sampled Metrics for Item Recommendation", KDD 2020, section 5.3.</para>
/// </remarks>
internal static class SampledEstimator
{
    /// <summary>The weight of variance against bias.</summary>
    public const double DefaultVarianceWeight = 0.01;

    /// <summary>Computes the estimator.</summary>
    /// <param name="numberOfItems">n, the item itself included, at least 1.</param>
    /// <param name="numberOfSamples">m.</param>
    /// <param name="metric">M, of a rank from 1.</param>
    /// <param name="varianceWeight">gamma, from 0 to 1.</param>
    /// <returns>What counts for the sampled ranks 1 to m + 1.</returns>
    public static double[] Solve(
        int numberOfItems, int numberOfSamples, Func<double, double> metric, double varianceWeight = DefaultVarianceWeight)
    {
        int size = numberOfSamples + 1;
        double[,] system = new double[size, size + 1];
        double prior = 1.0 / numberOfItems;
        double[] logFactorials = new double[size];
        for (int i = 1; i < size; i++)
        {
            logFactorials[i] = logFactorials[i - 1] + Math.Log(i);
        }

        double[] probabilities = new double[size];
        for (int rank = 1; rank <= numberOfItems; rank++)
        {
            double share = numberOfItems == 1 ? 0 : (rank - 1.0) / (numberOfItems - 1);
            for (int above = 0; above < size; above++)
            {
                probabilities[above] = GetBinomial(above, numberOfSamples, share, logFactorials);
            }

            double value = metric(rank);
            for (int row = 0; row < size; row++)
            {
                double scaled = prior * probabilities[row];
                if (scaled == 0)
                {
                    continue;
                }

                for (int column = 0; column < size; column++)
                {
                    system[row, column] += (1 - varianceWeight) * scaled * probabilities[column];
                }

                system[row, row] += varianceWeight * scaled;
                system[row, size] += scaled * value;
            }
        }

        return Eliminate(system);
    }

    private static double GetBinomial(int successes, int trials, double probability, double[] logFactorials)
    {
        if (probability is 0 or 1)
        {
            return successes == (probability == 0 ? 0 : trials) ? 1 : 0;
        }

        return Math.Exp(
            logFactorials[trials] - logFactorials[successes] - logFactorials[trials - successes]
            + (successes * Math.Log(probability)) + ((trials - successes) * Math.Log(1 - probability)));
    }

    /// <summary>Solves a linear system by Gaussian elimination with partial pivoting.</summary>
    /// <param name="system">The matrix with the right-hand side as its last column; overwritten.</param>
    private static double[] Eliminate(double[,] system)
    {
        int size = system.GetLength(0);
        for (int column = 0; column < size; column++)
        {
            int pivot = Enumerable.Range(column, size - column).MaxBy(row => Math.Abs(system[row, column]));
            for (int k = column; k <= size; k++)
            {
                (system[column, k], system[pivot, k]) = (system[pivot, k], system[column, k]);
            }

            for (int row = column + 1; row < size && system[column, column] != 0; row++)
            {
                double factor = system[row, column] / system[column, column];
                for (int k = column; factor != 0 && k <= size; k++)
                {
                    system[row, k] -= factor * system[column, k];
                }
            }
        }

        double[] solution = new double[size];
        for (int row = size - 1; row >= 0; row--)
        {
            double sum = system[row, size];
            for (int column = row + 1; column < size; column++)
            {
                sum -= system[row, column] * solution[column];
            }

            // A rank that no draw can give counts nothing.
            solution[row] = system[row, row] == 0 ? 0 : sum / system[row, row];
        }

        return solution;
    }
}
