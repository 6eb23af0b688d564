namespace DCCL.Benchmarks.Evidence.Outcomes;

/// <summary>What is true of a tested user whatever the method.</summary>
/// <param name="User">The user's key value.</param>
/// <param name="IsCold">Whether the cloud period has fewer than <see cref="TestFacts.ColdLimit"/> events of the user.</param>
/// <param name="Candidates">The number of items that each ranked event was ranked among, itself included.</param>
/// <param name="Relevant">The distinct items taken in the test that the user had not had before it.</param>
/// <param name="HistoryPopularity">The mean popularity of what the user had taken before the test; NaN for nothing.</param>
internal sealed record UserFacts(int User, bool IsCold, int[] Candidates, int[] Relevant, double HistoryPopularity);
