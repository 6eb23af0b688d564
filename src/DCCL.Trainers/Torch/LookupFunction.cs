using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Torch;

/// <summary>Looks up rows of a table, differentiably; row 0, the padding, gets no gradient.</summary>
/// <remarks>
/// TorchSharp 0.107 has no functional embedding, and the gradient of <c>index_select</c> adds row by row through a general
/// tensor operation, which took most of an epoch's time. Rows are added in the order of the look-ups, so that the same
/// batch gives the same bits.
/// </remarks>
internal sealed class LookupFunction : autograd.SingleTensorFunction<LookupFunction>
{
    public override string Name => nameof(LookupFunction);

    /// <summary>Looks up rows.</summary>
    /// <param name="table">[rows, ...].</param>
    /// <param name="rows">int64 [...].</param>
    /// <returns>The shape of <paramref name="rows"/>, then that of a row.</returns>
    public static Tensor Look(Tensor table, Tensor rows) => table.requires_grad ? apply(table, rows) : Gather(table, rows);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        Tensor table = (Tensor)vars[0];
        Tensor rows = (Tensor)vars[1];
        ctx.save_data("rows", MemoryMarshal.Cast<byte, long>(rows.bytes).ToArray());
        ctx.save_data("shape", table.shape);
        return Gather(table, rows);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        long[] rows = (long[])ctx.get_data("rows");
        Tensor gradient = torch.zeros((long[])ctx.get_data("shape"));
        using Tensor contiguous = grad_output.contiguous();
        Span<float> target = MemoryMarshal.Cast<byte, float>(gradient.bytes);
        ReadOnlySpan<float> source = MemoryMarshal.Cast<byte, float>(contiguous.bytes);
        int width = source.Length / Math.Max(1, rows.Length);
        for (int i = 0; i < rows.Length; i++)
        {
            if (rows[i] != 0)
            {
                Span<float> row = target.Slice((int)rows[i] * width, width);
                TensorPrimitives.Add(row, source.Slice(i * width, width), row);
            }
        }

        return [gradient, null!];
    }

    private static Tensor Gather(Tensor table, Tensor rows) =>
        table.index_select(0, rows.flatten()).view([.. rows.shape, .. table.shape.AsSpan(1)]);
}
