using DCCL.Benchmarks.Evidence.Metrics;

namespace DCCL.Benchmarks.Evidence.Outcomes;

/// <summary>The outcomes of all methods: for each, the same users with every seed, whatever fold they are tested in.</summary>
internal sealed class OutcomeTable
{
    private readonly Dictionary<string, List<Dictionary<(int Fold, int User), UserOutcome>>> _seeds = [];
    private readonly Dictionary<string, MethodOutcome> _first = [];
    private readonly IReadOnlyList<TestFacts> _facts;

    /// <param name="outcomes">The outcomes.</param>
    /// <param name="facts">The facts of the folds 1, 2, ...</param>
    public OutcomeTable(IEnumerable<MethodOutcome> outcomes, IReadOnlyList<TestFacts> facts)
    {
        _facts = facts;
        foreach (IGrouping<string, MethodOutcome> method in outcomes.GroupBy(outcome => outcome.Method))
        {
            _first.Add(method.Key, method.First());
            _seeds.Add(method.Key,
            [
                .. method.GroupBy(outcome => outcome.Seed).OrderBy(seed => seed.Key).Select(seed => seed
                    .SelectMany(outcome => outcome.Users.Select(user => (outcome.Fold, User: user)))
                    .ToDictionary(pair => (pair.Fold, pair.User.User), pair => pair.User)),
            ]);
            NumberOfPersonalizedUsers.Add(method.Key, method.Average(outcome => outcome.NumberOfPersonalizedUsers));
        }
    }

    /// <summary>Gets the mean number of users with a patch or model of their own, by method.</summary>
    public Dictionary<string, double> NumberOfPersonalizedUsers { get; } = [];

    /// <summary>Gets the names of the methods.</summary>
    public IEnumerable<string> Methods => _seeds.Keys;

    public bool Has(string method) => _seeds.ContainsKey(method);

    public bool IsProbabilistic(string method) => _first[method].IsProbabilistic;

    /// <summary>Gets a method's users with every seed.</summary>
    /// <param name="method">The method.</param>
    /// <param name="among">Another method, whose users alone are wanted, and whose number of seeds; null for all.</param>
    /// <param name="select">Which users; null for all.</param>
    public UserSet[] Get(string method, string? among = null, Func<UserOutcome, UserFacts, bool>? select = null)
    {
        List<Dictionary<(int Fold, int User), UserOutcome>> seeds = _seeds[method];
        (int Fold, int User)[] keys =
        [
            .. seeds[0].Keys.Where(key => among is null || _seeds[among][0].ContainsKey(key))
                .Where(key => select is null || select(seeds[0][key], _facts[key.Fold - 1][key.User]))
                .Order(),
        ];
        UserFacts[] facts = [.. keys.Select(key => _facts[key.Fold - 1][key.User])];
        TestFacts[] tests = [.. keys.Select(key => _facts[key.Fold - 1])];
        int count = among is null ? seeds.Count : Math.Max(seeds.Count, _seeds[among].Count);

        // A method without a seed of its own has one outcome, which pairs with each of the other's.
        return [.. Enumerable.Range(0, count).Select(seed => new UserSet(
            [.. keys.Select(key => seeds[Math.Min(seed, seeds.Count - 1)][key])], facts, tests))];
    }
}
