using DCCL.ML.Data;
using DCCL.TestKit;
using DCCL.Trainers.SasRec;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Tests.SasRec;

public sealed class ItemSoftmaxTests
{
    // Of 200,000 items a block has five rows, of seven all: both against torch's own.
    [TestCase(7, 11, 5)]
    [TestCase(200_000, 12, 2)]
    public void SumLoss_AndItsGradients_AreThoseOfTorchsCrossEntropyAmongTheCandidates(int items, int rows, int dimension)
    {
        SeededRandom random = new(1);
        using DisposeScope scope = NewDisposeScope();
        float[] users = Draw(rows * dimension);
        float[] table = Draw(items * dimension);
        float[] bias = Draw(items);
        long[] chosen = [.. Enumerable.Range(0, rows).Where(row => row % 3 != 1).Select(row => (long)row)];
        int[] targets = [.. chosen.Select(_ => random.Next(items))];

        // None for some rows, for others all but two, the next item among them.
        int[][] excluded = [.. targets.Select((target, i) => i % 2 == 0 ? [] : Enumerable.Range(2, items - 2).Append(target).ToArray())];
        float[] mask = new float[chosen.Length * items];
        for (int row = 0; row < chosen.Length; row++)
        {
            foreach (int item in excluded[row].Where(item => item != targets[row]))
            {
                mask[(row * items) + item] = float.NegativeInfinity;
            }
        }

        (float loss, float[][] gradients) = Differentiate((u, t, b) => ItemSoftmax.SumLoss(u, t, b, chosen, targets, excluded));
        (float expectedLoss, float[][] expected) = Differentiate((u, t, b) => nn.functional.cross_entropy(
            u.index_select(0, tensor(chosen)).matmul(t.t()).Plus(b).Plus(tensor(mask, chosen.Length, items)),
            tensor(targets.Select(target => (long)target).ToArray()),
            reduction: nn.Reduction.Sum));

        // Sums of some hundred numbers of order 1.
        Assert.That(loss, Is.EqualTo(expectedLoss).Within(1e-5 * expectedLoss));
        for (int i = 0; i < 3; i++)
        {
            Assert.That(Deviation.Max(gradients[i], expected[i]), Is.LessThan(1e-5), $"input {i}");
            Assert.That(gradients[i], Has.Some.Not.Zero);
        }

        Assert.That(gradients[0][dimension..(2 * dimension)], Is.All.Zero); // row 1 was not chosen

        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];

        (float, float[][]) Differentiate(Func<Tensor, Tensor, Tensor, Tensor> compute)
        {
            Tensor[] inputs =
            [
                tensor(users, [rows, dimension], requires_grad: true),
                tensor(table, [items, dimension], requires_grad: true),
                tensor(bias, [items], requires_grad: true),
            ];
            Tensor sum = compute(inputs[0], inputs[1], inputs[2]);
            sum.Times(0.5).backward(); // as a part of a larger loss
            return (sum.item<float>(), [.. inputs.Select(input => input.grad!.ToArray())]);
        }
    }
}
