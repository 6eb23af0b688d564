namespace DCCL.ML.Scoring;

/// <summary>Consecutive groups of one shape in a batch's buffers: where they start, and how large each of them is.</summary>
/// <param name="Group">The first group: profiles, and patches unless all share one, stand at its number.</param>
/// <param name="NumberOfGroups">The number of groups.</param>
/// <param name="Item">Where the items of the first group, and its scores, start.</param>
/// <param name="NumberOfCandidates">The number of items of each group.</param>
/// <param name="History">Where the history of the first group starts.</param>
/// <param name="HistoryLength">The number of history events of each group, padding included.</param>
internal readonly record struct ScoringRange(
    int Group, int NumberOfGroups, int Item, int NumberOfCandidates, int History, int HistoryLength)
{
    /// <summary>Selects some of the groups.</summary>
    public ScoringRange Slice(int start, int count) => this with
    {
        Group = Group + start,
        NumberOfGroups = count,
        Item = Item + (start * NumberOfCandidates),
        History = History + (start * HistoryLength),
    };

    /// <summary>Selects some of the candidates of a single group.</summary>
    public ScoringRange SliceCandidates(int start, int end) => this with { Item = Item + start, NumberOfCandidates = end - start };
}
