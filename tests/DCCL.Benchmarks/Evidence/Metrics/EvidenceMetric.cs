using DCCL.Benchmarks.Evidence.Outcomes;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence.Metrics;

/// <summary>A figure of the report.</summary>
/// <param name="Name">The name in JSON.</param>
/// <param name="Title">The name in tables.</param>
/// <param name="Description">What it is.</param>
/// <param name="Create">Makes, of users, what computes the figure from how often each user was drawn.</param>
internal sealed record EvidenceMetric(string Name, string Title, string Description, Func<UserSet, Func<int[], double>> Create)
{
    public bool LessIsBetter { get; init; }

    public bool NeedsLabels { get; init; }

    /// <summary>Gets a value indicating whether the figure means something only where scores are logits.</summary>
    public bool NeedsProbabilities { get; init; }

    /// <summary>Gets a value indicating whether the figure says which method is better, rather than what its lists are like.</summary>
    public bool IsQuality { get; init; } = true;

    /// <summary>Computes the figure over all users.</summary>
    public double Compute(UserSet set)
    {
        int[] once = new int[set.Users.Length];
        Array.Fill(once, 1);
        return Create(set)(once);
    }

    /// <summary>Makes a figure that is a quotient of sums over users.</summary>
    public static EvidenceMetric Mean(
        string name, string title, string description, Func<UserOutcome, UserFacts, TestFacts, (double Sum, double Weight)> term) =>
        new(name, title, description, set =>
        {
            (double Sum, double Weight)[] terms =
                [.. set.Users.Select((user, i) => term(user, set.Facts[i], set.Test[i]))];
            return draws =>
            {
                double sum = 0;
                double weight = 0;
                for (int i = 0; i < draws.Length; i++)
                {
                    sum += draws[i] * terms[i].Sum;
                    weight += draws[i] * terms[i].Weight;
                }

                return sum / weight;
            };
        });

    /// <summary>Makes a figure of one that the library has.</summary>
    public static EvidenceMetric Of(EvaluationMetric metric, string title, string description) => new(
        metric.Name,
        title,
        description,
        set => Bootstrap.CreateStatistic([.. set.Users.Select(user => user.ToEvaluation())], metric));
}
