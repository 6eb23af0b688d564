using System.Text.Json.Serialization;

namespace DCCL.ML.Model;

/// <summary>The shape of the residual patches that personalise a cloud model.</summary>
/// <remarks>
/// <para>
/// After the activation <c>z</c> of each patched layer <c>l</c> stands <c>z + W_up act(W_down z)</c> with
/// <c>(W_down, W_up) = Offset_l + sum_k theta_k Basis_{l,k}</c>; <c>theta_0</c> is an intercept on the logit and takes no
/// part in the sum. <c>theta = 0</c> is exactly the cloud model, because the offset of <c>W_up</c> is zero.
/// </para>
/// <para>
/// The last <see cref="NumberOfItemFactors"/> coordinates of <c>theta</c> take no part in the sum either: they weigh the factors <c>q</c> of the
/// item that is scored, <c>logit + sum_j theta_{d-K+j} q_{item,j}</c>, as in matrix factorisation.
/// </para>
/// <para>Source: Yao et al., "Device-Cloud Collaborative Learning for Recommendation", KDD 2021, section 3.2.</para>
/// </remarks>
public sealed record PatchArchitecture
{
    /// <summary>The name of the item factors' tensor.</summary>
    internal const string FactorsTensor = "patch.factors";

    /// <summary>Gets <c>d</c>, the length of a user's metapatch <c>theta</c>, the intercept included.</summary>
    /// <value>The default is 16. From 1 (only the intercept) to 256.</value>
    public int PatchSize { get; init; } = 16;

    /// <summary>Gets <c>r</c>, the number of rows of <c>W_down</c>.</summary>
    /// <value>The default is 8. At least 1.</value>
    public int BottleneckSize { get; init; } = 8;

    /// <summary>Gets the activation function between <c>W_down</c> and <c>W_up</c>.</summary>
    /// <value>The default is <see cref="PatchActivation.Tanh"/>.</value>
    public PatchActivation Activation { get; init; }

    /// <summary>Gets <c>K</c>, the number of coordinates of <c>theta</c>, the last ones, that weigh factors of the item.</summary>
    /// <value>The default is 0. From 0 to <see cref="PatchSize"/> less 1.</value>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int NumberOfItemFactors { get; init; }

    /// <summary>Gets the number of coordinates of <c>theta</c> that move the patched layers: all but the intercept and the last ones.</summary>
    [JsonIgnore]
    public int NumberOfBasisColumns => PatchSize - 1 - NumberOfItemFactors;

    /// <summary>Gets the patched layers, as ascending indices into <see cref="BackboneArchitecture.PatchableLayerSizes"/>.</summary>
    public required IReadOnlyList<int> Layers { get; init; }

    /// <summary>Gets the name and the shape of every tensor of the basis.</summary>
    /// <remarks>
    /// <c>patch.{l}.offset</c> has 2 r n values: <c>W_down</c> as [r, n], then <c>W_up</c> as [n, r], both row-major;
    /// row <c>k - 1</c> of <c>patch.{l}.basis</c>, [d - 1 - K, 2 r n], belongs to <c>theta_k</c>. <c>patch.factors</c> is <c>q</c>,
    /// [items + 1, K], where there are factors.
    /// </remarks>
    /// <param name="backbone">The network that is patched.</param>
    /// <returns>The tensors, none if there is only an intercept.</returns>
    /// <exception cref="ArgumentException"><see cref="NumberOfItemFactors"/> is out of its range.</exception>
    public IReadOnlyList<TensorShape> GetTensors(BackboneArchitecture backbone)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        if (NumberOfItemFactors < 0 || NumberOfBasisColumns < 0)
        {
            throw new ArgumentException($"{nameof(NumberOfItemFactors)} must be from 0 to {PatchSize - 1}, but is {NumberOfItemFactors}.");
        }

        List<TensorShape> tensors = [];
        foreach (int layer in NumberOfBasisColumns > 0 ? Layers : [])
        {
            int size = checked(2 * BottleneckSize * backbone.PatchableLayerSizes[layer]);
            tensors.Add(new($"patch.{layer}.offset", [size]));
            tensors.Add(new($"patch.{layer}.basis", [NumberOfBasisColumns, size]));
        }

        if (NumberOfItemFactors > 0)
        {
            tensors.Add(new(FactorsTensor, [backbone.NumberOfItems + 1, NumberOfItemFactors]));
        }

        return tensors;
    }

    /// <summary>Compares two architectures by value, the layers one by one.</summary>
    /// <param name="other">The other architecture.</param>
    /// <returns>Whether both describe the same patches.</returns>
    public bool Equals(PatchArchitecture? other) =>
        other is not null && PatchSize == other.PatchSize && BottleneckSize == other.BottleneckSize
        && NumberOfItemFactors == other.NumberOfItemFactors && Activation == other.Activation && Layers.SequenceEqual(other.Layers);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(PatchSize, NumberOfItemFactors, BottleneckSize, Activation, Layers.Count);
}
