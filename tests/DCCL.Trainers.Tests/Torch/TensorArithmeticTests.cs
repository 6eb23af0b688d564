using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.Tests.Torch;

public sealed class TensorArithmeticTests
{
    private static readonly float[] _left = [-2, 0, 0.5f, 3];
    private static readonly float[] _right = [1, -1, 2, 0.25f];

    [Test]
    public void Operations_OnFewNumbers_AreWhatTheyAreCalled()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor left = torch.tensor(_left);
        Tensor right = torch.tensor(_right);

        Assert.Multiple(() =>
        {
            Assert.That(left.Plus(right).ToArray(), Is.EqualTo(new[] { -1, -1, 2.5f, 3.25f }));
            Assert.That(left.Plus(1.5).ToArray(), Is.EqualTo(new[] { -0.5f, 1.5f, 2, 4.5f }));
            Assert.That(left.Complement().ToArray(), Is.EqualTo(new[] { 3, 1, 0.5f, -2 }));
            Assert.That(left.Times(-2).ToArray(), Is.EqualTo(new[] { 4, 0, -1f, -6 }));
            Assert.That(left.Over(4).ToArray(), Is.EqualTo(new[] { -0.5f, 0, 0.125f, 0.75f }));
            Assert.That(left.Squared().ToArray(), Is.EqualTo(new[] { 4, 0, 0.25f, 9 }));
            Assert.That(left.AtLeast(0.25).ToArray(), Is.EqualTo(new[] { 0.25f, 0.25f, 0.5f, 3 }));
            Assert.That(left.IsAtLeast(0.5).ToArray(), Is.EqualTo(new float[] { 0, 0, 1, 1 }));
            Assert.That(left.IsMoreThan(0.5).ToArray(), Is.EqualTo(new float[] { 0, 0, 0, 1 }));
            Assert.That(left.IsNot(0).ToArray(), Is.EqualTo(new float[] { 1, 0, 1, 1 }));
        });
    }

    [Test]
    public void OperationsInPlace_OnFewNumbers_ChangeTheTensor()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor tensor = torch.tensor(_left);

        tensor.AddInPlace(torch.tensor(_right));
        Assert.That(tensor.ToArray(), Is.EqualTo(new[] { -1, -1, 2.5f, 3.25f }));

        tensor.MultiplyInPlace(2);
        Assert.That(tensor.ToArray(), Is.EqualTo(new[] { -2, -2, 5, 6.5f }));

        tensor.Fill(0.5);
        Assert.That(tensor.ToArray(), Is.EqualTo(new[] { 0.5f, 0.5f, 0.5f, 0.5f }));
    }

    [Test]
    public void Operations_AreDifferentiable()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor x = torch.tensor(_left, requires_grad: true);

        // The derivative of 3 (x^2 + x + 2 (1 - x)) / 6 = x^2 / 2 - x / 2 + 1 is x - 1 / 2.
        x.Squared().Plus(x).Plus(x.Complement().Times(2)).Times(3).Over(6).sum().backward();

        Assert.That(x.grad!.ToArray(), Is.EqualTo(new[] { -2.5f, -0.5f, 0, 2.5f }).Within(1e-6));
    }

    [Test]
    public void Operations_LeaveNoTensorBehind()
    {
        using Tensor tensor = torch.tensor(_left);

        long count = LiveTensors.CountNew(() =>
        {
            tensor.Plus(tensor).Dispose();
            tensor.Plus(1).Dispose();
            tensor.Complement().Dispose();
            tensor.Times(2).Dispose();
            tensor.AtLeast(1).Dispose();
            tensor.IsAtLeast(1).Dispose();
            tensor.IsNot(1).Dispose();
            tensor.AddInPlace(tensor);
            tensor.MultiplyInPlace(0.5);
        });

        Assert.That(count, Is.Zero);
    }

    [Test]
    public void Operations_WhileGarbageIsCollected_StayRight()
    {
        // With TorchSharp's own operators about one round in 15,000 goes wrong here.
        const int NumberOfRounds = 60_000;
        const int RoundsInScope = 100;
        int wrong = 0;
        using CancellationTokenSource done = new();
        Task collector = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
            {
                _ = GC.AllocateUninitializedArray<byte>(100_000);
            }
        });
        Parallel.For(0, NumberOfRounds / RoundsInScope, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            using DisposeScope scope = torch.NewDisposeScope();
            Tensor tensor = torch.tensor(_left);
            for (int i = 0; i < RoundsInScope; i++)
            {
                if (tensor.Times(2).Plus(tensor).Plus(1).ToArray()[3] != 10)
                {
                    Interlocked.Increment(ref wrong);
                }
            }
        });
        done.Cancel();
        collector.Wait();

        Assert.That(wrong, Is.Zero);
    }
}
