using DCCL.ML.Data;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Torch;

/// <summary>
/// Item vectors from the leading singular vectors of a log's <see cref="EventMatrix"/>: where an item stands among the tastes of all
/// users, known before the first epoch.
/// </summary>
/// <remarks>
/// <para>
/// Source: Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 2011, algorithms 4.4 and 5.1 (randomized
/// subspace iteration). The matrix is never built: an iteration is two passes over the events.
/// </para>
/// <para>Pure function; thread-safe.</para>
/// </remarks>
internal static class SpectralEmbedding
{
    private const int Oversampling = 8;
    private const int NumberOfIterations = 10;

    /// <summary>Computes the vectors.</summary>
    /// <param name="log">The training log.</param>
    /// <param name="size">The length of a vector.</param>
    /// <param name="random">Draws the first subspace.</param>
    /// <returns>
    /// [items + 1, size] row-major, row 0 zero: the right singular vectors times the square roots of the singular values, scaled to a
    /// root mean square of 1 over the events. Elements beyond the rank of the matrix are zero.
    /// </returns>
    public static float[] Compute(InteractionLog log, int size, SeededRandom random)
    {
        EventMatrix matrix = new(log);
        int items = matrix.NumberOfColumns;
        int width = Math.Min(size + Oversampling, Math.Min(items, matrix.NumberOfRows));
        int found = Math.Min(size, width);
        float[] start = new float[items * width];
        for (int i = 0; i < start.Length; i++)
        {
            start[i] = (float)random.NextGaussian();
        }

        using DisposeScope scope = torch.NewDisposeScope();
        using IDisposable noGradients = torch.no_grad();
        Tensor basis = torch.linalg.qr(torch.tensor(start, items, width)).Q;                                 // [items, width]
        for (int iteration = 0; iteration < NumberOfIterations; iteration++)
        {
            float[] image = matrix.Multiply(basis.ToArray(), width);
            basis = torch.linalg.qr(torch.tensor(matrix.MultiplyTransposed(image, width), items, width)).Q;
        }

        Tensor projected = torch.tensor(matrix.Multiply(basis.ToArray(), width), matrix.NumberOfRows, width);
        (Tensor squares, Tensor rotation) = torch.linalg.eigh(projected.t().matmul(projected));              // ascending
        Tensor vectors = basis.matmul(rotation.narrow(1, width - found, found).flip(1));                     // [items, found]
        Tensor roots = squares.narrow(0, width - found, found).flip(0).AtLeast(0).sqrt().sqrt();
        return Arrange((vectors * roots).ToArray(), matrix, found, size);
    }

    private static float[] Arrange(float[] vectors, EventMatrix matrix, int found, int size)
    {
        float[] result = new float[matrix.NumberOfColumns * size];
        double scale = matrix.GetRootMeanSquare(vectors, found);
        for (int item = 1; item < matrix.NumberOfColumns && scale > 0; item++)
        {
            for (int k = 0; k < found; k++)
            {
                result[(item * size) + k] = (float)(vectors[(item * found) + k] / scale);
            }
        }

        return result;
    }
}
