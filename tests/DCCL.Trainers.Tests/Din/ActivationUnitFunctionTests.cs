using DCCL.ML.Data;
using DCCL.TestKit;
using DCCL.Trainers.Din;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.Tests.Din;

public sealed class ActivationUnitFunctionTests
{
    // Scores and gradients are sums of at most a few thousand products in float32, of order 1 as the weights are scaled: the errors
    // of n roundings add up like sqrt(n) * 2^-24, below 6e-6 for n = 10,000. Compared relative to the largest of each tensor.
    private const double Tolerance = 1e-5;

    private static readonly string[] _names = ["keys", "targets", "queries", "history weight", "product weight", "slope", "output weight"];

    [Test]
    public void Score_RandomSizes_AndItsGradientsAreTheTextbooks([Range(1, 60)] int seed)
    {
        SeededRandom random = new(seed);
        int groups = 1 + random.Next(4);
        int candidates = 1 + random.Next(5);
        int length = 1 + random.Next(9);
        int dimension = 1 + random.Next(40);
        int unit = 1 + random.Next(80);
        int[] lengths = [.. Enumerable.Range(0, groups).Select(_ => random.Next(length + 1))];
        long[][] shapes =
        [
            [groups, length, dimension], [groups, candidates, dimension], [groups, candidates, unit], [dimension, unit], [dimension, unit], [unit], [unit],
        ];
        double[] scales = [1, 1, 1, 1 / Math.Sqrt(dimension), 1 / Math.Sqrt(dimension), 0.5, 1 / Math.Sqrt(unit)];
        float[][] values =
        [
            .. shapes.Zip(scales, (shape, scale) =>
                Enumerable.Range(0, (int)shape.Aggregate((x, y) => x * y)).Select(_ => (float)(scale * random.NextGaussian())).ToArray()),
        ];
        float[] coefficients = [.. Enumerable.Range(0, groups * candidates * length).Select(_ => (float)random.NextGaussian())];
        using DisposeScope scope = NewDisposeScope();

        Tensor[] inputs = [.. values.Zip(shapes, (value, shape) => tensor(value, shape, requires_grad: true))];
        Tensor scores = ActivationUnitFunction.Score(
            inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5], inputs[6], lengths);
        (scores * tensor(coefficients, scores.shape)).sum().backward();

        Tensor[] leaves = [.. values.Zip(shapes, (value, shape) => tensor(value, shape).to(ScalarType.Float64).requires_grad_())];
        Tensor expected = Textbook(leaves, lengths);
        (expected * tensor(coefficients, scores.shape)).sum().backward();

        string sizes = $"{groups} groups, {candidates} candidates, lengths {string.Join(",", lengths)} of {length}, dimension {dimension}, unit {unit}";
        Assert.That(Difference(scores, expected), Is.LessThan(Tolerance), sizes);
        for (int i = 0; i < inputs.Length; i++)
        {
            Assert.That(Difference(inputs[i].grad!, leaves[i].grad!), Is.LessThan(Tolerance), $"{_names[i]}: {sizes}");
        }
    }

    [Test]
    public void Score_PositionsBeyondTheLength_AreZeroAndGetNoGradient()
    {
        using DisposeScope scope = NewDisposeScope();
        SeededRandom random = new(3);
        Tensor keys = Random(random, 2, 4, 5).requires_grad_();
        Tensor scores = ActivationUnitFunction.Score(
            keys, Random(random, 2, 3, 5), Random(random, 2, 3, 7), Random(random, 5, 7), Random(random, 5, 7), Random(random, 7), Random(random, 7), [0, 3]);
        scores.sum().backward();

        Assert.That(scores[0].ToArray(), Is.All.Zero);
        Assert.That(scores[1].narrow(1, 3, 1).ToArray(), Is.All.Zero);
        Assert.That(scores[1].narrow(1, 0, 3).ToArray(), Is.All.Not.Zero);
        Assert.That(keys.grad![0].ToArray(), Is.All.Zero);
        Assert.That(keys.grad![1][3].ToArray(), Is.All.Zero);
        Assert.That(keys.grad![1].narrow(0, 0, 3).ToArray(), Is.All.Not.Zero);
    }

    [Test]
    public void Score_OneGroupOfABatch_HasTheBitsItHasAlone()
    {
        using DisposeScope scope = NewDisposeScope();
        SeededRandom random = new(4);
        Tensor keys = Random(random, 3, 9, 20);
        Tensor targets = Random(random, 3, 2, 20);
        Tensor queries = Random(random, 3, 2, 33);
        Tensor[] weights = [Random(random, 20, 33), Random(random, 20, 33), Random(random, 33), Random(random, 33)];
        Tensor together = ActivationUnitFunction.Score(keys, targets, queries, weights[0], weights[1], weights[2], weights[3], [9, 4, 7]);

        Tensor alone = ActivationUnitFunction.Score(
            keys.narrow(0, 1, 1).narrow(1, 0, 4), targets.narrow(0, 1, 1), queries.narrow(0, 1, 1), weights[0], weights[1], weights[2], weights[3], [4]);

        Assert.That(alone.ToArray(), Is.EqualTo(together[1].narrow(1, 0, 4).ToArray()));
    }

    // The unit on concat(k, t, k * t), masked beyond the lengths; the part of t is in the queries.
    private static Tensor Textbook(Tensor[] inputs, int[] lengths)
    {
        Tensor keys = inputs[0].unsqueeze(1);                                                                // [groups, 1, length, dim]
        Tensor product = keys * inputs[1].unsqueeze(2);                                                      // [groups, candidates, length, dim]
        Tensor pre = keys.matmul(inputs[3]) + product.matmul(inputs[4]) + inputs[2].unsqueeze(2);            // [groups, candidates, length, unit]
        Tensor activation = pre.clamp(min: 0) + (inputs[5] * pre.clamp(max: 0));
        Tensor scores = activation.matmul(inputs[6]);                                                        // [groups, candidates, length]
        long length = scores.shape[2];
        Tensor mask = tensor(
            lengths.SelectMany(known => Enumerable.Range(0, (int)length).Select(j => j < known ? 1.0 : 0.0)).ToArray(), lengths.Length, 1, length);
        return scores * mask;
    }

    private static double Difference(Tensor actual, Tensor expected)
    {
        double[] reference = expected.detach().contiguous().data<double>().ToArray();
        return Deviation.Max(actual.ToArray(), reference, Math.Max(1, reference.Max(Math.Abs)));
    }

    private static Tensor Random(SeededRandom random, params long[] shape) =>
        tensor(Enumerable.Range(0, (int)shape.Aggregate((x, y) => x * y)).Select(_ => (float)random.NextGaussian()).ToArray(), shape);
}
