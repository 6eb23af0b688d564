namespace DCCL.ML.Model;

/// <summary>
/// The shape of the patch encoder <c>U(theta, u) = theta + V1 tanh(V2 theta + V3 u + b)</c>, which migrates patches to a
/// new model version and predicts, as <c>U(0, u)</c>, the patch of a user who has never trained one.
/// </summary>
/// <remarks>
/// <c>u</c> is the user's profile, or the mean of the history's item embeddings if the model has no profile input.
/// Source: Yao et al., KDD 2021, section 3.3.
/// </remarks>
public sealed record PatchEncoderArchitecture
{
    /// <summary>Gets the length of the hidden vector inside the encoder.</summary>
    /// <value>The default is 16.</value>
    public int HiddenSize { get; init; } = 16;

    /// <summary>Gets a value indicating whether <c>U(0, u)</c> serves users without a patch: it helped on held-out users.</summary>
    public bool ServesColdStart { get; init; }

    /// <summary>Gets the name and the shape of every tensor of the encoder.</summary>
    /// <param name="backbone">The network.</param>
    /// <param name="patch">The patches' shape.</param>
    /// <returns>encoder.v1 [hidden, d], encoder.v2 [d, hidden], encoder.v3 [u, hidden], encoder.bias [hidden].</returns>
    public IReadOnlyList<TensorShape> GetTensors(BackboneArchitecture backbone, PatchArchitecture patch)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        ArgumentNullException.ThrowIfNull(patch);
        int user = backbone.ProfileDimension > 0 ? backbone.ProfileDimension : backbone.EmbeddingDimension;
        return
        [
            new("encoder.v1", [HiddenSize, patch.PatchSize]),
            new("encoder.v2", [patch.PatchSize, HiddenSize]),
            new("encoder.v3", [user, HiddenSize]),
            new("encoder.bias", [HiddenSize]),
        ];
    }
}
