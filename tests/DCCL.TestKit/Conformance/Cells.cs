using System.Globalization;
using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.TestKit.Conformance;

/// <summary>Reads values of columns of any type, so that they can be kept and compared.</summary>
internal static class Cells
{
    /// <summary>Creates a reader of a row's value: text as a string, a vector as an array.</summary>
    public static Func<object> CreateReader(DataViewRow row, DataViewSchema.Column column) =>
        (Func<object>)Call(nameof(CreateRowReader), column.Type, row, column);

    /// <summary>Reads an annotation.</summary>
    public static object Read(DataViewSchema.Annotations annotations, DataViewSchema.Column annotation) =>
        Call(nameof(ReadAnnotation), annotation.Type, annotations, annotation.Name);

    /// <summary>Says whether two values are the same; numbers, whether they are close.</summary>
    public static bool AreSame(object left, object right, double tolerance) => (left, right) switch
    {
        (Array x, Array y) => x.Length == y.Length && x.Cast<object>().Zip(y.Cast<object>()).All(pair => AreSame(pair.First, pair.Second, tolerance)),
        (float x, float y) => AreClose(x, y, tolerance),
        (double x, double y) => AreClose(x, y, tolerance),
        _ => Equals(left, right),
    };

    public static string Describe(object value) => value switch
    {
        Array array => $"[{string.Join(", ", array.Cast<object>().Select(Describe))}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    /// <summary>The one type in which a column's values are read.</summary>
    public static Type ValueType(DataViewType type) =>
        type is VectorDataViewType vector ? typeof(VBuffer<>).MakeGenericType(vector.ItemType.RawType) : type.RawType;

    private static bool AreClose(double x, double y, double tolerance) =>
        x.Equals(y) || Math.Abs(x - y) <= tolerance * Math.Max(1, Math.Abs(y));

    private static object Call(string method, DataViewType type, params object[] arguments)
    {
        MethodInfo generic = typeof(Cells).GetMethod(method, BindingFlags.NonPublic | BindingFlags.Static)!;
        try
        {
            return generic.MakeGenericMethod(ValueType(type)).Invoke(null, arguments)!;
        }
        catch (TargetInvocationException fault)
        {
            throw fault.InnerException!;
        }
    }

    private static Func<object> CreateRowReader<T>(DataViewRow row, DataViewSchema.Column column)
    {
        ValueGetter<T> getter = row.GetGetter<T>(column);
        T value = default!;
        return () =>
        {
            getter(ref value);
            return Keep(value);
        };
    }

    private static object ReadAnnotation<T>(DataViewSchema.Annotations annotations, string kind)
    {
        T value = default!;
        annotations.GetValue(kind, ref value);
        return Keep(value);
    }

    private static object Keep<T>(T value) => value switch
    {
        ReadOnlyMemory<char> text => text.ToString(),
        _ when typeof(T).IsGenericType && typeof(T).GetGenericTypeDefinition() == typeof(VBuffer<>) => KeepVector((dynamic)value!),
        _ => value!,
    };

    private static object KeepVector<T>(VBuffer<T> value) => typeof(T) == typeof(ReadOnlyMemory<char>)
        ? value.DenseValues().Select(text => text!.ToString()!).ToArray()
        : value.DenseValues().ToArray();
}
