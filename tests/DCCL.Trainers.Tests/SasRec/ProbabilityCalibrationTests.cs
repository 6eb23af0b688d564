using DCCL.Trainers.SasRec;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.SasRec;

public sealed class ProbabilityCalibrationTests
{
    // Equal logits: one in five is an event, whatever they are.
    [TestCase(0f)]
    [TestCase(-7.5f)]
    [TestCase(40f)]
    public void Solve_EqualLogits_GivesTheShareOfEvents(float logit)
    {
        double bias = ProbabilityCalibration.Solve([.. Enumerable.Repeat(logit, 50)]);

        Assert.That(1 / (1 + Math.Exp(-(logit + bias))), Is.EqualTo(0.2).Within(1e-5));
    }

    [Test]
    public void Solve_AnyLogits_MakesProbabilitiesAddUpToTheNumberOfEvents()
    {
        float[] logits = [2, -1, 0, 1, -3, 5, 2, 2, 0, -1, -2, -4, 1, 0, 3];

        double bias = ProbabilityCalibration.Solve(logits);

        Assert.That(logits.Sum(logit => 1 / (1 + Math.Exp(-(logit + bias)))), Is.EqualTo(3).Within(1e-4));
    }
}
