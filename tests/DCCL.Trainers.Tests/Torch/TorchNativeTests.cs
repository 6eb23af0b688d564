using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;

namespace DCCL.Trainers.Tests.Torch;

public sealed class TorchNativeTests
{
    [Test]
    public void EnsureLoaded_WithLibTorchBeside_LetsTorchSharpCompute()
    {
        TorchNative.EnsureLoaded();

        using torch.Tensor ones = torch.ones(2, 3);
        using torch.Tensor sum = ones.sum();
        Assert.That(sum.item<float>(), Is.EqualTo(6));
    }
}
