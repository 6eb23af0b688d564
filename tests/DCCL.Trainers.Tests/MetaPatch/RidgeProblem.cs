using DCCL.ML.Data;
using DCCL.Trainers.MetaPatch;

namespace DCCL.Trainers.Tests.MetaPatch;

/// <summary>The logistic regression of one user's patch on its features, in double precision.</summary>
/// <param name="Features">[samples, d] row-major; the first is the intercept's.</param>
/// <param name="Logits">The cloud model's logits.</param>
/// <param name="Labels">0 or 1.</param>
/// <param name="Weights">The weights in the loss.</param>
/// <param name="Settings">The weights of the penalty.</param>
internal sealed record RidgeProblem(double[] Features, double[] Logits, double[] Labels, double[] Weights, PatchSolver.Settings Settings)
{
    private int Size => Features.Length / Logits.Length;

    public static RidgeProblem Create(SeededRandom random, int samples, int size, PatchSolver.Settings settings) => new(
        [.. Enumerable.Range(0, samples * size).Select(i => i % size == 0 ? 1 : (float)random.NextGaussian())],
        [.. Enumerable.Range(0, samples).Select(_ => (double)(float)random.NextGaussian())],
        [.. Enumerable.Range(0, samples).Select(_ => (double)random.Next(2))],
        [.. Enumerable.Range(0, samples).Select(_ => random.Next(4) == 0 ? 0 : (double)random.NextSingle())],
        settings);

    /// <summary>The penalised cross-entropy.</summary>
    public double GetObjective(double[] theta) =>
        Logits.Select((_, i) => Weights[i] * PatchedModel.CrossEntropy(GetLogit(i, theta), Labels[i])).Sum()
        + theta.Select((value, k) => GetPrecision(k) * value * value / 2).Sum();

    /// <summary>Newton's method from zero.</summary>
    public double[] Solve(int steps)
    {
        double[] theta = new double[Size];
        for (int step = 0; step < steps; step++)
        {
            double[] gradient = [.. theta.Select((value, k) => GetPrecision(k) * value)];
            double[][] hessian = [.. theta.Select((_, k) => theta.Select((_, j) => j == k ? GetPrecision(k) : 0).ToArray())];
            for (int i = 0; i < Logits.Length; i++)
            {
                double probability = 1 / (1 + Math.Exp(-GetLogit(i, theta)));
                for (int k = 0; k < Size; k++)
                {
                    gradient[k] += Weights[i] * (probability - Labels[i]) * Features[(i * Size) + k];
                    for (int j = 0; j < Size; j++)
                    {
                        hessian[k][j] += Weights[i] * probability * (1 - probability) * Features[(i * Size) + k] * Features[(i * Size) + j];
                    }
                }
            }

            theta = [.. theta.Zip(LinearSystem.Solve(hessian, gradient), (value, change) => value - change)];
        }

        return theta;
    }

    private double GetLogit(int sample, double[] theta) => Logits[sample] + theta.Select((value, k) => value * Features[(sample * Size) + k]).Sum();

    private double GetPrecision(int coordinate) => coordinate == 0 ? Settings.InterceptL2 : Settings.L2;
}
