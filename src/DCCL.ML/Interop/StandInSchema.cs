using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Interop;

/// <summary>
/// A schema made up from a shape, so that transformers, which ask for a schema, can say before there are data what they make of
/// them. A shape does not know sizes of vectors and counts of keys: these are made up.
/// </summary>
internal static class StandInSchema
{
    private const int KeyCount = 1;

    /// <summary>Makes up a schema.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="vectorSize">The size of all vectors of a fixed size.</param>
    /// <returns>The schema, with annotations whose values are empty.</returns>
    public static DataViewSchema Create(SchemaShape shape, int vectorSize)
    {
        DataViewSchema.Builder builder = new();
        foreach (SchemaShape.Column column in shape)
        {
            DataViewSchema.Annotations.Builder annotations = new();
            foreach (SchemaShape.Column annotation in column.Annotations)
            {
                DataViewType type = CreateType(annotation, KeyCount);
                annotations.Add(annotation.Name, type, CreateGetter(type));
            }

            builder.AddColumn(column.Name, CreateType(column, vectorSize), annotations.ToAnnotations());
        }

        return builder.ToSchema();
    }

    private static DataViewType CreateType(SchemaShape.Column column, int vectorSize)
    {
        DataViewType itemType = column.IsKey ? new KeyDataViewType(column.ItemType.RawType, KeyCount) : column.ItemType;
        return column.Kind switch
        {
            SchemaShape.Column.VectorKind.Scalar => itemType,
            SchemaShape.Column.VectorKind.Vector => new VectorDataViewType((PrimitiveDataViewType)itemType, vectorSize),
            _ => new VectorDataViewType((PrimitiveDataViewType)itemType),
        };
    }

    private static Delegate CreateGetter(DataViewType type)
    {
        (string name, Type valueType) = type is VectorDataViewType vector
            ? (nameof(CreateVectorGetter), vector.ItemType.RawType)
            : (nameof(CreateValueGetter), type.RawType);
        MethodInfo create = typeof(StandInSchema).GetMethod(name, BindingFlags.NonPublic | BindingFlags.Static)!;
        return (Delegate)create.MakeGenericMethod(valueType).Invoke(null, [type])!;
    }

    private static ValueGetter<T> CreateValueGetter<T>(DataViewType type) => (ref T value) => value = default!;

    private static ValueGetter<VBuffer<T>> CreateVectorGetter<T>(DataViewType type)
    {
        int size = ((VectorDataViewType)type).Size;
        return (ref VBuffer<T> value) => value = new VBuffer<T>(size, new T[size]);
    }
}
