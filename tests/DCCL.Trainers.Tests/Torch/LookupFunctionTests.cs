using DCCL.ML.Data;
using DCCL.TestKit;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.Tests.Torch;

public sealed class LookupFunctionTests
{
    // At most 60 gradients of order 1 are added to a row: 60 * 2^-24 is 3.6e-6.
    private const double Tolerance = 1e-5;

    [Test]
    public void Look_RandomRows_AndItsGradientAreIndexSelects([Range(1, 30)] int seed)
    {
        SeededRandom random = new(seed);
        int size = 1 + random.Next(8);
        long[] shape = random.Next(3) == 0 ? [size] : [size, 1 + random.Next(20)];
        long[] rowShape = random.Next(2) == 0 ? [random.Next(9)] : [1 + random.Next(6), random.Next(11)];
        long[] rows = [.. Enumerable.Range(0, (int)rowShape.Aggregate((x, y) => x * y)).Select(_ => (long)random.Next(size))];
        float[] values = Gaussians(random, (int)shape.Aggregate((x, y) => x * y));
        using DisposeScope scope = NewDisposeScope();
        Tensor table = tensor(values, shape, requires_grad: true);
        Tensor index = tensor(rows, rowShape);

        Tensor found = LookupFunction.Look(table, index);
        float[] coefficients = Gaussians(random, (int)found.numel());
        (found * tensor(coefficients, found.shape)).sum().backward();

        Tensor leaf = tensor(values, shape).to(ScalarType.Float64).requires_grad_();
        Tensor selected = leaf.index_select(0, index.flatten());
        (selected * tensor(coefficients, selected.shape)).sum().backward();
        using (no_grad())
        {
            leaf.grad![0].zero_();
        }

        long[] expectedShape = [.. rowShape, .. shape[1..]];
        Assert.That(found.shape, Is.EqualTo(expectedShape));
        Assert.That(found.ToArray(), Is.EqualTo(rows.SelectMany(row => values.Chunk(values.Length / size).ElementAt((int)row))));
        double[] gradient = leaf.grad!.contiguous().data<double>().ToArray();
        Assert.That(Deviation.Max(table.grad!.ToArray(), gradient), Is.LessThan(Tolerance), $"{size} rows, {string.Join(" ", rows)}");
    }

    [Test]
    public void Look_RowZero_GetsNoGradient()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor table = ones(3, 2).requires_grad_();

        LookupFunction.Look(table, tensor(new long[] { 0, 2, 0, 2, 1 })).sum().backward();

        Assert.That(table.grad!.ToArray(), Is.EqualTo(new float[] { 0, 0, 1, 1, 2, 2 }));
    }

    private static float[] Gaussians(SeededRandom random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
}
