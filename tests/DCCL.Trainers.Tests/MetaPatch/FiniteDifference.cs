namespace DCCL.Trainers.Tests.MetaPatch;

/// <summary>Derivatives of functions in double precision by central differences.</summary>
internal static class FiniteDifference
{
    /// <summary>The step: its square, about the relative error of truncation, is 1e-8, and rounding adds 2^-53 / 1e-4, which is 1e-12.</summary>
    private const double Step = 1e-4;

    /// <summary>The gradient of a function.</summary>
    public static double[] Gradient(Func<double[], double> function, double[] at) =>
        [.. at.Select((_, i) => (function(Move(at, i, Step)) - function(Move(at, i, -Step))) / (2 * Step))];

    /// <summary>The Hessian of a function, by differences of its gradient.</summary>
    public static double[][] Hessian(Func<double[], double> function, double[] at)
    {
        // Of second differences the rounding error is 2^-53 / step^2: with the step for first ones it would be 1e-8 of the function.
        const double WideStep = 1e-3;
        return
        [
            .. at.Select((_, i) => at.Select((_, j) =>
                (function(Move(Move(at, i, WideStep), j, WideStep)) - function(Move(Move(at, i, WideStep), j, -WideStep))
                    - function(Move(Move(at, i, -WideStep), j, WideStep)) + function(Move(Move(at, i, -WideStep), j, -WideStep)))
                / (4 * WideStep * WideStep)).ToArray()),
        ];
    }

    /// <summary>The least value near a point: damped Newton steps of a function that is convex there.</summary>
    public static double[] Minimize(Func<double[], double> function, double[] start)
    {
        double[] best = start;
        for (int step = 0; step < 30; step++)
        {
            double[] direction = LinearSystem.Solve(Hessian(function, best), Gradient(function, best));
            double factor = 1;
            double[] next = best;
            while (factor > 1e-6)
            {
                double[] candidate = [.. best.Zip(direction, (x, d) => x - (factor * d))];
                if (function(candidate) < function(next))
                {
                    next = candidate;
                    break;
                }

                factor /= 2;
            }

            if (ReferenceEquals(next, best))
            {
                break;
            }

            best = next;
        }

        return best;
    }

    private static double[] Move(double[] at, int coordinate, double step)
    {
        double[] moved = [.. at];
        moved[coordinate] += step;
        return moved;
    }
}
