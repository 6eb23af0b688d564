using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.TestKit.Conformance;

/// <summary>Cursors of a set, read at the same time, give the rows of one cursor, and batch numbers tell the order.</summary>
internal static class CursorSetChecks
{
    public const string Name = "Cursor set";

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    public static void Check(ITransformer model, IDataView data, ConformanceOptions options)
    {
        WatchedView input = new(data);
        IDataView output = model.Transform(input);
        DataViewSchema.Column[] columns = [.. output.Schema];
        List<TableRow> expected = Table.Read(output, columns);
        foreach (int count in new[] { 1, 2, 4 })
        {
            CheckRows(output, columns, expected, count, rand: null, options);
            CheckRows(output, [columns[^1]], [.. expected.Select(row => row with { Values = [row.Values[^1]] })], count, rand: null, options);
            CheckRows(output, [], expected, count, rand: null, options);
            CheckRows(output, columns, expected, count, new Random(count), options);
        }

        CheckGivenUp(output, columns);
        if (model.IsRowToRowMapper)
        {
            CheckActivated(model.GetRowToRowMapper(data.Schema), input, output, columns[^1]);
        }
    }

    private static void CheckRows(
        IDataView output, DataViewSchema.Column[] columns, List<TableRow> expected, int count, Random? rand, ConformanceOptions options)
    {
        List<TableRow>[] parts = ReadAll(output.GetRowCursorSet(columns, count, rand), columns, count);
        CheckBatches(parts);

        // Batches are in order across the set, rows within a batch are in order within their cursor.
        TableRow[] merged = [.. parts.SelectMany(part => part).OrderBy(row => row.Batch)];
        if (rand is null)
        {
            Table.Compare(Name, merged, expected, columns, options.Tolerance);
        }
        else
        {
            Table.Compare(Name, Sort(merged), Sort(expected), columns, options.Tolerance);
        }
    }

    private static List<TableRow>[] ReadAll(DataViewRowCursor[] cursors, DataViewSchema.Column[] columns, int count)
    {
        if (cursors.Length == 0 || cursors.Length > count)
        {
            throw new ConformanceException(Name, $"a set must have 1 to {count} cursors, but has {cursors.Length}.");
        }

        List<TableRow>[] parts = new List<TableRow>[cursors.Length];
        Exception? fault = null;
        Thread[] threads =
        [
            .. cursors.Select((cursor, i) => new Thread(() =>
            {
                try
                {
                    using (cursor)
                    {
                        parts[i] = Table.Read(cursor, columns);
                    }
                }
                catch (Exception caught)
                {
                    fault = caught;
                }
            })
            { IsBackground = true }),
        ];
        Array.ForEach(threads, thread => thread.Start());
        if (!Array.TrueForAll(threads, thread => thread.Join(_patience)))
        {
            throw new ConformanceException(Name, $"cursors that are read at the same time must come to their ends, but {cursors.Length} do not.");
        }

        return fault is null ? parts : throw new ConformanceException(Name, $"cursors must give their rows, but one throws: {fault}");
    }

    private static void CheckBatches(List<TableRow>[] parts)
    {
        Dictionary<long, int> owners = [];
        for (int i = 0; i < parts.Length; i++)
        {
            long last = long.MinValue;
            foreach (TableRow row in parts[i])
            {
                if (row.Batch < last)
                {
                    throw new ConformanceException(Name, $"batches must not fall, but do from {last} to {row.Batch}.");
                }

                last = row.Batch;
                if (owners.TryGetValue(last, out int owner) && owner != i)
                {
                    throw new ConformanceException(Name, $"a batch must be in one cursor, but {last} is in two.");
                }

                owners[last] = i;
            }
        }
    }

    private static void CheckGivenUp(IDataView output, DataViewSchema.Column[] columns)
    {
        Thread thread = new(() =>
        {
            DataViewRowCursor[] cursors = output.GetRowCursorSet(columns, 3);
            cursors[0].MoveNext();
            Array.ForEach(cursors, cursor => cursor.Dispose());
        })
        { IsBackground = true };
        thread.Start();
        if (!thread.Join(_patience))
        {
            throw new ConformanceException(Name, "cursors that are given up must be disposed of, but hang.");
        }
    }

    private static void CheckActivated(IRowToRowMapper mapper, WatchedView input, IDataView output, DataViewSchema.Column column)
    {
        input.Forget();
        ReadAll(output.GetRowCursorSet([column], 2), [column], 2);
        string[] allowed = [.. mapper.GetDependencies([mapper.OutputSchema[column.Index]]).Select(other => other.Name)];
        string[] tooMany = [.. input.Activated.Except(allowed)];
        if (tooMany.Length > 0)
        {
            throw new ConformanceException(Name, $"for '{column.Name}' no other column must be read, but {string.Join(", ", tooMany)} is.");
        }
    }

    private static List<TableRow> Sort(IEnumerable<TableRow> rows) => [.. rows.OrderBy(row => row.Id.High).ThenBy(row => row.Id.Low)];
}
