namespace DCCL.ML.Model;

/// <summary>The shape of the residual patches that personalise a cloud model.</summary>
/// <remarks>
/// <para>
/// After the activation <c>z</c> of each patched layer <c>l</c> stands <c>z + W_up act(W_down z)</c> with
/// <c>(W_down, W_up) = Offset_l + sum_k theta_k Basis_{l,k}</c>; <c>theta_0</c> is an intercept on the logit and takes no
/// part in the sum. <c>theta = 0</c> is exactly the cloud model, because the offset of <c>W_up</c> is zero.
/// </para>
/// <para>Source: Yao et al., "Device-Cloud Collaborative Learning for Recommendation", KDD 2021, section 3.2.</para>
/// </remarks>
public sealed record PatchArchitecture
{
    /// <summary>Gets <c>d</c>, the length of a user's metapatch <c>theta</c>, the intercept included.</summary>
    /// <value>The default is 16. From 1 (only the intercept) to 256.</value>
    public int PatchSize { get; init; } = 16;

    /// <summary>Gets <c>r</c>, the number of rows of <c>W_down</c>.</summary>
    /// <value>The default is 8. At least 1.</value>
    public int BottleneckSize { get; init; } = 8;

    /// <summary>Gets the activation function between <c>W_down</c> and <c>W_up</c>.</summary>
    /// <value>The default is <see cref="PatchActivation.Tanh"/>.</value>
    public PatchActivation Activation { get; init; }

    /// <summary>Gets the patched layers, as ascending indices into <see cref="BackboneArchitecture.PatchableLayerSizes"/>.</summary>
    public required IReadOnlyList<int> Layers { get; init; }

    /// <summary>Gets the name and the shape of every tensor of the basis.</summary>
    /// <remarks>
    /// <c>patch.{l}.offset</c> has 2 r n values: <c>W_down</c> as [r, n], then <c>W_up</c> as [n, r], both row-major;
    /// row <c>k - 1</c> of <c>patch.{l}.basis</c>, [d - 1, 2 r n], belongs to <c>theta_k</c>.
    /// </remarks>
    /// <param name="backbone">The network that is patched.</param>
    /// <returns>The tensors, none if <see cref="PatchSize"/> is 1.</returns>
    public IReadOnlyList<TensorShape> GetTensors(BackboneArchitecture backbone)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        List<TensorShape> tensors = [];
        if (PatchSize == 1)
        {
            return tensors;
        }

        foreach (int layer in Layers)
        {
            int size = checked(2 * BottleneckSize * backbone.PatchableLayerSizes[layer]);
            tensors.Add(new($"patch.{layer}.offset", [size]));
            tensors.Add(new($"patch.{layer}.basis", [PatchSize - 1, size]));
        }

        return tensors;
    }

    /// <summary>Compares two architectures by value, the layers one by one.</summary>
    /// <param name="other">The other architecture.</param>
    /// <returns>Whether both describe the same patches.</returns>
    public bool Equals(PatchArchitecture? other) =>
        other is not null && PatchSize == other.PatchSize && BottleneckSize == other.BottleneckSize
        && Activation == other.Activation && Layers.SequenceEqual(other.Layers);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(PatchSize, BottleneckSize, Activation, Layers.Count);
}
