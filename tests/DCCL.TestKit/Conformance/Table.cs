using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.TestKit.Conformance;

/// <summary>A row that was read: its id, its batch, and its values.</summary>
internal sealed record TableRow(DataViewRowId Id, long Batch, object[] Values);

/// <summary>Rows of some data, read in one pass.</summary>
internal static class Table
{
    /// <summary>Reads all rows.</summary>
    public static List<TableRow> Read(IDataView data, IReadOnlyList<DataViewSchema.Column> columns, Random? rand = null)
    {
        using DataViewRowCursor cursor = data.GetRowCursor(columns, rand);
        return Read(cursor, columns);
    }

    /// <summary>Reads the rest of a cursor.</summary>
    public static List<TableRow> Read(DataViewRowCursor cursor, IReadOnlyList<DataViewSchema.Column> columns)
    {
        Func<TableRow> read = CreateReader(cursor, columns);
        List<TableRow> rows = [];
        while (cursor.MoveNext())
        {
            rows.Add(read());
        }

        return rows;
    }

    /// <summary>Creates a reader of the current row.</summary>
    public static Func<TableRow> CreateReader(DataViewRow row, IReadOnlyList<DataViewSchema.Column> columns)
    {
        Func<object>[] readers = [.. columns.Select(column => Cells.CreateReader(row, column))];
        ValueGetter<DataViewRowId> idGetter = row.GetIdGetter();
        return () =>
        {
            DataViewRowId id = default;
            idGetter(ref id);
            return new TableRow(id, row.Batch, Array.ConvertAll(readers, reader => reader()));
        };
    }

    /// <summary>Throws where rows differ.</summary>
    public static void Compare(
        string check, IReadOnlyList<TableRow> actual, IReadOnlyList<TableRow> expected, IReadOnlyList<DataViewSchema.Column> columns, double tolerance)
    {
        if (actual.Count != expected.Count)
        {
            throw new ConformanceException(check, $"there must be {expected.Count} rows, but are {actual.Count}.");
        }

        for (int row = 0; row < actual.Count; row++)
        {
            if (!actual[row].Id.Equals(expected[row].Id))
            {
                throw new ConformanceException(check, $"row {row} must have the id {expected[row].Id}, but has {actual[row].Id}.");
            }

            for (int i = 0; i < columns.Count; i++)
            {
                object found = actual[row].Values[i];
                object wanted = expected[row].Values[i];
                if (!Cells.AreSame(found, wanted, tolerance))
                {
                    throw new ConformanceException(
                        check, $"column '{columns[i].Name}' must be {Cells.Describe(wanted)} in row {row}, but is {Cells.Describe(found)}.");
                }
            }
        }
    }
}
