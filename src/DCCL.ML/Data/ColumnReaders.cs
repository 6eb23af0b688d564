using System.Globalization;
using Microsoft.ML;

namespace DCCL.ML.Data;

/// <summary>Reads columns of several types as one type.</summary>
internal static class ColumnReaders
{
    /// <summary>Says whether a column can be read as a time.</summary>
    public static bool IsTimestamp(Type type) => type == typeof(int) || type == typeof(uint) || type == typeof(long)
        || type == typeof(float) || type == typeof(double) || type == typeof(DateTime);

    /// <summary>Reads a time as a number; a DateTime as its ticks.</summary>
    public static Func<double> Timestamp(DataViewRow row, DataViewSchema.Column column) => column.Type.RawType switch
    {
        Type type when type == typeof(int) => Convert<int>(row, column, value => value),
        Type type when type == typeof(uint) => Convert<uint>(row, column, value => value),
        Type type when type == typeof(long) => Convert<long>(row, column, value => value),
        Type type when type == typeof(float) => Convert<float>(row, column, value => value),
        Type type when type == typeof(double) => Convert<double>(row, column, value => value),
        _ => Convert<DateTime>(row, column, value => value.Ticks),
    };

    /// <summary>Reads a label: 1 for positive, 0 for negative, NaN where it is missing.</summary>
    public static Func<float> Label(DataViewRow row, DataViewSchema.Column column) => column.Type.RawType == typeof(bool)
        ? Convert<bool, float>(row, column, value => value ? 1 : 0)
        : Convert<float, float>(row, column, value => float.IsNaN(value) ? value : value > 0 ? 1 : 0);

    /// <summary>Refuses a time that cannot be one.</summary>
    public static void CheckTimestamp(double timestamp, long rowNumber, string columnName)
    {
        if (!(timestamp >= 0 && timestamp < double.PositiveInfinity))
        {
            throw BadValue(rowNumber, columnName, "a finite time that is not negative", timestamp, "Correct or remove the row.");
        }
    }

    /// <summary>Says that a row holds a value that cannot be.</summary>
    public static InvalidDataException BadValue(long rowNumber, string columnName, string expected, double actual, string remedy)
        => new(string.Create(
            CultureInfo.InvariantCulture,
            $"Row {rowNumber} of column '{columnName}' must be {expected}, but is {actual}. {remedy}"));

    private static Func<double> Convert<T>(DataViewRow row, DataViewSchema.Column column, Func<T, double> convert)
        => Convert<T, double>(row, column, convert);

    private static Func<TResult> Convert<T, TResult>(DataViewRow row, DataViewSchema.Column column, Func<T, TResult> convert)
    {
        ValueGetter<T> getter = row.GetGetter<T>(column);
        T value = default!;
        return () =>
        {
            getter(ref value);
            return convert(value);
        };
    }
}
