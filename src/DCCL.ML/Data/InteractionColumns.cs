using Microsoft.ML;

namespace DCCL.ML.Data;

/// <summary>The names of the columns of an interaction log: one row per event, who used what and when.</summary>
/// <param name="UserColumnName">The user, a key.</param>
/// <param name="ItemColumnName">The item, a key.</param>
/// <param name="TimestampColumnName">
/// The time of the event, as Int32, UInt32, Int64, Single, Double or DateTime; <see langword="null"/> where the order of the
/// rows is the order of the events.
/// </param>
/// <param name="LabelColumnName">
/// Whether the event is positive, as Boolean, or as Single, where anything above zero is positive; <see langword="null"/> where
/// every event is positive.
/// </param>
/// <param name="ProfileColumnName">
/// What is known of the user, as Single or a vector of Single of known size; <see langword="null"/> for none.
/// </param>
/// <remarks>Immutable and thread-safe.</remarks>
public sealed record InteractionColumns(
    string UserColumnName,
    string ItemColumnName,
    string? TimestampColumnName = null,
    string? LabelColumnName = null,
    string? ProfileColumnName = null)
{
    /// <summary>Checks that the columns exist and have the types that a trainer reads.</summary>
    /// <param name="schema">The schema of the log, its users and items mapped to keys.</param>
    /// <exception cref="ArgumentException">A column is missing or of another type; the message says which, and what to do.</exception>
    public void Check(DataViewSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        Check(name => ColumnShape.Of(Find(schema, name).Type));
    }

    /// <summary>Checks, before there are data, that the columns exist and have the types that a trainer reads.</summary>
    /// <param name="schema">The shape of the schema of the log, its users and items mapped to keys.</param>
    /// <exception cref="ArgumentException">A column is missing or of another type; the message says which, and what to do.</exception>
    public void Check(SchemaShape schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        Check(name => SchemaShapeColumns.TryFind(schema, name, out SchemaShape.Column column)
            ? ColumnShape.Of(column)
            : throw Missing(name, schema.Select(other => other.Name)));
    }

    /// <summary>Finds a column or says which ones there are.</summary>
    internal static DataViewSchema.Column Find(DataViewSchema schema, string name)
        => schema.GetColumnOrNull(name) ?? throw Missing(name, schema.Select(column => column.Name));

    /// <summary>Says that a column's type will not do.</summary>
    internal static ArgumentException WrongType(string name, string expected, string actual, string remedy)
        => new($"Column '{name}' must be {expected}, but is {actual}. {remedy}");

    /// <summary>Checks the timestamp column, where there is one.</summary>
    internal void CheckTimestamp(DataViewSchema schema) => CheckTimestamp(name => ColumnShape.Of(Find(schema, name).Type));

    /// <summary>Says that there is no such column.</summary>
    internal static ArgumentException Missing(string name, IEnumerable<string> others)
        => new($"Column '{name}' must exist, but the data have only {string.Join(", ", others.Select(other => $"'{other}'"))}. "
            + "Load the column, or name another one.");

    private static void CheckKey(string name, ColumnShape shape)
    {
        if (!shape.IsKey || !shape.IsScalar || shape.ItemType.RawType != typeof(uint))
        {
            throw WrongType(name, "Key<UInt32>", shape.Text, "Append Conversion.MapValueToKey before this trainer.");
        }
    }

    private void Check(Func<string, ColumnShape> find)
    {
        if (UserColumnName == ItemColumnName)
        {
            throw new ArgumentException($"User and item must be two columns, but both are '{UserColumnName}'. Name the other one.");
        }

        CheckKey(UserColumnName, find(UserColumnName));
        CheckKey(ItemColumnName, find(ItemColumnName));
        CheckTimestamp(find);
        if (LabelColumnName is not null)
        {
            ColumnShape label = find(LabelColumnName);
            if (label.IsKey || !label.IsScalar || (label.ItemType.RawType != typeof(bool) && label.ItemType.RawType != typeof(float)))
            {
                throw WrongType(LabelColumnName, "Boolean or Single", label.Text, "Append Conversion.ConvertType before this trainer.");
            }
        }

        if (ProfileColumnName is not null)
        {
            ColumnShape profile = find(ProfileColumnName);
            if (profile.IsKey || !(profile.IsScalar || profile.IsKnownVector) || profile.ItemType.RawType != typeof(float))
            {
                throw WrongType(
                    ProfileColumnName,
                    "Single or a vector of Single of known size",
                    profile.Text,
                    "Append Concatenate, with OneHotEncoding for categories, before this trainer.");
            }
        }
    }

    private void CheckTimestamp(Func<string, ColumnShape> find)
    {
        if (TimestampColumnName is null)
        {
            return;
        }

        ColumnShape timestamp = find(TimestampColumnName);
        if (timestamp.IsKey || !timestamp.IsScalar || !ColumnReaders.IsTimestamp(timestamp.ItemType.RawType))
        {
            throw WrongType(
                TimestampColumnName,
                "Int32, UInt32, Int64, Single, Double or DateTime",
                timestamp.Text,
                "Load it as one of these, or append Conversion.ConvertType before this trainer.");
        }
    }
}
