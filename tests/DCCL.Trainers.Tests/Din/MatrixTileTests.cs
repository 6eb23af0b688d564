using DCCL.ML.Data;
using DCCL.TestKit;
using DCCL.Trainers.Din;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.Din;

public sealed unsafe class MatrixTileTests
{
    // Sums of at most 40 products of order 1 in float32: 40 * 2^-24 is 2.4e-6, and the sums are of order sqrt(40).
    private const double Tolerance = 1e-5;

    private const float Guard = 12345;

    [Test]
    public void Multiply_RandomSizes_IsTheSumOfProducts([Range(1, 60)] int seed)
    {
        SeededRandom random = new(seed);
        int rows = random.Next(15);
        int columns = MatrixTile.Width * (1 + random.Next(11));
        int inner = random.Next(41);
        bool transposed = random.Next(2) == 0;
        bool accumulate = random.Next(2) == 0;
        int rowGap = random.Next(3) * MatrixTile.Width;
        float[] x = Gaussians(random, rows * inner);
        float[] y = Gaussians(random, inner * (columns + rowGap));
        float[] start = Gaussians(random, rows * columns);

        float[] product = Multiply(x, y, start, rows, columns, inner, transposed, accumulate, rowGap);

        double[] expected = new double[rows * columns];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                double sum = accumulate ? start[(row * columns) + column] : 0;
                for (int k = 0; k < inner; k++)
                {
                    sum += (double)(transposed ? x[(k * rows) + row] : x[(row * inner) + k]) * y[(k * (columns + rowGap)) + column];
                }

                expected[(row * columns) + column] = sum;
            }
        }

        Assert.That(Deviation.Max(product, expected), Is.LessThan(Tolerance), $"{rows} x {inner} x {columns}, {transposed}, {accumulate}");
    }

    [Test]
    public void Multiply_RowsOneByOne_GivesTheSameBits([Values(16, 32, 48, 64, 112, 176)] int columns)
    {
        const int Rows = 13;
        const int Inner = 21;
        SeededRandom random = new(columns);
        float[] x = Gaussians(random, Rows * Inner);
        float[] y = Gaussians(random, Inner * columns);
        float[] start = Gaussians(random, Rows * columns);

        float[] together = Multiply(x, y, start, Rows, columns, Inner, transposed: false, accumulate: true, rowGap: 0);

        float[] oneByOne =
        [
            .. Enumerable.Range(0, Rows).SelectMany(row => Multiply(
                x[(row * Inner)..((row + 1) * Inner)], y, start[(row * columns)..((row + 1) * columns)], 1, columns, Inner,
                transposed: false, accumulate: true, rowGap: 0)),
        ];
        Assert.That(oneByOne, Is.EqualTo(together));
    }

    [TestCase(1, 16)]
    [TestCase(16, 16)]
    [TestCase(17, 32)]
    [TestCase(64, 64)]
    [TestCase(65, 80)]
    public void Pad_AnyNumberOfColumns_IsTheNextMultipleOf16(int columns, int expected)
    {
        Assert.That(MatrixTile.Pad(columns), Is.EqualTo(expected));
    }

    // The product's rows lie two guards apart, which must survive.
    private static float[] Multiply(
        float[] x, float[] y, float[] start, int rows, int columns, int inner, bool transposed, bool accumulate, int rowGap)
    {
        int stride = columns + 2;
        float[] c = new float[(rows * stride) + 2];
        Array.Fill(c, Guard);
        for (int row = 0; row < rows; row++)
        {
            start.AsSpan(row * columns, columns).CopyTo(c.AsSpan((row * stride) + 2));
        }

        fixed (float* xPointer = x, yPointer = y, cPointer = c)
        {
            MatrixTile.Multiply(
                xPointer, transposed ? 1 : inner, transposed ? rows : 1, yPointer, columns + rowGap, cPointer + 2, stride, rows, columns, inner,
                accumulate);
        }

        List<float> product = [];
        for (int row = 0; row < rows; row++)
        {
            Assert.That(c[row * stride], Is.EqualTo(Guard));
            Assert.That(c[(row * stride) + 1], Is.EqualTo(Guard));
            product.AddRange(c.AsSpan((row * stride) + 2, columns));
        }

        Assert.That(c[^1], Is.EqualTo(Guard));
        return [.. product];
    }

    private static float[] Gaussians(SeededRandom random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
}
