using DCCL.Benchmarks.Evidence.Outcomes;

namespace DCCL.Benchmarks.Evidence.Metrics;

/// <summary>What a figure is computed from: users, each with what a method achieved and what is true of the user.</summary>
/// <param name="Users">The outcomes.</param>
/// <param name="Facts">The facts of the same users.</param>
/// <param name="Test">The facts of the test, one for each user, for folds differ in them.</param>
internal sealed record UserSet(UserOutcome[] Users, UserFacts[] Facts, TestFacts[] Test);
