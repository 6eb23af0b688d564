using System.Numerics.Tensors;

namespace DCCL.Trainers.MetaPatch;

/// <summary>Logistic regression on d features with a quadratic penalty, one person's at a time: Newton's method with a Cholesky factorisation.</summary>
/// <remarks>
/// <para><c>min over x  sum_i w_i CE(y_i, b_i + f_i . x) + (x - c)^T P (x - c) / 2</c>, P diagonal. Convex; a handful of steps ends at the optimum.</para>
/// <para>Pure arithmetic on plain arrays. Owns its working memory; not thread-safe.</para>
/// </remarks>
internal sealed class RidgeLogistic
{
    private const int MaximumNumberOfSteps = 12;
    private const int MaximumNumberOfHalvings = 8;
    private const float Tolerance = 1e-4f;
    private readonly float[] _penalty;
    private readonly float[] _gradient;
    private readonly float[] _next;
    private readonly float[] _hessian;

    /// <summary>Prepares for problems of one size.</summary>
    /// <param name="penalty">The diagonal of P, above 0.</param>
    public RidgeLogistic(float[] penalty)
    {
        _penalty = penalty;
        _gradient = new float[penalty.Length];
        _next = new float[penalty.Length];
        _hessian = new float[penalty.Length * penalty.Length];
    }

    /// <summary>Solves one problem.</summary>
    /// <param name="features">f, row-major [samples, d].</param>
    /// <param name="logits">b [samples].</param>
    /// <param name="labels">y, 0 or 1 [samples].</param>
    /// <param name="weights">w, at least 0 [samples].</param>
    /// <param name="center">c [d].</param>
    /// <param name="solution">Where to begin; receives x [d].</param>
    public void Solve(
        ReadOnlySpan<float> features, ReadOnlySpan<float> logits, ReadOnlySpan<float> labels, ReadOnlySpan<float> weights,
        ReadOnlySpan<float> center, Span<float> solution)
    {
        int size = _penalty.Length;
        double objective = Differentiate(features, logits, labels, weights, center, solution);
        for (int step = 0; step < MaximumNumberOfSteps; step++)
        {
            // The gradient becomes Newton's step.
            Factorize(_hessian, size);
            SolveFactorized(_hessian, _gradient, size);
            if (TensorPrimitives.MaxMagnitude<float>(_gradient) is float largest && MathF.Abs(largest) < Tolerance)
            {
                TensorPrimitives.Subtract(solution, _gradient, solution);
                return;
            }

            float rate = 1;
            double next;
            for (int halving = 0; ; halving++)
            {
                TensorPrimitives.MultiplyAdd(_gradient, -rate, solution, _next);
                next = Measure(features, logits, labels, weights, center, _next);
                if (next <= objective || halving == MaximumNumberOfHalvings)
                {
                    break;
                }

                rate /= 2;
            }

            if (!(next <= objective))
            {
                return;
            }

            _next.CopyTo(solution);
            objective = Differentiate(features, logits, labels, weights, center, solution);
        }
    }

    /// <summary>The objective at a point.</summary>
    public double Measure(
        ReadOnlySpan<float> features, ReadOnlySpan<float> logits, ReadOnlySpan<float> labels, ReadOnlySpan<float> weights,
        ReadOnlySpan<float> center, ReadOnlySpan<float> point)
    {
        int size = _penalty.Length;
        double sum = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            if (weights[i] != 0)
            {
                float logit = logits[i] + TensorPrimitives.Dot(features.Slice(i * size, size), point);
                sum += weights[i] * CrossEntropy(logit, labels[i]);
            }
        }

        for (int k = 0; k < size; k++)
        {
            float distance = point[k] - center[k];
            sum += 0.5 * _penalty[k] * distance * distance;
        }

        return sum;
    }

    /// <summary>The cross-entropy of a label, 0 or 1, under a logit: log(1 + e^x) - x y, without overflow.</summary>
    public static float CrossEntropy(float logit, float label) => MathF.Max(logit, 0) - (logit * label) + MathF.Log(1 + MathF.Exp(-MathF.Abs(logit)));

    // The objective; leaves gradient and Hessian, of which the lower triangle counts.
    private double Differentiate(
        ReadOnlySpan<float> features, ReadOnlySpan<float> logits, ReadOnlySpan<float> labels, ReadOnlySpan<float> weights,
        ReadOnlySpan<float> center, ReadOnlySpan<float> point)
    {
        int size = _penalty.Length;
        double sum = 0;
        Array.Clear(_hessian);
        for (int k = 0; k < size; k++)
        {
            float distance = point[k] - center[k];
            sum += 0.5 * _penalty[k] * distance * distance;
            _gradient[k] = _penalty[k] * distance;
            _hessian[(k * size) + k] = _penalty[k];
        }

        for (int i = 0; i < logits.Length; i++)
        {
            if (weights[i] == 0)
            {
                continue;
            }

            ReadOnlySpan<float> own = features.Slice(i * size, size);
            float logit = logits[i] + TensorPrimitives.Dot(own, point);
            float small = MathF.Exp(-MathF.Abs(logit));
            sum += weights[i] * (MathF.Max(logit, 0) - (logit * labels[i]) + MathF.Log(1 + small));
            float probability = (logit >= 0 ? 1 : small) / (1 + small);
            float curvature = weights[i] * small / ((1 + small) * (1 + small));
            TensorPrimitives.MultiplyAdd(own, weights[i] * (probability - labels[i]), _gradient, _gradient);
            for (int k = 0; k < size; k++)
            {
                Span<float> row = _hessian.AsSpan(k * size, k + 1);
                TensorPrimitives.MultiplyAdd(own[..(k + 1)], curvature * own[k], row, row);
            }
        }

        return sum;
    }

    // H = L L^T in place of the lower triangle.
    private static void Factorize(float[] hessian, int size)
    {
        for (int row = 0; row < size; row++)
        {
            Span<float> current = hessian.AsSpan(row * size, row + 1);
            for (int column = 0; column < row; column++)
            {
                float product = TensorPrimitives.Dot<float>(current[..column], hessian.AsSpan(column * size, column));
                current[column] = (current[column] - product) / hessian[(column * size) + column];
            }

            current[row] = MathF.Sqrt(current[row] - TensorPrimitives.Dot<float>(current[..row], current[..row]));
        }
    }

    private static void SolveFactorized(float[] factor, float[] values, int size)
    {
        for (int row = 0; row < size; row++)
        {
            values[row] = (values[row] - TensorPrimitives.Dot<float>(factor.AsSpan(row * size, row), values.AsSpan(0, row))) / factor[(row * size) + row];
        }

        for (int row = size - 1; row >= 0; row--)
        {
            values[row] /= factor[(row * size) + row];
            TensorPrimitives.MultiplyAdd(factor.AsSpan(row * size, row), -values[row], values.AsSpan(0, row), values.AsSpan(0, row));
        }
    }
}
