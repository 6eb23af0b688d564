namespace DCCL.Trainers.Tests.MetaPatch;

/// <summary>Linear equations in double precision.</summary>
internal static class LinearSystem
{
    /// <summary>Solves A x = b by Gaussian elimination with pivoting.</summary>
    public static double[] Solve(double[][] matrix, double[] right)
    {
        int size = right.Length;
        double[][] rows = [.. matrix.Select((row, i) => (double[])[.. row, right[i]])];
        for (int column = 0; column < size; column++)
        {
            int pivot = Enumerable.Range(column, size - column).MaxBy(row => Math.Abs(rows[row][column]));
            (rows[column], rows[pivot]) = (rows[pivot], rows[column]);
            for (int row = 0; row < size; row++)
            {
                if (row != column)
                {
                    double factor = rows[row][column] / rows[column][column];
                    rows[row] = [.. rows[row].Zip(rows[column], (x, y) => x - (factor * y))];
                }
            }
        }

        return [.. rows.Select((row, i) => row[size] / row[i])];
    }
}
