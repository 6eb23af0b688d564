using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Data;

/// <summary>What is known of a column's type, of data and of data to come alike.</summary>
/// <param name="IsKey">Whether the value, or a vector's values, are keys.</param>
/// <param name="IsScalar">Whether it is no vector.</param>
/// <param name="IsKnownVector">Whether it is a vector of known size.</param>
/// <param name="ItemType">The type of the value, or of a vector's values; of a key, the type of its number.</param>
/// <param name="Text">The type as users know it.</param>
internal readonly record struct ColumnShape(bool IsKey, bool IsScalar, bool IsKnownVector, DataViewType ItemType, string Text)
{
    public static ColumnShape Of(DataViewType type)
    {
        DataViewType itemType = type is VectorDataViewType vector ? vector.ItemType : type;
        return new ColumnShape(
            itemType is KeyDataViewType, type is not VectorDataViewType, type is VectorDataViewType { Size: > 0 }, itemType, $"{type}");
    }

    public static ColumnShape Of(SchemaShape.Column column) => new(
        column.IsKey,
        column.Kind == SchemaShape.Column.VectorKind.Scalar,
        column.Kind == SchemaShape.Column.VectorKind.Vector,
        column.ItemType,
        SchemaShapeColumns.Describe(column));
}
