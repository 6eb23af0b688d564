namespace DCCL.ML.Onnx;

/// <summary>What is computed from the weights once, when a graph is built. Matrices are row-major; all members are pure.</summary>
internal static class WeightArithmetic
{
    /// <summary>Multiplies a matrix with a vector.</summary>
    public static float[] Multiply(ReadOnlySpan<float> matrix, ReadOnlySpan<float> vector)
    {
        float[] result = new float[matrix.Length / vector.Length];
        for (int row = 0; row < result.Length; row++)
        {
            double sum = 0;
            for (int column = 0; column < vector.Length; column++)
            {
                sum += (double)matrix[(row * vector.Length) + column] * vector[column];
            }

            result[row] = (float)sum;
        }

        return result;
    }

    /// <summary>Adds the rows of a matrix, each times a factor of its own.</summary>
    public static float[] Combine(ReadOnlySpan<float> factors, ReadOnlySpan<float> matrix)
    {
        float[] result = new float[matrix.Length / factors.Length];
        for (int column = 0; column < result.Length; column++)
        {
            double sum = 0;
            for (int row = 0; row < factors.Length; row++)
            {
                sum += (double)factors[row] * matrix[(row * result.Length) + column];
            }

            result[column] = (float)sum;
        }

        return result;
    }

    /// <summary>Multiplies two vectors element by element.</summary>
    public static float[] Scale(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        float[] result = new float[left.Length];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = left[i] * right[i];
        }

        return result;
    }

    public static float[] OneMinus(ReadOnlySpan<float> values)
    {
        float[] result = new float[values.Length];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = 1 - values[i];
        }

        return result;
    }

    public static float[] Transpose(ReadOnlySpan<float> matrix, int rows, int columns)
    {
        float[] result = new float[matrix.Length];
        Transpose(matrix, result, rows, columns);
        return result;
    }

    public static void Transpose(ReadOnlySpan<float> matrix, Span<float> result, int rows, int columns)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                result[(column * rows) + row] = matrix[(row * columns) + column];
            }
        }
    }

    /// <summary>Writes (x - mean) / sqrt(variance + 1e-8) as scale x + shift.</summary>
    public static (float[] Scale, float[] Shift) Standardize(ReadOnlySpan<float> mean, ReadOnlySpan<float> variance)
    {
        float[] scale = new float[mean.Length];
        float[] shift = new float[mean.Length];
        for (int i = 0; i < mean.Length; i++)
        {
            double inverse = 1 / Math.Sqrt(variance[i] + 1e-8);
            scale[i] = (float)inverse;
            shift[i] = (float)(-mean[i] * inverse);
        }

        return (scale, shift);
    }
}
