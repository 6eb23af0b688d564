using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Scoring;

/// <summary>The values of one column in the rows that a cursor has read ahead.</summary>
internal abstract class ColumnBuffer
{
    /// <summary>Says whether values of a type can be kept. ML.NET promises it of primitive values and vectors only: an image, say, may be
    /// disposed by who asks for it.</summary>
    public static bool CanKeep(DataViewType type) => type is PrimitiveDataViewType or VectorDataViewType;

    /// <summary>Creates the buffer of a column.</summary>
    /// <param name="row">Where the values come from.</param>
    /// <param name="column">The column, active in the row.</param>
    /// <param name="capacity">The number of rows.</param>
    public static ColumnBuffer Create(DataViewRow row, DataViewSchema.Column column, int capacity)
    {
        Type type = column.Type is VectorDataViewType vector
            ? typeof(Vectors<>).MakeGenericType(vector.ItemType.RawType)
            : typeof(Values<>).MakeGenericType(column.Type.RawType);
        return (ColumnBuffer)Activator.CreateInstance(type, row, column, capacity)!;
    }

    /// <summary>Keeps the value of the row that the source stands on.</summary>
    /// <param name="index">Where to keep it.</param>
    public abstract void Keep(int index);

    /// <summary>Creates a getter of kept values.</summary>
    /// <param name="current">Gives the place of the value asked for.</param>
    public abstract Delegate CreateGetter(Func<int> current);

    private sealed class Values<T>(DataViewRow row, DataViewSchema.Column column, int capacity) : ColumnBuffer
    {
        private readonly ValueGetter<T> _getter = row.GetGetter<T>(column);
        private readonly T[] _values = new T[capacity];

        public override void Keep(int index) => _getter(ref _values[index]);

        public override Delegate CreateGetter(Func<int> current) => (ValueGetter<T>)((ref T value) => value = _values[current()]);
    }

    private sealed class Vectors<T>(DataViewRow row, DataViewSchema.Column column, int capacity) : ColumnBuffer
    {
        private readonly ValueGetter<VBuffer<T>> _getter = row.GetGetter<VBuffer<T>>(column);
        private readonly VBuffer<T>[] _values = new VBuffer<T>[capacity];

        public override void Keep(int index) => _getter(ref _values[index]);

        // Who asks may write into the vector, so that it gets a copy.
        public override Delegate CreateGetter(Func<int> current) =>
            (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) => _values[current()].CopyTo(ref value));
    }
}
