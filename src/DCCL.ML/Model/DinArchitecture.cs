using System.Text.Json.Serialization;

namespace DCCL.ML.Model;

/// <summary>
/// The shape of a Deep Interest Network (DIN): a local activation unit weighs the user's history by the target item.
/// </summary>
/// <remarks>
/// <para>
/// With <c>t</c> the target's embedding, <c>v_j</c> the embedding of the history item at distance <c>j</c> from the end
/// and <c>k_j = v_j + recency_j</c>, the activation unit scores
/// <c>s_j = w . act(k_j W_history + t W_target + (k_j * t) W_product + b) + b'</c>. This is the unit on
/// concat(k, t, k - t, k * t) of the paper with its linear parts collected, so that no concatenation is ever built.
/// The weights <c>a = softmax(s)</c> (or <c>s</c> itself, as in the paper) pool the history:
/// <c>p = sum_j a_j k_j</c>. The hidden layers see concat(p, t, p * t, mean_j v_j, profile); the logit is
/// <c>z . w_out + b_out + bias_item</c>.
/// </para>
/// <para>Source: Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, sections 4.3 and 5.2
/// (local activation unit, Dice).</para>
/// </remarks>
public sealed record DinArchitecture : BackboneArchitecture
{
    /// <summary>Gets the width of the activation unit's hidden layer.</summary>
    /// <value>The default is 64.</value>
    public int ActivationUnitSize { get; init; } = 64;

    /// <summary>Gets the widths of the hidden layers; each of them can take a patch.</summary>
    /// <value>The default is 128, 64.</value>
    public IReadOnlyList<int> HiddenLayerSizes { get; init; } = [128, 64];

    /// <summary>Gets the activation function of the hidden layers and of the activation unit.</summary>
    /// <value>The default is <see cref="DinActivation.PRelu"/>.</value>
    public DinActivation Activation { get; init; }

    /// <summary>Gets how the activation unit's scores become weights.</summary>
    /// <value>The default is <see cref="AttentionWeights.Softmax"/>.</value>
    public AttentionWeights AttentionWeights { get; init; }

    /// <inheritdoc/>
    public override string Name => "din";

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<int> PatchableLayerSizes => HiddenLayerSizes;

    /// <summary>Gets the length of the hidden layers' input: pooled history, target, their product, mean history, profile.</summary>
    public int HiddenInputSize => (4 * EmbeddingDimension) + ProfileDimension;

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<TensorShape> Tensors
    {
        get
        {
            List<TensorShape> tensors =
            [
                new("item.embedding", [NumberOfItems + 1, EmbeddingDimension]),
                new("item.bias", [NumberOfItems + 1]),
                new("recency.embedding", [HistoryLength, EmbeddingDimension]),
                new("attention.history.weight", [EmbeddingDimension, ActivationUnitSize]),
                new("attention.target.weight", [EmbeddingDimension, ActivationUnitSize]),
                new("attention.product.weight", [EmbeddingDimension, ActivationUnitSize]),
                new("attention.bias", [ActivationUnitSize]),
            ];
            AddActivation(tensors, "attention", ActivationUnitSize);
            tensors.Add(new("attention.output.weight", [ActivationUnitSize]));
            tensors.Add(new("attention.output.bias", [1]));

            int input = HiddenInputSize;
            for (int layer = 0; layer < HiddenLayerSizes.Count; layer++)
            {
                int size = HiddenLayerSizes[layer];
                tensors.Add(new($"hidden.{layer}.weight", [input, size]));
                tensors.Add(new($"hidden.{layer}.bias", [size]));
                AddActivation(tensors, $"hidden.{layer}", size);
                input = size;
            }

            tensors.Add(new("output.weight", [input]));
            tensors.Add(new("output.bias", [1]));
            return tensors;
        }
    }

    /// <summary>Compares two architectures by value, the hidden layers' sizes one by one.</summary>
    /// <param name="other">The other architecture.</param>
    /// <returns>Whether both describe the same network.</returns>
    public bool Equals(DinArchitecture? other) =>
        base.Equals(other)
        && ActivationUnitSize == other.ActivationUnitSize
        && HiddenLayerSizes.SequenceEqual(other.HiddenLayerSizes)
        && Activation == other.Activation
        && AttentionWeights == other.AttentionWeights;

    /// <inheritdoc/>
    public override int GetHashCode() =>
        HashCode.Combine(base.GetHashCode(), ActivationUnitSize, HiddenLayerSizes.Count, Activation, AttentionWeights);

    private void AddActivation(List<TensorShape> tensors, string layer, int size)
    {
        // PReLU: max(x, 0) + slope * min(x, 0).
        // Dice: g * x + (1 - g) * slope * x with g = sigmoid((x - mean) / sqrt(variance + 1e-8)).
        tensors.Add(new($"{layer}.slope", [size]));
        if (Activation == DinActivation.Dice)
        {
            tensors.Add(new($"{layer}.mean", [size]));
            tensors.Add(new($"{layer}.variance", [size]));
        }
    }
}
