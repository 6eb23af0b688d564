using System.Runtime.InteropServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DCCL.Trainers.Torch;

/// <summary>Copies between float32 tensors in main memory and arrays.</summary>
internal static class TensorExtensions
{
    public static float[] ToArray(this Tensor tensor)
    {
        using Tensor detached = tensor.detach();
        using Tensor contiguous = detached.contiguous();
        return MemoryMarshal.Cast<byte, float>(contiguous.bytes).ToArray();
    }

    public static void CopyFrom(this Tensor tensor, ReadOnlySpan<float> values) =>
        values.CopyTo(MemoryMarshal.Cast<byte, float>(tensor.bytes));

    /// <summary>Moves the gradient of a replica to the original, adding to what is there.</summary>
    public static void TakeGradient(this Parameter original, Parameter replica)
    {
        using Tensor? gradient = replica.grad;
        if (gradient is null)
        {
            return;
        }

        // The original has no gradient of its own if the batch was smaller than the number of workers.
        using Tensor? sum = original.grad;
        if (sum is null)
        {
            original.grad = gradient.clone();
        }
        else
        {
            sum.AddInPlace(gradient);
        }

        gradient.zero_();
    }

    /// <summary>The address of the first value of a contiguous tensor in main memory; valid as long as the tensor lives.</summary>
    public static unsafe float* Pointer(this Tensor tensor)
    {
        fixed (byte* pointer = tensor.bytes)
        {
            return (float*)pointer;
        }
    }
}
