namespace DCCL.ML.Evaluation;

/// <summary>How a model is evaluated.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
public sealed class RankingEvaluationOptions
{
    /// <summary>Gets the values of <c>k</c> for which HR@k and NDCG@k are reported.</summary>
    /// <value>The default is 10. At least one, each at least 1.</value>
    public IReadOnlyList<int> Cutoffs { get; init; } = [10];

    /// <summary>Gets the number of pairs of event and item above which only a seeded sample of users is evaluated.</summary>
    /// <remarks>The report says so when it happens (<see cref="RankingReport.IsSampled"/>). At least one user is evaluated.</remarks>
    /// <value>The default is 50 million. At least 1.</value>
    public long MaximumNumberOfPairs { get; init; } = 50_000_000;

    /// <summary>Gets the number of users to sample, in addition to the limit of <see cref="MaximumNumberOfPairs"/>.</summary>
    /// <remarks>Validation while training uses up to 1,000.</remarks>
    /// <value>The default is null: all users. At least 1.</value>
    public int? NumberOfSampledUsers { get; init; }

    /// <summary>Gets a value indicating whether positive test events are ranked among all items, by far the larger part of the work.</summary>
    /// <value>The default is true. False gives only AUC and log loss, of test logs with labels.</value>
    public bool RanksItems { get; init; } = true;

    /// <summary>Gets the seed of the sample of users.</summary>
    /// <remarks>The same seed and test log give the same users, whatever the model, so that samples can be compared in pairs.</remarks>
    /// <value>The default is 1.</value>
    public int Seed { get; init; } = 1;

    /// <summary>Gets the number of batches that are scored at the same time.</summary>
    /// <remarks>The figures do not depend on it.</remarks>
    /// <value>The default is null: one per processor.</value>
    public int? NumberOfThreads { get; init; }

    /// <summary>
    /// Gets the description of the split that the report's manifest repeats, such as "periods 70/20/10 per user, 943 of 943 users
    /// span the cuts".
    /// </summary>
    /// <value>The default is null: not stated.</value>
    public string? SplitDescription { get; init; }

    /// <summary>Gets the token that cancels the evaluation.</summary>
    /// <value>The default is a token that never cancels.</value>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentException">At least one option is out of range; the message names them all.</exception>
    public void Validate()
    {
        List<string> faults = [];
        if (Cutoffs is null || Cutoffs.Count == 0 || Cutoffs.Any(cutoff => cutoff < 1) || Cutoffs.Distinct().Count() != Cutoffs.Count)
        {
            faults.Add($"Cutoffs must be one or more different numbers, each at least 1, but is [{string.Join(", ", Cutoffs ?? [])}].");
        }

        if (MaximumNumberOfPairs < 1)
        {
            faults.Add($"MaximumNumberOfPairs must be at least 1, but is {MaximumNumberOfPairs}.");
        }

        if (NumberOfSampledUsers < 1)
        {
            faults.Add($"NumberOfSampledUsers must be null or at least 1, but is {NumberOfSampledUsers}.");
        }

        if (NumberOfThreads < 1)
        {
            faults.Add($"NumberOfThreads must be null or at least 1, but is {NumberOfThreads}.");
        }

        if (faults.Count > 0)
        {
            throw new ArgumentException("The evaluation options are invalid. " + string.Join(" ", faults));
        }
    }
}
