using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;

namespace DCCL.Trainers.Tests;

/// <summary>Switches torch's own threads off, as every trainer does: the tensors of a test are too small for them.</summary>
[SetUpFixture]
public sealed class TorchSetUp
{
    [OneTimeSetUp]
    public void UseOneThread()
    {
        TorchNative.EnsureLoaded();
        torch.set_num_threads(1);
    }
}
