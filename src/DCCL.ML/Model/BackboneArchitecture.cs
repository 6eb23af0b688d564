using System.Text.Json.Serialization;

namespace DCCL.ML.Model;

/// <summary>
/// The shape of a cloud model, independent of its weights: everything that is needed to build its ONNX graph or its
/// torch module, apart from the numbers inside.
/// </summary>
/// <remarks>
/// This is the seam between the parts of DCCL that know one particular network (its graph, its torch module) and
/// those that do not (patches, distillation, scoring, evaluation). Instances are immutable and thread-safe.
/// </remarks>
public abstract record BackboneArchitecture
{
    /// <summary>Gets the number of items the model has an embedding for; row 0, the padding, is not counted.</summary>
    /// <value>At least 1.</value>
    public required int NumberOfItems { get; init; }

    /// <summary>Gets the number of most recent events of a user that the model looks at.</summary>
    /// <value>The default is 50. At least 1.</value>
    public int HistoryLength { get; init; } = 50;

    /// <summary>Gets the length of an item's embedding vector.</summary>
    /// <value>The default is 32. At least 1.</value>
    public int EmbeddingDimension { get; init; } = 32;

    /// <summary>Gets the length of the user's profile vector.</summary>
    /// <value>The default is 0, which means that the model has no profile input.</value>
    public int ProfileDimension { get; init; }

    /// <summary>Gets the short name under which files and ONNX metadata record this kind of network, such as "din".</summary>
    public abstract string Name { get; }

    /// <summary>Gets the widths of the layers whose activations can take a residual patch, in order of evaluation.</summary>
    [JsonIgnore]
    public abstract IReadOnlyList<int> PatchableLayerSizes { get; }

    /// <summary>Gets the name and the shape of every tensor that this architecture needs.</summary>
    /// <remarks>Names are file format: they stand in saved models and in the ONNX graph.</remarks>
    [JsonIgnore]
    public abstract IReadOnlyList<TensorShape> Tensors { get; }
}
