using System.Runtime.InteropServices;
using DCCL.Trainers.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.SasRec;

/// <summary>The cross-entropy of each user vector's next item among many items, differentiably, a block of rows at a time.</summary>
/// <remarks>
/// The logits of a batch by all items are far larger than the model. Here no more than a block of them exists at any time, and the
/// gradient is computed beside the loss, while the block is at hand.
/// </remarks>
internal sealed class ItemSoftmax : autograd.SingleTensorFunction<ItemSoftmax>
{
    private const int MaximumBlock = 1 << 20;

    public override string Name => nameof(ItemSoftmax);

    /// <summary>Sums the cross-entropies.</summary>
    /// <param name="users">[rows, dimension].</param>
    /// <param name="items">[items, dimension].</param>
    /// <param name="bias">[items].</param>
    /// <param name="rows">The rows of <paramref name="users"/> that have a next item, each once.</param>
    /// <param name="targets">Their next items, as rows of <paramref name="items"/>.</param>
    /// <param name="excluded">Of each what is no candidate, as rows of <paramref name="items"/>; the next item itself always is one.</param>
    /// <returns>A single number.</returns>
    public static Tensor SumLoss(Tensor users, Tensor items, Tensor bias, long[] rows, int[] targets, int[][] excluded) =>
        apply(users, items, bias, rows, targets, excluded);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        (Tensor users, Tensor items, Tensor bias) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2]);
        (long[] rows, int[] targets, int[][] excluded) = ((long[])vars[3], (int[])vars[4], (int[][])vars[5]);
        using IDisposable noGradients = torch.no_grad();
        using Tensor index = torch.tensor(rows);
        using Tensor chosen = users.index_select(0, index);                                                  // [n, dim]
        using Tensor transposed = items.t();
        using Tensor rowGradient = torch.empty_like(chosen);
        Tensor itemGradient = torch.zeros_like(items);
        Tensor biasGradient = torch.zeros_like(bias);
        int block = (int)Math.Max(1, MaximumBlock / items.shape[0]);
        double loss = 0;
        for (int first = 0; first < rows.Length; first += block)
        {
            using DisposeScope scope = torch.NewDisposeScope();
            int count = Math.Min(block, rows.Length - first);
            Tensor part = chosen.narrow(0, first, count);
            Tensor logits = torch.addmm(bias, part, transposed, 1, 1);                                       // [count, items]
            Exclude(logits, targets.AsSpan(first, count), excluded.AsSpan(first, count));
            Tensor slope = torch.nn.functional.log_softmax(logits, dim: 1);
            loss -= Sum(slope, targets.AsSpan(first, count));
            slope.exp_();
            Subtract(slope, targets.AsSpan(first, count));
            rowGradient.narrow(0, first, count).copy_(slope.matmul(items));
            itemGradient.addmm_(slope.t(), part, 1, 1);
            biasGradient.AddInPlace(slope.sum([0])); // sum(0) would be that of all, as bytes: 0 is a ScalarType, too
        }

        Tensor userGradient = torch.zeros_like(users);
        userGradient.index_copy_(0, index, rowGradient);
        ctx.save_for_backward([userGradient, itemGradient, biasGradient]);
        return torch.tensor((float)loss);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        List<Tensor> gradients = ctx.get_saved_variables();
        List<Tensor> scaled = [.. gradients.Select(gradient => gradient * grad_output)];
        gradients.ForEach(gradient => gradient.Dispose());
        return [.. scaled, null!, null!, null!];
    }

    private static void Exclude(Tensor logits, ReadOnlySpan<int> targets, ReadOnlySpan<int[]> excluded)
    {
        Span<float> elements = MemoryMarshal.Cast<byte, float>(logits.bytes);
        int width = elements.Length / targets.Length;
        for (int row = 0; row < targets.Length; row++)
        {
            Span<float> candidates = elements.Slice(row * width, width);
            float target = candidates[targets[row]];
            foreach (int column in excluded[row])
            {
                candidates[column] = float.NegativeInfinity;
            }

            candidates[targets[row]] = target;
        }
    }

    private static double Sum(Tensor values, ReadOnlySpan<int> columns)
    {
        ReadOnlySpan<float> elements = MemoryMarshal.Cast<byte, float>(values.bytes);
        int width = elements.Length / columns.Length;
        double sum = 0;
        for (int row = 0; row < columns.Length; row++)
        {
            sum += elements[(row * width) + columns[row]];
        }

        return sum;
    }

    private static void Subtract(Tensor values, ReadOnlySpan<int> columns)
    {
        Span<float> elements = MemoryMarshal.Cast<byte, float>(values.bytes);
        int width = elements.Length / columns.Length;
        for (int row = 0; row < columns.Length; row++)
        {
            elements[(row * width) + columns[row]] -= 1;
        }
    }
}
