namespace DCCL.Benchmarks.Evidence.Metrics;

/// <summary>What the lists of all users are like together.</summary>
internal static class ListMetrics
{
    private const int Cutoff = 10;

    /// <summary>The share of all items that stand in the first ten of anybody drawn.</summary>
    /// <remarks>Folds have catalogues of their own: the mean over them, weighted by their users.</remarks>
    public static Func<int[], double> CreateCoverage(UserSet set) => draws =>
    {
        double sum = 0;
        int users = 0;
        foreach (IGrouping<Outcomes.TestFacts, int> fold in Enumerable.Range(0, draws.Length).Where(i => draws[i] > 0).GroupBy(i => set.Test[i]))
        {
            HashSet<int> items = [.. fold.SelectMany(i => set.Users[i].Top.Take(Cutoff))];
            sum += (double)items.Count / fold.Key.NumberOfItems * fold.Count();
            users += fold.Count();
        }

        return sum / users;
    };
}
