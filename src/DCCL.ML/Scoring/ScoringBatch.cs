using DCCL.ML.Model;

namespace DCCL.ML.Scoring;

/// <summary>The input and output buffers of one call of <see cref="ModelScorer.Score"/>; kept and filled again for the next call.</summary>
/// <remarks>
/// <para>
/// A batch is a number of groups, each with a history (of one user at one moment), a profile if the model has one, a patch,
/// and the same number of candidate items. One history with n candidates is 1 group of n; n histories with one candidate
/// each are n groups of 1.
/// </para>
/// <para>Buffers may be longer than what is used. Not thread-safe: each thread needs a batch of its own.</para>
/// </remarks>
public sealed class ScoringBatch
{
    /// <summary>Gets or sets the number of groups, G.</summary>
    public int NumberOfGroups { get; set; }

    /// <summary>Gets or sets the number of candidate items of each group, C.</summary>
    public int NumberOfCandidates { get; set; }

    /// <summary>Gets or sets the number of history events of each group, L, padding included.</summary>
    /// <value>From 1 to the model's <see cref="BackboneArchitecture.HistoryLength"/>. The shorter, the faster.</value>
    public int HistoryLength { get; set; }

    /// <summary>Gets or sets the number of patches: 0 for the cloud model, 1 for one patch for all groups, or G.</summary>
    public int NumberOfPatches { get; set; }

    /// <summary>Gets or sets the candidates' item key values, [G, C]; 0 gets the score NaN.</summary>
    public long[] Items { get; set; } = [];

    /// <summary>Gets or sets the item key values of the histories, [G, L], the most recent event first, 0 for padding.</summary>
    public long[] History { get; set; } = [];

    /// <summary>Gets or sets the profiles, [G, P]; not used if the model has no profile input.</summary>
    public float[] Profiles { get; set; } = [];

    /// <summary>Gets or sets the patches, [<see cref="NumberOfPatches"/>, d].</summary>
    public float[] Patches { get; set; } = [];

    /// <summary>Gets or sets the buffer that receives the scores (logits), [G, C].</summary>
    public float[] Scores { get; set; } = [];

    /// <summary>Gets the places in <see cref="Scores"/> of what a patch made infinite or NaN: these scores are the cloud model's instead.</summary>
    public IReadOnlyList<int> RefusedItems { get; internal set; } = [];

    /// <summary>Sets the sizes and makes the buffers at least that long; what they hold is undefined afterwards.</summary>
    /// <param name="architecture">The network that will score the batch.</param>
    /// <param name="numberOfGroups">G.</param>
    /// <param name="numberOfCandidates">C.</param>
    /// <param name="historyLength">L, at least 1.</param>
    /// <param name="numberOfPatches">0, 1 or G.</param>
    /// <param name="patchSize">d; not used if there are no patches.</param>
    public void Resize(
        BackboneArchitecture architecture,
        int numberOfGroups,
        int numberOfCandidates,
        int historyLength,
        int numberOfPatches = 0,
        int patchSize = 0)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        ArgumentOutOfRangeException.ThrowIfNegative(numberOfGroups);
        ArgumentOutOfRangeException.ThrowIfNegative(numberOfCandidates);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(historyLength);
        ArgumentOutOfRangeException.ThrowIfNegative(numberOfPatches);
        NumberOfGroups = numberOfGroups;
        NumberOfCandidates = numberOfCandidates;
        HistoryLength = historyLength;
        NumberOfPatches = numberOfPatches;
        Items = AtLeast(Items, (long)numberOfGroups * numberOfCandidates);
        Scores = AtLeast(Scores, (long)numberOfGroups * numberOfCandidates);
        History = AtLeast(History, (long)numberOfGroups * historyLength);
        Profiles = AtLeast(Profiles, (long)numberOfGroups * architecture.ProfileDimension);
        Patches = AtLeast(Patches, (long)numberOfPatches * patchSize);
    }

    private static T[] AtLeast<T>(T[] buffer, long length) =>
        buffer.Length >= length ? buffer : GC.AllocateUninitializedArray<T>(checked((int)length));
}
