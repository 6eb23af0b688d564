using DCCL.ML.Data;

namespace DCCL.ML.Evaluation;

/// <summary>Confidence intervals by the bootstrap over users: how far would a figure move with other users of the same kind?</summary>
/// <remarks>
/// <para>
/// Users are drawn with replacement, each with all of its events, because the events of one user are not independent. A
/// ranking figure is the mean over the events of the drawn users: the sum of their sums over the sum of their numbers of events. The
/// AUC of all users together is computed anew from each draw. The interval is that between the percentiles of the resampled figures.
/// </para>
/// <para>
/// The difference of two reports draws the same users in both (paired), so that what is hard for both models cancels out.
/// The same seed gives the same interval. All members are thread-safe.
/// </para>
/// <para>Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile intervals).</para>
/// </remarks>
public static class Bootstrap
{
    /// <summary>Gets a figure of a report with its interval.</summary>
    /// <param name="report">The report.</param>
    /// <param name="metric">The figure.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>The figure and its interval; NaN where the report has no events for it.</returns>
    public static ConfidenceInterval Mean(RankingReport report, EvaluationMetric metric, BootstrapOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(metric);
        options ??= new BootstrapOptions();
        options.Validate();
        UserEvaluation[] users = Select(report, options.Quintile);
        return Resample(users.Length, CreateStatistic(users, metric), options);
    }

    /// <summary>Gets how much a report's figure lies above a baseline's, with the paired interval.</summary>
    /// <param name="report">The report.</param>
    /// <param name="baseline">The report of the model to compare with, on the same test and history logs and sample.</param>
    /// <param name="metric">The figure. Of <see cref="EvaluationMetric.LogLoss"/> less is better.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>The report's figure minus the baseline's (over the baseline's, if relative), and the interval.</returns>
    /// <exception cref="ArgumentException">The reports are not of the same users and events.</exception>
    public static ConfidenceInterval Difference(
        RankingReport report, RankingReport baseline, EvaluationMetric metric, BootstrapOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(baseline);
        ArgumentNullException.ThrowIfNull(metric);
        options ??= new BootstrapOptions();
        options.Validate();
        UserEvaluation[] users = Select(report, options.Quintile);
        UserEvaluation[] baselineUsers = Select(baseline, options.Quintile);
        CheckComparable(users, baselineUsers);
        Func<int[], double> statistic = CreateStatistic(users, metric);
        Func<int[], double> baselineStatistic = CreateStatistic(baselineUsers, metric);
        return Resample(users.Length, Difference, options);

        double Difference(int[] draws)
        {
            double reference = baselineStatistic(draws);
            double difference = statistic(draws) - reference;
            return options.Relative ? difference / reference : difference;
        }
    }

    /// <summary>Gets the interval of any figure that can be computed from how often each user was drawn.</summary>
    internal static ConfidenceInterval Resample(int numberOfUsers, Func<int[], double> statistic, BootstrapOptions options)
    {
        int[] draws = new int[numberOfUsers];
        Array.Fill(draws, 1);
        double estimate = statistic(draws);
        SeededRandom random = new(options.Seed);
        List<double> resampled = new(options.NumberOfResamples);
        for (int resample = 0; resample < options.NumberOfResamples && numberOfUsers > 0; resample++)
        {
            Array.Clear(draws);
            for (int i = 0; i < numberOfUsers; i++)
            {
                draws[random.Next(numberOfUsers)]++;
            }

            double value = statistic(draws);
            if (!double.IsNaN(value))
            {
                // Of a draw without a single event, or of one class, there is no figure.
                resampled.Add(value);
            }
        }

        resampled.Sort();
        double tail = (1 - options.ConfidenceLevel) / 2;
        return new ConfidenceInterval(estimate, GetQuantile(resampled, tail), GetQuantile(resampled, 1 - tail));
    }

    /// <summary>Gets a quantile of sorted values, interpolating between the two nearest.</summary>
    internal static double GetQuantile(List<double> sorted, double share)
    {
        if (sorted.Count == 0)
        {
            return double.NaN;
        }

        double position = share * (sorted.Count - 1);
        int lower = (int)position;
        int upper = Math.Min(lower + 1, sorted.Count - 1);
        return sorted[lower] + ((position - lower) * (sorted[upper] - sorted[lower]));
    }

    private static UserEvaluation[] Select(RankingReport report, int? quintile) =>
        [.. report.Users.Where(user => quintile is null || user.Quintile == quintile)];

    private static void CheckComparable(UserEvaluation[] users, UserEvaluation[] baselineUsers)
    {
        bool same = users.Length == baselineUsers.Length;
        for (int i = 0; same && i < users.Length; i++)
        {
            same = users[i].User == baselineUsers[i].User
                && users[i].Ranks.Length == baselineUsers[i].Ranks.Length
                && users[i].Labels.Span.SequenceEqual(baselineUsers[i].Labels.Span);
        }

        if (!same)
        {
            throw new ArgumentException(
                "The two reports must be of the same users and events, but are not. "
                + "Evaluate both models on the same test and history logs, with the same options.");
        }
    }

    /// <summary>Makes what computes a figure from how often each user was drawn.</summary>
    internal static Func<int[], double> CreateStatistic(UserEvaluation[] users, EvaluationMetric metric)
    {
        if (metric.Kind == EvaluationMetric.MetricKind.AreaUnderRocCurve)
        {
            return new PooledArea(users).Compute;
        }

        double[] sums = new double[users.Length];
        double[] weights = new double[users.Length];
        for (int i = 0; i < users.Length; i++)
        {
            (sums[i], weights[i]) = users[i].GetTerm(metric);
        }

        return draws =>
        {
            double sum = 0;
            double weight = 0;
            for (int i = 0; i < draws.Length; i++)
            {
                sum += draws[i] * sums[i];
                weight += draws[i] * weights[i];
            }

            return sum / weight;
        };
    }

    /// <summary>The AUC over the events of the drawn users: sorted once, then one pass for each draw.</summary>
    private sealed class PooledArea
    {
        private readonly float[] _scores;
        private readonly (int User, bool Label)[] _events;
        private readonly bool _isDefined;

        public PooledArea(UserEvaluation[] users)
        {
            int count = users.Sum(user => user.Logits.Length);
            _scores = new float[count];
            _events = new (int, bool)[count];
            int start = 0;
            for (int user = 0; user < users.Length; user++)
            {
                ReadOnlySpan<float> logits = users[user].Logits.Span;
                for (int i = 0; i < logits.Length; i++)
                {
                    _scores[start] = logits[i];
                    _events[start++] = (user, users[user].Labels.Span[i]);
                }
            }

            Array.Sort(_scores, _events);
            _isDefined = count > 0 && !float.IsNaN(_scores[0]);
        }

        public double Compute(int[] draws)
        {
            if (!_isDefined)
            {
                return double.NaN;
            }

            double below = 0;
            double halfPairs = 0;
            double positives = 0;
            for (int start = 0; start < _scores.Length;)
            {
                double positive = 0;
                double negative = 0;
                int end = start;
                for (; end < _scores.Length && _scores[end] == _scores[start]; end++)
                {
                    (int user, bool label) = _events[end];
                    positive += label ? draws[user] : 0;
                    negative += label ? 0 : draws[user];
                }

                halfPairs += positive * ((2 * below) + negative);
                below += negative;
                positives += positive;
                start = end;
            }

            return positives > 0 && below > 0 ? halfPairs / (2 * positives * below) : double.NaN;
        }
    }
}
