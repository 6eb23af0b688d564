using System.Text.Json.Nodes;

namespace DCCL.ML.Evaluation;

/// <summary>What a report's figures were computed from, so that they can be computed again.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
public sealed record EvaluationManifest
{
    /// <summary>Gets the <see cref="Model.DeviceCloudModelParameters.Fingerprint"/> of the model, or a name given by the caller.</summary>
    public required string ModelFingerprint { get; init; }

    /// <summary>
    /// Gets the SHA-256 over the patches that the evaluated users are served with at their first test event; null for a
    /// cloud model alone.
    /// </summary>
    public string? PatchFingerprint { get; init; }

    /// <summary>Gets the SHA-256 over the events of the test log.</summary>
    public required string TestFingerprint { get; init; }

    /// <summary>Gets the SHA-256 over the events of the history log.</summary>
    public required string HistoryFingerprint { get; init; }

    /// <summary>Gets how the log was split, as the caller described it.</summary>
    public string? SplitDescription { get; init; }

    /// <summary>Gets the seed of the sample of users.</summary>
    public int Seed { get; init; }

    /// <summary>Gets the cutoffs of HR@k and NDCG@k.</summary>
    public required IReadOnlyList<int> Cutoffs { get; init; }

    /// <summary>Gets the limit on the number of pairs of event and item.</summary>
    public long MaximumNumberOfPairs { get; init; }

    /// <summary>Gets the number of users asked for, or null for all.</summary>
    public int? NumberOfSampledUsers { get; init; }

    /// <summary>Gets the version of DCCL.ML that computed the figures.</summary>
    public required string LibraryVersion { get; init; }

    /// <summary>Writes the manifest.</summary>
    /// <returns>A new JSON object.</returns>
    public JsonObject ToJson()
    {
        JsonObject json = new() { ["model"] = ModelFingerprint };
        if (PatchFingerprint is not null)
        {
            json["patches"] = PatchFingerprint;
        }

        json["test"] = TestFingerprint;
        json["history"] = HistoryFingerprint;
        if (SplitDescription is not null)
        {
            json["split"] = SplitDescription;
        }

        json["seed"] = Seed;
        json["cutoffs"] = new JsonArray([.. Cutoffs.Select(cutoff => JsonValue.Create(cutoff))]);
        json["maximumNumberOfPairs"] = MaximumNumberOfPairs;
        if (NumberOfSampledUsers is not null)
        {
            json["numberOfSampledUsers"] = NumberOfSampledUsers;
        }

        json["libraryVersion"] = LibraryVersion;
        return json;
    }
}
