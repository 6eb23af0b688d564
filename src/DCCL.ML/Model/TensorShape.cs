namespace DCCL.ML.Model;

/// <summary>The name and the dimensions of one weight tensor.</summary>
/// <param name="Name">The name, unique within a model.</param>
/// <param name="Dimensions">The length of each axis, outermost first; values are stored row-major.</param>
public sealed record TensorShape(string Name, IReadOnlyList<int> Dimensions)
{
    /// <summary>Gets the number of values, the product of <see cref="Dimensions"/>.</summary>
    public int NumberOfElements => Dimensions.Aggregate(1, (product, length) => checked(product * length));
}
