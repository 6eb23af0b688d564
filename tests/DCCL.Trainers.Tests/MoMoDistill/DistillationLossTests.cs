using DCCL.ML.Data;
using DCCL.Trainers.MoMoDistill;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Tests.MoMoDistill;

public sealed class DistillationLossTests
{
    // p, softplus and their products in float32: some roundings of numbers below 10.
    private const double Tolerance = 2e-6;

    [Test]
    public void KullbackLeibler_ModerateLogits_IsItsDefinition([Values(-6, -1.5, 0, 0.3, 4)] double teacher, [Values(-5, -0.2, 0, 1, 6)] double student)
    {
        (double p, double q) = (Sigmoid(teacher), Sigmoid(student));
        double expected = (p * Math.Log(p / q)) + ((1 - p) * Math.Log((1 - p) / (1 - q)));

        Assert.That(Compute(teacher, student).Loss, Is.EqualTo(expected).Within(Tolerance * 4));
    }

    [TestCase(100, 100, 0)]
    [TestCase(-100, -100, 0)]
    [TestCase(100, -100, 100)]
    [TestCase(-100, 100, 100)]
    [TestCase(0, 100, 49.30685281944005)]
    [TestCase(0, -1000, 499.30685281944005)]
    public void KullbackLeibler_ExtremeLogits_IsStable(double teacher, double student, double expected)
    {
        Assert.That(Compute(teacher, student).Loss, Is.EqualTo(expected).Within(1e-4));
    }

    [Test]
    public void KullbackLeibler_ItsGradientByTheStudent_IsTheDifferenceOfProbabilities([Values(-6, -0.5, 0, 2)] double teacher, [Values(-20, -1, 0, 0.5, 20)] double student)
    {
        Assert.That(Compute(teacher, student).Gradient, Is.EqualTo(Sigmoid(student) - Sigmoid(teacher)).Within(Tolerance));
    }

    // CE(y) + beta KL(p || q) = (1 + beta) CE((y + beta p) / (1 + beta)) plus what does not depend on q.
    [Test]
    public void KullbackLeibler_WithTheCrossEntropy_IsOneCrossEntropyOfAMixedLabel([Values(0, 1)] int label, [Values(0.25, 1, 4)] double beta, [Values(-2, 0, 3)] double teacher)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor student = linspace(-5, 5, 21);
        Tensor target = full_like(student, (float)label);
        Tensor p = sigmoid(full_like(student, (float)teacher));

        Tensor sum = nn.functional.binary_cross_entropy_with_logits(student, target, reduction: nn.Reduction.None)
            + (DistillationLoss.KullbackLeibler(full_like(student, (float)teacher), student) * beta);
        Tensor mixed = nn.functional.binary_cross_entropy_with_logits(student, (target + (p * beta)) / (1 + beta), reduction: nn.Reduction.None) * (1 + beta);

        float[] constant = (sum - mixed).ToArray();
        Assert.That(constant, Is.All.EqualTo(constant[0]).Within(Tolerance * 10 * (1 + beta)));
    }

    [Test]
    public void KullbackLeibler_AnyLogits_IsNeverNegativeAndZeroOnlyForEqualOnes()
    {
        SeededRandom random = new(1);
        using DisposeScope scope = NewDisposeScope();
        Tensor teacher = tensor(Enumerable.Range(0, 200).Select(_ => (float)random.NextGaussian() * 3).ToArray());
        Tensor student = tensor(Enumerable.Range(0, 200).Select(_ => (float)random.NextGaussian() * 3).ToArray());

        Assert.That(DistillationLoss.KullbackLeibler(teacher, student).ToArray(), Is.All.GreaterThan(-Tolerance));
        Assert.That(DistillationLoss.KullbackLeibler(teacher, teacher).ToArray(), Is.All.Zero);
    }

    private static (double Loss, double Gradient) Compute(double teacher, double student)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor variable = tensor((float)student, requires_grad: true);
        Tensor loss = DistillationLoss.KullbackLeibler(tensor((float)teacher), variable);
        loss.backward();
        return (loss.item<float>(), variable.grad!.item<float>());
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
}
