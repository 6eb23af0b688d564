using DCCL.ML.Model;

namespace DCCL.TestKit;

/// <summary>A network as its paper writes it, in double precision: the oracle of the graph and of the torch module.</summary>
public abstract class TextbookNetwork(DeviceCloudModelParameters parameters)
{
    private readonly Dictionary<string, double[]> _vectors = [];
    private readonly Dictionary<string, double[][]> _matrices = [];

    /// <summary>Makes the oracle of a model.</summary>
    public static TextbookNetwork Create(DeviceCloudModelParameters parameters, ML.Data.SeededRandom random) =>
        parameters.Architecture is SasRecArchitecture ? new TextbookSasRec(parameters) : new TextbookDin(parameters, random);

    /// <summary>Computes one logit.</summary>
    /// <param name="item">The target.</param>
    /// <param name="history">Most recent first; 0 is padding.</param>
    /// <param name="profile">The profile.</param>
    /// <param name="theta">The patch; empty for the cloud model.</param>
    public double Score(long item, ReadOnlySpan<long> history, ReadOnlySpan<float> profile, ReadOnlySpan<float> theta) =>
        GetLogit(item, history, profile, [.. theta.ToArray().Select(value => (double)value)]);

    /// <summary>Computes one logit, of a patch in double precision: fine enough for finite differences.</summary>
    public abstract double GetLogit(long item, ReadOnlySpan<long> history, ReadOnlySpan<float> profile, double[] theta);

    protected double[] Patch(int layer, double[] z, double[] theta)
    {
        if (theta.Length == 0 || parameters.Patch!.NumberOfBasisColumns == 0 || !parameters.Patch!.Layers.Contains(layer))
        {
            return z;
        }

        int rank = parameters.Patch.BottleneckSize;
        double[] flat = Vector($"patch.{layer}.offset");
        double[][] basis = Matrix($"patch.{layer}.basis", parameters.Patch.NumberOfBasisColumns);
        for (int k = 1; k <= basis.Length; k++)
        {
            double coordinate = theta[k];
            flat = Add(flat, [.. basis[k - 1].Select(x => coordinate * x)]);
        }

        double[] hidden = new double[rank];
        for (int r = 0; r < rank; r++)
        {
            double sum = Enumerable.Range(0, z.Length).Sum(n => flat[(r * z.Length) + n] * z[n]);
            hidden[r] = parameters.Patch.Activation switch
            {
                PatchActivation.Tanh => Math.Tanh(sum),
                PatchActivation.Relu => Math.Max(sum, 0),
                _ => sum,
            };
        }

        return [.. z.Select((x, n) => x + Enumerable.Range(0, rank).Sum(r => flat[(rank * z.Length) + (n * rank) + r] * hidden[r]))];
    }

    /// <summary>What a patch adds to the logit itself: its intercept, and the item's factors times its last coordinates.</summary>
    protected double GetShare(long item, double[] theta)
    {
        int factors = parameters.Patch?.NumberOfItemFactors ?? 0;
        double share = theta.Length == 0 ? 0 : theta[0];
        return theta.Length == 0 || factors == 0
            ? share
            : share + Dot(Matrix("patch.factors", parameters.Architecture.NumberOfItems + 1)[item], theta[^factors..]);
    }

    protected double[] Vector(string name)
    {
        if (!_vectors.TryGetValue(name, out double[]? vector))
        {
            vector = [.. parameters[name].ToArray().Select(value => (double)value)];
            _vectors.Add(name, vector);
        }

        return vector;
    }

    protected double[][] Matrix(string name, int rows)
    {
        if (!_matrices.TryGetValue(name, out double[][]? matrix))
        {
            matrix = [.. Vector(name).Chunk(parameters[name].Length / rows)];
            _matrices.Add(name, matrix);
        }

        return matrix;
    }

    protected static double[] Add(double[] left, double[] right)
    {
        double[] sum = new double[left.Length];
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] = left[i] + right[i];
        }

        return sum;
    }

    protected static double Dot(double[] left, double[] right)
    {
        double sum = 0;
        for (int i = 0; i < left.Length; i++)
        {
            sum += left[i] * right[i];
        }

        return sum;
    }

    protected static double[] Multiply(double[] vector, double[][] matrix)
    {
        double[] product = new double[matrix[0].Length];
        for (int row = 0; row < vector.Length; row++)
        {
            for (int column = 0; column < product.Length; column++)
            {
                product[column] += vector[row] * matrix[row][column];
            }
        }

        return product;
    }
}
