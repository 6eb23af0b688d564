using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Data;

/// <summary>Reads a log from an <see cref="IDataView"/> in one pass.</summary>
internal static class InteractionLogReader
{
    /// <summary>Cancellation is looked at once in this many rows.</summary>
    private const int RowsPerCheck = 1 << 12;

    public static InteractionLog Read(IDataView data, InteractionColumns columns, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(columns);
        DataViewSchema schema = data.Schema;
        columns.Check(schema);
        DataViewSchema.Column userColumn = schema[columns.UserColumnName];
        DataViewSchema.Column itemColumn = schema[columns.ItemColumnName];
        DataViewSchema.Column? timestampColumn = Optional(schema, columns.TimestampColumnName);
        DataViewSchema.Column? labelColumn = Optional(schema, columns.LabelColumnName);
        DataViewSchema.Column? profileColumn = Optional(schema, columns.ProfileColumnName);
        int profileDimension = profileColumn?.Type is VectorDataViewType vector ? vector.Size : profileColumn is null ? 0 : 1;

        InteractionLogBuilder builder = new(
            KeyCount(userColumn), KeyCount(itemColumn), timestampColumn is not null, labelColumn is not null, profileDimension);
        DataViewSchema.Column?[] active = [userColumn, itemColumn, timestampColumn, labelColumn, profileColumn];
        using DataViewRowCursor cursor = data.GetRowCursor(active.OfType<DataViewSchema.Column>());
        ValueGetter<uint> userGetter = cursor.GetGetter<uint>(userColumn);
        ValueGetter<uint> itemGetter = cursor.GetGetter<uint>(itemColumn);
        Func<double>? timestampReader = timestampColumn is { } timestamps ? ColumnReaders.Timestamp(cursor, timestamps) : null;
        Func<float>? labelReader = labelColumn is { } labels ? ColumnReaders.Label(cursor, labels) : null;
        ProfileReader? profileReader = profileColumn is { } profiles ? new ProfileReader(cursor, profiles) : null;
        MissingTimestamps missing = new();
        uint user = 0;
        uint item = 0;
        long rowNumber = 0;
        while (cursor.MoveNext())
        {
            if (rowNumber++ % RowsPerCheck == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }

            userGetter(ref user);
            itemGetter(ref item);
            if (user == 0 || item == 0)
            {
                builder.NumberOfDroppedEvents++;
                continue;
            }

            double timestamp = rowNumber - 1;
            if (timestampReader is not null)
            {
                timestamp = timestampReader();
                ColumnReaders.CheckTimestamp(timestamp, rowNumber, columns.TimestampColumnName!);
                missing.Add(timestamp, rowNumber);
            }

            bool label = labelReader is null || ReadLabel(labelReader, rowNumber, columns.LabelColumnName!);
            profileReader?.Read(builder.Profile((int)user), rowNumber);
            builder.Add((int)user, (int)item, timestamp, label);
        }

        missing.Check(columns.TimestampColumnName!);
        return builder.Count > 0 ? builder.Build() : throw Empty(rowNumber, "both a user and an item");
    }

    /// <summary>Says that a log has no events.</summary>
    public static InvalidDataException Empty(long numberOfRows, string needed) => new(numberOfRows == 0
        ? "The log must hold at least one event, but has no rows. Check the path and the loader's options."
        : $"The log must hold at least one event, but none of its {numberOfRows} rows has {needed}. "
            + "Check the loader's columns, and the data that MapValueToKey was fitted to.");

    private static DataViewSchema.Column? Optional(DataViewSchema schema, string? name) => name is null ? null : schema[name];

    private static int KeyCount(DataViewSchema.Column column)
    {
        ulong count = ((KeyDataViewType)column.Type).Count;
        return count < (ulong)Array.MaxLength
            ? (int)count
            : throw InteractionColumns.WrongType(
                column.Name, $"a key of fewer than {Array.MaxLength} values", $"{column.Type}", "Map its values with Conversion.MapValueToKey.");
    }

    private static bool ReadLabel(Func<float> reader, long rowNumber, string columnName)
    {
        float label = reader();
        return float.IsNaN(label)
            ? throw ColumnReaders.BadValue(rowNumber, columnName, "a label", label, "Correct or remove the row.")
            : label > 0;
    }

    private sealed class ProfileReader
    {
        private readonly string _columnName;
        private readonly ValueGetter<float>? _scalar;
        private readonly ValueGetter<VBuffer<float>>? _vector;
        private VBuffer<float> _buffer;

        public ProfileReader(DataViewRow row, DataViewSchema.Column column)
        {
            _columnName = column.Name;
            if (column.Type is VectorDataViewType)
            {
                _vector = row.GetGetter<VBuffer<float>>(column);
            }
            else
            {
                _scalar = row.GetGetter<float>(column);
            }
        }

        public void Read(Span<float> profile, long rowNumber)
        {
            if (_vector is null)
            {
                _scalar!(ref profile[0]);
            }
            else
            {
                _vector(ref _buffer);
                _buffer.CopyTo(profile);
            }

            foreach (float value in profile)
            {
                if (!float.IsFinite(value))
                {
                    throw ColumnReaders.BadValue(
                        rowNumber, _columnName, "finite numbers", value, "Append ReplaceMissingValues before this trainer.");
                }
            }
        }
    }
}
