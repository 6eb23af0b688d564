using Microsoft.ML.Data;

namespace DCCL.TestKit.Conformance;

/// <summary>What the conformance suite has to know of an estimator or a transformer.</summary>
public sealed record ConformanceOptions
{
    /// <summary>Gets the columns that are read.</summary>
    public IReadOnlyList<InputColumn> Inputs { get; init; } = [];

    /// <summary>Gets whether messages must say what is expected, what was found and what to do, not only name the column.</summary>
    public bool ExplainsFaults { get; init; }

    /// <summary>Gets whether fitting depends on no other seed than the estimator's own.</summary>
    public bool HasOwnSeed { get; init; }

    /// <summary>Gets how far numbers that were computed in other batches may be apart, relative to those above 1.</summary>
    /// <value>The default is 1e-6: float32 sums in another order.</value>
    public double Tolerance { get; init; } = 1e-6;

    /// <summary>Gets the number of rows that a cursor may read before it is asked for them.</summary>
    /// <value>The default is 4096. Only data with more rows show what reads more.</value>
    public int MaximumReadAhead { get; init; } = 4096;
}

/// <summary>A column that an estimator or a transformer reads.</summary>
/// <param name="Name">The name of the column.</param>
/// <param name="WrongTypes">Types that must be refused.</param>
public sealed record InputColumn(string Name, params IReadOnlyList<DataViewType> WrongTypes)
{
    /// <summary>Gets types that a shape does not tell from right ones, such as vectors of another length; data show it.</summary>
    public IReadOnlyList<DataViewType> WrongSizes { get; init; } = [];

    /// <summary>Gets whether the column may be missing.</summary>
    public bool IsOptional { get; init; }

    /// <summary>A key column, with types that are close to one.</summary>
    /// <param name="name">The name of the column.</param>
    public static InputColumn Key(string name) => new(
        name,
        NumberDataViewType.UInt32,
        TextDataViewType.Instance,
        new KeyDataViewType(typeof(byte), 100),
        new KeyDataViewType(typeof(ulong), 100),
        new VectorDataViewType(new KeyDataViewType(typeof(uint), 100), 2));
}
