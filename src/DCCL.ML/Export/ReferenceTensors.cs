using DCCL.ML.Model;

namespace DCCL.ML.Export;

/// <summary>A model's tensors and the little arithmetic that a reference needs, in double precision.</summary>
internal sealed class ReferenceTensors(DeviceCloudModelParameters parameters)
{
    /// <summary>A row of a tensor, as a copy.</summary>
    public double[] Row(string name, int row, int length)
    {
        ReadOnlySpan<float> values = parameters[name].Span.Slice(row * length, length);
        double[] result = new double[length];
        for (int i = 0; i < length; i++)
        {
            result[i] = values[i];
        }

        return result;
    }

    /// <summary>Adds the product of a row vector and a matrix.</summary>
    public void MultiplyTo(double[] sum, double[] vector, string matrix)
    {
        ReadOnlySpan<float> weights = parameters[matrix].Span;
        for (int row = 0; row < vector.Length; row++)
        {
            for (int column = 0; column < sum.Length; column++)
            {
                sum[column] += vector[row] * weights[(row * sum.Length) + column];
            }
        }
    }

    /// <summary>A row vector times a layer's weight, plus its bias.</summary>
    public double[] Linear(string layer, double[] x, int size)
    {
        double[] result = Row($"{layer}.bias", 0, size);
        MultiplyTo(result, x, $"{layer}.weight");
        return result;
    }

    /// <summary>The softmax of some scores, at least one.</summary>
    public static double[] Softmax(double[] scores)
    {
        double largest = scores.Max();
        double[] exponentials = Array.ConvertAll(scores, score => Math.Exp(score - largest));
        double sum = exponentials.Sum();
        return Array.ConvertAll(exponentials, value => value / sum);
    }

    /// <summary>Adds a multiple of a vector.</summary>
    public static void AddTo(double[] sum, double[] values, double factor)
    {
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] += factor * values[i];
        }
    }
}
