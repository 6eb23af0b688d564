using DCCL.ML.Data;
using DCCL.TestKit;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.Tests.Torch;

public sealed class RowSumFunctionTests
{
    // At most 60 numbers of order 1 are added: 60 * 2^-24 is 3.6e-6.
    private const double Tolerance = 1e-5;

    [Test]
    public void Sum_RandomRows_AndItsGradientAreThoseOfALookUpThatIsSummed([Range(1, 20)] int seed)
    {
        SeededRandom random = new(seed);
        int size = 2 + random.Next(8);
        int width = 1 + random.Next(20);
        ReadOnlyMemory<int>[] rows = [.. Enumerable.Range(0, 1 + random.Next(6)).Select(_ => (ReadOnlyMemory<int>)Enumerable.Range(0, random.Next(10)).Select(_ => (random.Next(2) == 0 ? 1 : -1) * random.Next(size)).ToArray())];
        float[] values = [.. Enumerable.Range(0, size * width).Select(_ => (float)random.NextGaussian())];
        float[] coefficients = [.. Enumerable.Range(0, rows.Length * width).Select(_ => (float)random.NextGaussian())];
        using DisposeScope scope = NewDisposeScope();
        Tensor table = tensor(values, size, width, requires_grad: true);

        Tensor sums = RowSumFunction.Sum(table, rows);
        (sums * tensor(coefficients, sums.shape)).sum().backward();

        double[] expected = new double[rows.Length * width];
        double[] gradient = new double[size * width];
        for (int i = 0; i < rows.Length; i++)
        {
            foreach (int row in rows[i].Span)
            {
                int at = Math.Abs(row) * width;
                int sign = row < 0 ? -1 : 1;
                for (int k = 0; k < width; k++)
                {
                    expected[(i * width) + k] += sign * values[at + k];
                    gradient[at + k] += row == 0 ? 0 : sign * coefficients[(i * width) + k];
                }
            }
        }

        Assert.That(Deviation.Max(sums.ToArray(), expected), Is.LessThan(Tolerance));
        Assert.That(Deviation.Max(table.grad!.ToArray(), gradient), Is.LessThan(Tolerance));
        using Tensor frozen = table.detach();
        Assert.That(RowSumFunction.Sum(frozen, rows).ToArray(), Is.EqualTo(sums.ToArray()));
    }
}
