using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.Torch;

/// <summary>Sums, and arithmetic with numbers, that survive a garbage collection.</summary>
/// <remarks>
/// TorchSharp 0.107 wraps each number, and the hidden factor 1 of each sum, in a <see cref="Scalar"/> that nothing refers to while
/// native code reads it. A collection at that moment frees it, and the process reads freed memory: training ended with a wrong
/// error, and of 355,000 rounds of three such operations, on four threads beside one that fills the heap, 23 went wrong. Here every
/// scalar lives until the call returns. The operators that do not do so are banned.
/// </remarks>
internal static class TensorArithmetic
{
    private static readonly Scalar _one = Wrap(1);

    /// <summary>A number for a method that takes a scalar; to be disposed after the call.</summary>
#pragma warning disable RS0030 // The one place that may: what it returns is kept by the caller.
    public static Scalar Wrap(double value) => value;
#pragma warning restore RS0030

    public static Tensor Plus(this Tensor left, Tensor right) => left.add(right, _one);

    public static Tensor Plus(this Tensor left, double right)
    {
        using Scalar scalar = Wrap(right);
        return left.add(scalar, _one);
    }

    /// <summary>1 - x.</summary>
    public static Tensor Complement(this Tensor tensor)
    {
        using Tensor negative = tensor.neg();
        return negative.add(_one, _one);
    }

    public static Tensor Times(this Tensor left, double right)
    {
        using Scalar scalar = Wrap(right);
        return left.mul(scalar);
    }

    public static Tensor Over(this Tensor left, double right) => left.Times(1 / right);

    public static Tensor Squared(this Tensor tensor) => tensor.mul(tensor);

    /// <summary>At least <paramref name="minimum"/>.</summary>
    public static Tensor AtLeast(this Tensor tensor, double minimum)
    {
        using Scalar scalar = Wrap(minimum);
        return tensor.clamp(scalar);
    }

    /// <summary>1 where an element is at least <paramref name="threshold"/>, else 0.</summary>
    public static Tensor IsAtLeast(this Tensor tensor, double threshold)
    {
        using Scalar scalar = Wrap(threshold);
        using Tensor flags = tensor.ge(scalar);
        return flags.to(ScalarType.Float32);
    }

    /// <summary>1 where an element is more than <paramref name="threshold"/>, else 0.</summary>
    public static Tensor IsMoreThan(this Tensor tensor, double threshold)
    {
        using Scalar scalar = Wrap(threshold);
        using Tensor flags = tensor.gt(scalar);
        return flags.to(ScalarType.Float32);
    }

    /// <summary>1 where an element is not <paramref name="value"/>, else 0.</summary>
    public static Tensor IsNot(this Tensor tensor, double value)
    {
        using Scalar scalar = Wrap(value);
        using Tensor flags = tensor.ne(scalar);
        return flags.to(ScalarType.Float32);
    }

    public static void AddInPlace(this Tensor target, Tensor other) => target.add_(other, _one);

    public static void MultiplyInPlace(this Tensor target, double factor)
    {
        using Scalar scalar = Wrap(factor);
        target.mul_(scalar);
    }

    public static void Fill(this Tensor target, double value)
    {
        using Scalar scalar = Wrap(value);
        target.fill_(scalar);
    }
}
