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
        using DisposeScope scope = torch.NewDisposeScope();
        (Tensor vectors, Tensor squares) = Decompose(matrix, size, random);
        int found = (int)squares.shape[0];
        float[] values = (vectors * squares.AtLeast(0).sqrt().sqrt()).ToArray();
        return Arrange(values, matrix, found, size, matrix.GetRootMeanSquare(values, found));
    }

    /// <summary>Computes the leading directions of who had what, popularity among them: orthonormal, so that the projection of a user is a sum over items.</summary>
    /// <param name="log">The log.</param>
    /// <param name="size">The number of directions.</param>
    /// <param name="random">Draws the first subspace.</param>
    /// <returns>[items + 1, size] row-major, row 0 zero: the right singular vectors. Elements beyond the rank of the matrix are zero.</returns>
    public static float[] FindDirections(InteractionLog log, int size, SeededRandom random)
    {
        EventMatrix matrix = new(log, isCentered: false);
        using DisposeScope scope = torch.NewDisposeScope();
        (Tensor vectors, Tensor squares) = Decompose(matrix, size, random);

        // Beyond the rank there are no directions, but rounding makes some.
        Tensor isThere = squares.IsMoreThan(1e-5 * Math.Max(1e-5, squares[0].item<float>()));
        return Arrange((vectors * isThere).ToArray(), matrix, (int)squares.shape[0], size, divisor: 1);
    }

    // The right singular vectors [items + 1, found], and the squares of the singular values, the largest first.
    private static (Tensor Vectors, Tensor Squares) Decompose(EventMatrix matrix, int size, SeededRandom random)
    {
        int items = matrix.NumberOfColumns;
        int width = Math.Min(size + Oversampling, Math.Min(items, matrix.NumberOfRows));
        int found = Math.Min(size, width);
        float[] start = new float[items * width];
        for (int i = 0; i < start.Length; i++)
        {
            start[i] = (float)random.NextGaussian();
        }

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
        return (vectors, squares.narrow(0, width - found, found).flip(0));
    }

    private static float[] Arrange(float[] vectors, EventMatrix matrix, int found, int size, double divisor)
    {
        float[] result = new float[matrix.NumberOfColumns * size];
        for (int item = 1; item < matrix.NumberOfColumns && divisor > 0; item++)
        {
            for (int k = 0; k < found; k++)
            {
                result[(item * size) + k] = (float)(vectors[(item * found) + k] / divisor);
            }
        }

        return result;
    }
}
