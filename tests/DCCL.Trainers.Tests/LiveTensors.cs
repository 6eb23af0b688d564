using NUnit.Framework;
using TorchSharp;

namespace DCCL.Trainers.Tests;

/// <summary>Counts tensors that an action leaves behind.</summary>
internal static class LiveTensors
{
    private const long AllocationsWithoutCollection = 100L << 20;

    /// <summary>Counts the handles of tensors that are alive after an action and were not before.</summary>
    /// <remarks>
    /// No garbage is collected meanwhile: a finalizer would free what the action forgot, and nobody would know. An action that
    /// allocates more than 100 MB fails the test.
    /// </remarks>
    public static long CountNew(Action action)
    {
        Assert.That(GC.TryStartNoGCRegion(AllocationsWithoutCollection), Is.True);
        GC.WaitForPendingFinalizers();
        long before = torch.Tensor.TotalCount;
        try
        {
            action();
            return torch.Tensor.TotalCount - before;
        }
        finally
        {
            GC.EndNoGCRegion();
        }
    }
}
