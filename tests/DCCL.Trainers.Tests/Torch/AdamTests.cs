using System.Security.Cryptography;
using DCCL.ML.Data;
using DCCL.Trainers.Checkpoints;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Adam = DCCL.Trainers.Torch.Adam;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Tests.Torch;

public sealed class AdamTests
{
    [Test]
    public void Step_OnRandomGradients_IsThePapersAlgorithm([Values(1, 7, 8, 100)] int length, [Values(0, 0.1)] double weightDecay)
    {
        SeededRandom random = new(length);
        float[] start = [.. Enumerable.Range(0, length).Select(_ => (float)random.NextGaussian())];
        using Parameter parameter = new(torch.tensor(start), requires_grad: true);
        Adam adam = new([parameter], 0.05, weightDecay);
        double[] values = Array.ConvertAll(start, value => (double)value);
        double[] first = new double[length];
        double[] second = new double[length];
        for (int step = 1; step <= 20; step++)
        {
            float[] gradient = [.. Enumerable.Range(0, length).Select(_ => (float)(Math.Pow(10, random.Next(4) - 2) * random.NextGaussian()))];
            SetGradient(parameter, gradient);

            adam.Step(scale: 0.5);

            for (int i = 0; i < length; i++)
            {
                double g = 0.5 * gradient[i];
                first[i] = (0.9 * first[i]) + (0.1 * g);
                second[i] = (0.999 * second[i]) + (0.001 * g * g);
                double mean = first[i] / (1 - Math.Pow(0.9, step));
                double square = second[i] / (1 - Math.Pow(0.999, step));
                values[i] -= 0.05 * ((mean / (Math.Sqrt(square) + 1e-8)) + (weightDecay * values[i]));
            }
        }

        Assert.That(parameter.ToArray(), Is.EqualTo(Array.ConvertAll(values, value => (float)value)).Within(1e-4));
    }

    [Test]
    public void Step_AgainstTorchsOwn_AgreesOnALossOfSeveralTensors()
    {
        float[] ours = Minimize(useTorch: false);

        Assert.That(ours, Is.EqualTo(Minimize(useTorch: true)).Within(1e-4));
        Assert.That(ours, Is.Not.EqualTo(new float[ours.Length]).Within(0.1));
    }

    [Test]
    public void Step_ATensorWithoutGradient_StaysAsItIs()
    {
        using Parameter parameter = new(torch.ones(3), requires_grad: true);
        Adam adam = new([parameter], 0.1, weightDecay: 0.5);

        adam.ClearGradients();
        adam.Step();

        Assert.That(parameter.ToArray(), Is.EqualTo(new float[] { 1, 1, 1 }));
    }

    // Item biases, say: what a batch has nothing of still moves by its momentum, if it has had a gradient before.
    [Test]
    public void Transfer_AfterAStep_MakesTheNextStepsThoseOfTheOriginal([Values] bool hasGradient)
    {
        float[] start = [1, -2, 3];
        using Parameter original = new(torch.tensor(start), requires_grad: true);
        using Parameter copy = new(torch.tensor(start), requires_grad: true);
        Adam first = new([original], 0.1, weightDecay: 0.5);
        Adam second = new([copy], 0.1, weightDecay: 0.5);
        if (hasGradient)
        {
            SetGradient(original, [1, 2, -3]);
        }

        first.Step();
        using MemoryStream stream = new();
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        first.Transfer(new CheckpointState(stream, hash));
        float[] between = original.ToArray();
        stream.Position = 0;

        second.Transfer(new CheckpointState(stream));
        copy.CopyFrom(between);
        first.ClearGradients();
        second.ClearGradients();
        first.Step();
        second.Step();

        Assert.That(copy.ToArray(), Is.EqualTo(original.ToArray()));
        Assert.That(original.ToArray(), hasGradient ? Is.Not.EqualTo(between) : Is.EqualTo(start));
        Assert.That(stream.Position, Is.EqualTo(stream.Length));
    }

    [Test]
    public void ClearGradients_AfterABackward_LeavesZeros()
    {
        using Parameter parameter = new(torch.ones(3), requires_grad: true);
        using Tensor loss = (parameter * parameter).sum();
        loss.backward();
        using Tensor gradient = parameter.grad!;
        Assert.That(gradient.ToArray(), Is.EqualTo(new float[] { 2, 2, 2 }));

        new Adam([parameter], 0.1).ClearGradients();

        Assert.That(gradient.ToArray(), Is.EqualTo(new float[3]));
    }

    private static float[] Minimize(bool useTorch)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        SeededRandom random = new(5);
        Parameter weight = new(torch.tensor([.. Enumerable.Range(0, 12).Select(_ => (float)random.NextGaussian())], 4, 3), requires_grad: true);
        Parameter bias = new(torch.zeros(3), requires_grad: true);
        Tensor inputs = torch.tensor([.. Enumerable.Range(0, 40).Select(_ => (float)random.NextGaussian())], 10, 4);
        Tensor targets = torch.tensor([.. Enumerable.Range(0, 30).Select(_ => (float)random.NextGaussian())], 10, 3);
        optim.Optimizer theirs = optim.AdamW([weight, bias], 0.05, weight_decay: 0.1);
        Adam ours = new([weight, bias], 0.05, 0.1);
        for (int step = 0; step < 50; step++)
        {
            ours.ClearGradients();
            (inputs.matmul(weight) + bias - targets).pow(2).sum().backward();
            if (useTorch)
            {
                theirs.step();
            }
            else
            {
                ours.Step();
            }
        }

        return [.. weight.ToArray(), .. bias.ToArray()];
    }

    private static void SetGradient(Parameter parameter, float[] gradient)
    {
        using Tensor tensor = torch.tensor(gradient);
        using Tensor loss = (parameter * tensor).sum();
        using Tensor? old = parameter.grad;
        old?.zero_();
        loss.backward();
    }
}
