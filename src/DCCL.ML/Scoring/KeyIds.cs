using System.Globalization;
using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Scoring;

/// <summary>Reads the raw ids behind a key column, such as <c>MapValueToKey</c> leaves them, as text.</summary>
public static class KeyIds
{
    internal const string KeyValues = "KeyValues";

    /// <summary>Reads the ids of a key column.</summary>
    /// <param name="column">A column whose type is a key.</param>
    /// <returns>The ids of keys 1, 2, ... as culture-invariant text; null if the column carries none.</returns>
    public static string[]? Read(DataViewSchema.Column column)
    {
        if (column.Annotations.Schema.GetColumnOrNull(KeyValues)?.Type is not VectorDataViewType type)
        {
            return null;
        }

        MethodInfo read = typeof(KeyIds).GetMethod(nameof(ReadAs), BindingFlags.NonPublic | BindingFlags.Static)!;
        return (string[])read.MakeGenericMethod(type.ItemType.RawType).Invoke(null, [column.Annotations])!;
    }

    private static string[] ReadAs<T>(DataViewSchema.Annotations annotations)
    {
        VBuffer<T> values = default;
        annotations.GetValue(KeyValues, ref values);
        return [.. values.DenseValues().Select(ToText)];
    }

    /// <summary>Writes an id as text.</summary>
    internal static string ToText<T>(T value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
}
