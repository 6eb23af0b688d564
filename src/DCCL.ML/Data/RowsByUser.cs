using Microsoft.ML;

namespace DCCL.ML.Data;

/// <summary>The row numbers of a raw log, grouped by user, each user's in time order; ties keep the log's order.</summary>
internal sealed class RowsByUser
{
    private readonly int[] _offsets;
    private readonly int[] _rows;
    private readonly double[] _timestamps;

    private RowsByUser(ChunkedList<int> users, ChunkedList<double> timestamps)
    {
        NumberOfRows = users.Count;
        for (int row = 0; row < NumberOfRows; row++)
        {
            NumberOfUsers = Math.Max(NumberOfUsers, users[row] + 1);
        }

        _offsets = new int[NumberOfUsers + 1];
        for (int row = 0; row < NumberOfRows; row++)
        {
            if (users[row] != UserReader.Missing)
            {
                _offsets[users[row] + 1]++;
            }
        }

        for (int user = 0; user < NumberOfUsers; user++)
        {
            _offsets[user + 1] += _offsets[user];
        }

        _rows = new int[_offsets[^1]];
        _timestamps = new double[_rows.Length];
        int[] next = _offsets.ToArray();
        for (int row = 0; row < NumberOfRows; row++)
        {
            if (users[row] != UserReader.Missing)
            {
                int position = next[users[row]]++;
                _rows[position] = row;
                _timestamps[position] = timestamps[row];
            }
        }

        StableTimeSort sort = new();
        for (int user = 0; user < NumberOfUsers; user++)
        {
            int start = _offsets[user];
            int length = _offsets[user + 1] - start;
            sort.Sort(_timestamps.AsSpan(start, length), _rows.AsSpan(start, length), []);
        }
    }

    public int NumberOfRows { get; }

    public int NumberOfUsers { get; }

    public ReadOnlySpan<double> AllTimestamps => _timestamps;

    public static RowsByUser Read(IDataView log, InteractionColumns columns)
    {
        DataViewSchema.Column userColumn = InteractionColumns.Find(log.Schema, columns.UserColumnName);
        _ = InteractionColumns.Find(log.Schema, columns.ItemColumnName);
        columns.CheckTimestamp(log.Schema);
        DataViewSchema.Column? timestampColumn = columns.TimestampColumnName is { } name ? log.Schema[name] : null;

        ChunkedList<int> users = new();
        ChunkedList<double> timestamps = new();
        MissingTimestamps missing = new();
        using DataViewRowCursor cursor = log.GetRowCursor(timestampColumn is { } active ? [userColumn, active] : [userColumn]);
        Func<int> userReader = UserReader.Create(cursor, userColumn);
        Func<double>? timestampReader = timestampColumn is { } column ? ColumnReaders.Timestamp(cursor, column) : null;
        bool anyUser = false;
        while (cursor.MoveNext())
        {
            int user = userReader();
            double timestamp = users.Count;
            if (timestampReader is not null && user != UserReader.Missing)
            {
                timestamp = timestampReader();
                ColumnReaders.CheckTimestamp(timestamp, users.Count + 1L, columns.TimestampColumnName!);
                missing.Add(timestamp, users.Count + 1L);
            }

            anyUser |= user != UserReader.Missing;
            users.Add(user);
            timestamps.Add(timestamp);
        }

        missing.Check(columns.TimestampColumnName ?? string.Empty);
        return anyUser
            ? new RowsByUser(users, timestamps)
            : throw InteractionLogReader.Empty(users.Count, "a user");
    }

    public ReadOnlySpan<int> GetRows(int user) => _rows.AsSpan(_offsets[user].._offsets[user + 1]);

    public ReadOnlySpan<double> GetTimestamps(int user) => _timestamps.AsSpan(_offsets[user].._offsets[user + 1]);
}
