using System.Reflection;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Data;

/// <summary>Makes a mapping of values to keys with the keys of another one, and new ones for values that that one does not have.</summary>
internal static class KeyGrowth
{
    /// <summary>Lists the values of a mapping, and behind them new ones.</summary>
    /// <param name="context">Makes data.</param>
    /// <param name="columns">The columns of the mapping.</param>
    /// <param name="mapped">Data with the keys of the present mapping.</param>
    /// <param name="data">Data with the values; its new ones, in the order of the rows, get keys.</param>
    /// <param name="isGrowing">Whether there are to be new ones.</param>
    /// <exception cref="ArgumentException">The key values are of another type than the data's.</exception>
    public static IDataView ListValues(
        MLContext context, InputOutputColumnPair columns, DataViewSchema mapped, IDataView data, bool isGrowing)
    {
        DataViewSchema.Column output = mapped[columns.OutputColumnName];
        DataViewSchema.Column input = InteractionColumns.Find(data.Schema, columns.InputColumnName);
        DataViewType inputType = input.Type is VectorDataViewType vector && !isGrowing ? vector.ItemType : input.Type;
        if (output.Annotations.Schema.GetColumnOrNull(KeyIds.KeyValues)?.Type is not VectorDataViewType values
            || values.ItemType.RawType != inputType.RawType)
        {
            throw new ArgumentException(
                $"Column '{columns.InputColumnName}' must hold the values that the keys of '{columns.OutputColumnName}' stand for, but is "
                + $"{input.Type}. Pass the data as they are before Conversion.MapValueToKey, of the same type as those it was fitted to.");
        }

        MethodInfo grow = typeof(KeyGrowth).GetMethod(nameof(GrowAs), BindingFlags.NonPublic | BindingFlags.Static)!;
        return (IDataView)grow.MakeGenericMethod(inputType.RawType).Invoke(null, [context, output.Annotations, data, input, isGrowing])!;
    }

    /// <summary>Makes a mapping with given values: the first has key 1.</summary>
    /// <param name="context">Makes transformers.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="values">The values.</param>
    /// <param name="data">Data with values to map.</param>
    public static ITransformer Map(MLContext context, InputOutputColumnPair columns, IDataView values, IDataView data) =>
        context.Transforms.Conversion.MapValueToKey([columns], maximumNumberOfKeys: int.MaxValue, keyData: values).Fit(data);

    private static IDataView GrowAs<T>(
        MLContext context, DataViewSchema.Annotations annotations, IDataView data, DataViewSchema.Column input, bool isGrowing)
    {
        VBuffer<T> old = default;
        annotations.GetValue(KeyIds.KeyValues, ref old);
        List<T> values = [.. old.DenseValues()];
        if (isGrowing)
        {
            // Text is compared by its characters, not by where they stand in memory.
            HashSet<object> known = [.. values.Select(ToKey)];
            foreach (T value in data.GetColumn<T>(input))
            {
                object key = ToKey(value);
                if (!IsMissing(key) && known.Add(key))
                {
                    values.Add(key is string text ? (T)(object)text.AsMemory() : value); // a cursor uses its memory again
                }
            }
        }

        return context.Data.LoadFromEnumerable(values.Select(value => new KeyValue<T> { Value = value }).ToArray());
    }

    private static object ToKey<T>(T value) => value is ReadOnlyMemory<char> text ? text.ToString() : value!;

    // What MapValueToKey gives the missing key.
    private static bool IsMissing(object value) => value switch
    {
        string text => text.Length == 0,
        float number => float.IsNaN(number),
        double number => double.IsNaN(number),
        _ => false,
    };

    private sealed class KeyValue<T>
    {
        public T Value { get; set; } = default!;
    }
}
