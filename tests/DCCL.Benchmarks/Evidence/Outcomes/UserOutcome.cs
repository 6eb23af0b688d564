using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence.Outcomes;

/// <summary>What a method achieved for a user.</summary>
/// <param name="User">The user's key value.</param>
/// <param name="Quintile">The quintile of activity, 1 the least active.</param>
/// <param name="Ranks">The rank of each ranked test event, in order of time.</param>
/// <param name="Logits">The score of each labelled test event; empty without labels.</param>
/// <param name="Labels">Whether each of them is positive.</param>
/// <param name="Top">The items at the top of the list at the user's first test event, the best first.</param>
internal sealed record UserOutcome(int User, int Quintile, double[] Ranks, float[] Logits, bool[] Labels, int[] Top)
{
    /// <summary>Gets the outcome in the form that <see cref="Bootstrap"/> takes.</summary>
    public UserEvaluation ToEvaluation() => new(User, Quintile, Ranks, Logits, Labels);
}

/// <summary>What a method achieved on one cut with one seed: what is stored as soon as it is known.</summary>
/// <param name="Run">What identifies the run that it belongs to.</param>
/// <param name="Method">The method's name.</param>
/// <param name="Fold">The fold.</param>
/// <param name="Seed">The seed.</param>
/// <param name="IsProbabilistic">Whether its scores are logits.</param>
/// <param name="NumberOfPersonalizedUsers">The number of users with a patch or model of their own.</param>
/// <param name="Seconds">How long training took; no part of the report, which is the same bit for bit in every run.</param>
/// <param name="Users">The users in ascending order.</param>
internal sealed record MethodOutcome(
    string Run, string Method, int Fold, int Seed, bool IsProbabilistic, int NumberOfPersonalizedUsers, double Seconds, UserOutcome[] Users);
