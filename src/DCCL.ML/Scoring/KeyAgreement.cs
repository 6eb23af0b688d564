using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Scoring;

/// <summary>
/// Tells whether a key column means what the model was trained on. A key is only a number: mapped anew, on other data, the same number
/// is somebody else, and every score is wrong without a sign of it.
/// </summary>
internal static class KeyAgreement
{
    /// <summary>
    /// Compares the values behind a column's keys with the model's ids, as far as both go: a mapping that has grown has more. Where there are no
    /// values, the number of keys is all that tells one mapping from another.
    /// </summary>
    /// <param name="column">A column of keys, or of vectors of them.</param>
    /// <param name="ids">The model's ids of keys 1, 2, ...; null if it has none.</param>
    /// <param name="count">The number of the model's keys.</param>
    /// <exception cref="ArgumentException">A key has another value than the model's id, and the message says which; or there are more or fewer keys.</exception>
    public static void Check(DataViewSchema.Column column, IReadOnlyList<string>? ids, int count)
    {
        if (ids is null || column.Annotations.Schema.GetColumnOrNull(KeyIds.KeyValues)?.Type is not VectorDataViewType type)
        {
            KeyDataViewType keys = (KeyDataViewType)((column.Type as VectorDataViewType)?.ItemType ?? column.Type);
            if (keys.Count != (ulong)count)
            {
                throw new ArgumentException(
                    $"Column '{column.Name}' must have {count} keys, as in the model's log, but has {keys.Count}, and no values behind "
                    + $"{(ids is null ? "the model's keys tell" : "them tell")} whether they are the same. Apply the mapping that was fitted with the model, the chain.");
            }

            return;
        }

        MethodInfo find = typeof(KeyAgreement).GetMethod(nameof(FindDifference), BindingFlags.NonPublic | BindingFlags.Static)!;
        if (find.MakeGenericMethod(type.ItemType.RawType).Invoke(null, [column.Annotations, ids]) is (int key, string value))
        {
            throw new ArgumentException(
                $"Column '{column.Name}' must be mapped as the model's log was, in which key {key} is '{ids[key - 1]}', but key {key} is "
                + $"'{value}'. Apply the mapping that was fitted with the model, the chain, instead of one fitted on other data.");
        }
    }

    private static (int Key, string Value)? FindDifference<T>(DataViewSchema.Annotations annotations, IReadOnlyList<string> ids)
    {
        VBuffer<T> values = default;
        annotations.GetValue(KeyIds.KeyValues, ref values);
        int key = 0;
        foreach (T value in values.DenseValues())
        {
            if (++key > ids.Count)
            {
                break;
            }

            if (value is ReadOnlyMemory<char> text ? !text.Span.SequenceEqual(ids[key - 1]) : KeyIds.ToText(value) != ids[key - 1])
            {
                return (key, KeyIds.ToText(value));
            }
        }

        return null;
    }
}
