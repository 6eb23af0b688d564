using DCCL.Benchmarks.Evidence.Metrics;
using DCCL.Benchmarks.Evidence.Outcomes;

namespace DCCL.Benchmarks.Tests.Evidence.Metrics;

/// <summary>Users whose outcomes are given.</summary>
internal static class UserSets
{
    public static UserSet Create(params UserOutcome[] users) => new(
        users,
        [.. users.Select(user => new UserFacts(user.User, IsCold: false, [.. user.Ranks.Select(_ => 100)], [1, 2, 3, 4], 0.5))],
        [.. users.Select(_ => (TestFacts)null!)]);

    public static UserOutcome Ranked(int user, params double[] ranks) => new(user, 1, ranks, [], [], []);

    public static UserOutcome Labelled(int user, params (float Logit, bool Label)[] events) => new(
        user, 1, [], [.. events.Select(pair => pair.Logit)], [.. events.Select(pair => pair.Label)], []);
}
