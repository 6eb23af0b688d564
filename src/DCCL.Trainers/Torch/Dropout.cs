using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.Torch;

/// <summary>Dropout whose masks come from a generator of the caller's: TorchSharp's own draws from a global one.</summary>
internal static class Dropout
{
    /// <summary>Sets a share of the elements to zero and scales up the others.</summary>
    /// <param name="x">The elements.</param>
    /// <param name="rate">The share.</param>
    /// <param name="generator">Draws the mask; null for none.</param>
    public static Tensor Apply(Tensor x, double rate, Generator? generator)
    {
        if (generator is null || rate == 0)
        {
            return x;
        }

        Tensor kept = torch.rand(x.shape, generator: generator).IsAtLeast(rate);
        return (x * kept).Over(1 - rate);
    }
}
