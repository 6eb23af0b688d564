using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Torch;

/// <summary>Sums rows of a table, differentiably, many sums at a time; row 0, the padding, gets no gradient, and row -i takes row i away.</summary>
/// <remarks>
/// The rows of a sum are never laid out side by side, as a look-up would do: a sum over all that a user had is as long as a row. Rows are added in their
/// order, so that the same sums give the same bits.
/// </remarks>
internal sealed class RowSumFunction : autograd.SingleTensorFunction<RowSumFunction>
{
    public override string Name => nameof(RowSumFunction);

    /// <summary>Sums rows.</summary>
    /// <param name="table">[rows, width].</param>
    /// <param name="rows">The rows of each sum.</param>
    /// <returns>[sums, width].</returns>
    public static Tensor Sum(Tensor table, ReadOnlyMemory<int>[] rows) => table.requires_grad ? apply(table, rows) : Add(table, rows);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        Tensor table = (Tensor)vars[0];
        ctx.save_data("rows", vars[1]);
        ctx.save_data("shape", table.shape);
        return Add(table, (ReadOnlyMemory<int>[])vars[1]);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        ReadOnlyMemory<int>[] rows = (ReadOnlyMemory<int>[])ctx.get_data("rows");
        long[] shape = (long[])ctx.get_data("shape");
        Tensor gradient = torch.zeros(shape);
        using Tensor contiguous = grad_output.contiguous();
        Span<float> target = MemoryMarshal.Cast<byte, float>(gradient.bytes);
        ReadOnlySpan<float> source = MemoryMarshal.Cast<byte, float>(contiguous.bytes);
        int width = (int)shape[1];
        for (int i = 0; i < rows.Length; i++)
        {
            foreach (int row in rows[i].Span)
            {
                if (row != 0)
                {
                    AddOrSubtract(target.Slice(Math.Abs(row) * width, width), source.Slice(i * width, width), row);
                }
            }
        }

        return [gradient, null!];
    }

    private static Tensor Add(Tensor table, ReadOnlyMemory<int>[] rows)
    {
        int width = (int)table.shape[1];
        Tensor sums = torch.zeros(rows.Length, width);
        using Tensor contiguous = table.contiguous();
        ReadOnlySpan<float> source = MemoryMarshal.Cast<byte, float>(contiguous.bytes);
        Span<float> target = MemoryMarshal.Cast<byte, float>(sums.bytes);
        for (int i = 0; i < rows.Length; i++)
        {
            Span<float> sum = target.Slice(i * width, width);
            foreach (int row in rows[i].Span)
            {
                AddOrSubtract(sum, source.Slice(Math.Abs(row) * width, width), row);
            }
        }

        return sums;
    }

    private static void AddOrSubtract(Span<float> sum, ReadOnlySpan<float> values, int sign)
    {
        if (sign >= 0)
        {
            TensorPrimitives.Add(sum, values, sum);
        }
        else
        {
            TensorPrimitives.Subtract(sum, values, sum);
        }
    }
}
