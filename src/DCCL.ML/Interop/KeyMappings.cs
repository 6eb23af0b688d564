using Microsoft.ML;
using Microsoft.ML.Transforms;

namespace DCCL.ML.Interop;

/// <summary>Looks into ML.NET's mapping of values to keys.</summary>
internal static class KeyMappings
{
    /// <summary>Gets the columns that a transformer maps to keys; none if it is no such transformer.</summary>
    public static IReadOnlyList<InputOutputColumnPair> GetColumns(ITransformer transformer) => transformer is ValueToKeyMappingTransformer mapping
        ? [.. mapping.ColumnPairs.Select(pair => new InputOutputColumnPair(pair.outputColumnName, pair.inputColumnName))]
        : [];
}
