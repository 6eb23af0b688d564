using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Data;

/// <summary>Numbers users of any type from 0, in the order of their first row.</summary>
internal static class UserReader
{
    /// <summary>The number of a missing user: key 0, an empty text, NaN.</summary>
    public const int Missing = -1;

    public static Func<int> Create(DataViewRow row, DataViewSchema.Column column)
    {
        DataViewType type = column.Type;
        Type raw = type.RawType;
        return type switch
        {
            TextDataViewType => Text(row, column),
            KeyDataViewType when raw == typeof(byte) => Number<byte>(row, column, value => value == 0),
            KeyDataViewType when raw == typeof(ushort) => Number<ushort>(row, column, value => value == 0),
            KeyDataViewType when raw == typeof(uint) => Number<uint>(row, column, value => value == 0),
            KeyDataViewType when raw == typeof(ulong) => Number<ulong>(row, column, value => value == 0),
            NumberDataViewType when raw == typeof(sbyte) => Number<sbyte>(row, column, _ => false),
            NumberDataViewType when raw == typeof(byte) => Number<byte>(row, column, _ => false),
            NumberDataViewType when raw == typeof(short) => Number<short>(row, column, _ => false),
            NumberDataViewType when raw == typeof(ushort) => Number<ushort>(row, column, _ => false),
            NumberDataViewType when raw == typeof(int) => Number<int>(row, column, _ => false),
            NumberDataViewType when raw == typeof(uint) => Number<uint>(row, column, _ => false),
            NumberDataViewType when raw == typeof(long) => Number<long>(row, column, _ => false),
            NumberDataViewType when raw == typeof(ulong) => Number<ulong>(row, column, _ => false),
            NumberDataViewType when raw == typeof(float) => Number<float>(row, column, float.IsNaN),
            NumberDataViewType when raw == typeof(double) => Number<double>(row, column, double.IsNaN),
            _ => throw InteractionColumns.WrongType(column.Name, "a key, a text or a number", $"{type}", "Split the log by another column."),
        };
    }

    private static Func<int> Number<T>(DataViewRow row, DataViewSchema.Column column, Func<T, bool> isMissing)
        where T : struct
    {
        ValueGetter<T> getter = row.GetGetter<T>(column);
        Dictionary<T, int> users = [];
        T value = default;
        return () =>
        {
            getter(ref value);
            if (isMissing(value))
            {
                return Missing;
            }

            if (!users.TryGetValue(value, out int user))
            {
                user = users.Count;
                users.Add(value, user);
            }

            return user;
        };
    }

    private static Func<int> Text(DataViewRow row, DataViewSchema.Column column)
    {
        ValueGetter<ReadOnlyMemory<char>> getter = row.GetGetter<ReadOnlyMemory<char>>(column);
        Dictionary<string, int> users = new(StringComparer.Ordinal);
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = users.GetAlternateLookup<ReadOnlySpan<char>>();
        ReadOnlyMemory<char> value = default;
        return () =>
        {
            getter(ref value);
            if (value.IsEmpty)
            {
                return Missing;
            }

            if (!lookup.TryGetValue(value.Span, out int user))
            {
                user = users.Count;
                users.Add(value.ToString(), user);
            }

            return user;
        };
    }
}
