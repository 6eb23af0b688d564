using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.TestKit.Conformance;

/// <summary>Cursors are lazy, ask for what they need, and give the same rows every time.</summary>
internal static class CursorChecks
{
    public const string Laziness = "Laziness";
    public const string Activation = "Active columns";
    public const string Repetition = "Second cursor";
    public const string Order = "Order of rows";
    public const string Position = "Position";
    public const string Access = "Access";
    public const string Shuffle = "Shuffling";

    public static void Check(ITransformer model, IDataView data, ConformanceOptions options)
    {
        WatchedView input = new(data);
        IDataView output = model.Transform(input);
        if (input.NumberOfCursors > 0)
        {
            throw new ConformanceException(Laziness, "Transform must not read the data, but opens a cursor.");
        }

        DataViewSchema.Column[] columns = [.. output.Schema];
        int count = CheckReadAhead(input, output, columns, options);
        List<TableRow> rows = Table.Read(output, columns);
        if (rows.Count != count)
        {
            throw new ConformanceException(Repetition, $"there must be {count} rows, but are {rows.Count}.");
        }

        Table.Compare(Repetition, Table.Read(output, columns), rows, columns, 0);
        CheckInterleaved(output, columns, rows);
        CheckPositions(output, columns, rows.Count);
        CheckColumns(model, input, output, rows);
        CheckPassedOn(model, data, columns, rows);
        CheckShuffled(output, columns, rows, options);
    }

    /// <summary>Reads all rows, and looks how far ahead the source is read.</summary>
    private static int CheckReadAhead(WatchedView input, IDataView output, DataViewSchema.Column[] columns, ConformanceOptions options)
    {
        input.Forget();
        using DataViewRowCursor cursor = output.GetRowCursor(columns);
        int row = 0;
        for (; cursor.MoveNext(); row++)
        {
            if (row == 0)
            {
                Thread.Sleep(20); // a reader in the background has time to run away
            }

            int ahead = input.NumberOfRows - row - 1;
            if (ahead > options.MaximumReadAhead)
            {
                throw new ConformanceException(
                    Laziness, $"at most {options.MaximumReadAhead} rows must be read ahead, but {ahead} are at row {row}.");
            }
        }

        return row;
    }

    private static void CheckInterleaved(IDataView output, DataViewSchema.Column[] columns, List<TableRow> rows)
    {
        using DataViewRowCursor first = output.GetRowCursor(columns);
        using DataViewRowCursor second = output.GetRowCursor(columns);
        Func<TableRow> readFirst = Table.CreateReader(first, columns);
        Func<TableRow> readSecond = Table.CreateReader(second, columns);
        List<TableRow> firstRows = [];
        List<TableRow> secondRows = [];
        for (int i = 0; i < rows.Count; i++)
        {
            Move(first);
            firstRows.Add(readFirst());
            if (i > 0)
            {
                Move(second);
                secondRows.Add(readSecond());
            }
        }

        Table.Compare(Repetition, firstRows, rows, columns, 0);
        Table.Compare(Repetition, secondRows, [.. rows.SkipLast(1)], columns, 0);

        static void Move(DataViewRowCursor cursor)
        {
            if (!cursor.MoveNext())
            {
                throw new ConformanceException(Repetition, "two cursors at once must both give all rows, but one ends early.");
            }
        }
    }

    private static void CheckPositions(IDataView output, DataViewSchema.Column[] columns, int count)
    {
        using DataViewRowCursor cursor = output.GetRowCursor(columns);
        long batch = -1;
        for (long expected = -1; expected < count; expected++)
        {
            if (cursor.Position != expected)
            {
                throw new ConformanceException(Position, $"row {expected} must have the position {expected}, but has {cursor.Position}.");
            }

            if (expected >= 0 && cursor.Batch < batch)
            {
                throw new ConformanceException(Position, $"batches must not fall, but do from {batch} to {cursor.Batch}.");
            }

            batch = expected >= 0 ? cursor.Batch : batch;
            cursor.MoveNext();
        }

        if (cursor.MoveNext())
        {
            throw new ConformanceException(Position, "a cursor at its end must stay there, but goes on.");
        }
    }

    /// <summary>No column, and each column by itself.</summary>
    private static void CheckColumns(ITransformer model, WatchedView input, IDataView output, List<TableRow> rows)
    {
        input.Forget();
        List<TableRow> none = Table.Read(output, []);
        Table.Compare(Activation, none, rows, [], 0);
        CheckActivated(input, [], "no column");
        IRowToRowMapper? mapper = model.IsRowToRowMapper ? model.GetRowToRowMapper(input.Schema) : null;
        foreach (DataViewSchema.Column column in output.Schema)
        {
            input.Forget();
            List<TableRow> alone = Table.Read(output, [column]);
            Table.Compare(Activation, alone, [.. rows.Select(row => row with { Values = [row.Values[column.Index]] })], [column], 0);
            if (mapper is not null)
            {
                CheckActivated(input, mapper.GetDependencies([mapper.OutputSchema[column.Index]]), $"'{column.Name}'");
            }

            CheckAccess(output, column);
        }
    }

    private static void CheckActivated(WatchedView input, IEnumerable<DataViewSchema.Column> allowed, string asked)
    {
        string[] names = [.. allowed.Select(column => column.Name)];
        string[] tooMany = [.. input.Activated.Except(names)];
        if (tooMany.Length > 0)
        {
            throw new ConformanceException(
                Activation, $"for {asked} only [{string.Join(", ", names)}] must be read, but [{string.Join(", ", tooMany)}] is.");
        }
    }

    private static void CheckAccess(IDataView output, DataViewSchema.Column column)
    {
        using DataViewRowCursor cursor = output.GetRowCursor([column]);
        foreach (DataViewSchema.Column other in output.Schema)
        {
            if (cursor.IsColumnActive(other) != (other.Index == column.Index))
            {
                throw new ConformanceException(
                    Access, $"'{other.Name}' must {(other.Index == column.Index ? "" : "not ")}be active where only '{column.Name}' is asked for.");
            }

            if (other.Index != column.Index && !Throws(() => Cells.CreateReader(cursor, other)))
            {
                throw new ConformanceException(Access, $"'{other.Name}', which was not asked for, must not be read, but is.");
            }
        }

        if (!Throws(() => cursor.GetGetter<Guid>(column)))
        {
            throw new ConformanceException(Access, $"'{column.Name}' must not be read as a Guid, but is.");
        }
    }

    private static void CheckPassedOn(ITransformer model, IDataView data, DataViewSchema.Column[] columns, List<TableRow> rows)
    {
        if (!model.IsRowToRowMapper)
        {
            return;
        }

        // Columns of the input that come out unchanged; that a stock transform drops some is its right.
        DataViewSchema.Column[] inputs = [.. data.Schema.Where(
            column => column.Index < columns.Length && columns[column.Index].Name == column.Name && columns[column.Index].Type.Equals(column.Type))];
        List<TableRow> passed = [.. rows.Select(row => row with { Values = [.. inputs.Select(column => row.Values[column.Index])] })];
        Table.Compare(Order, passed, Table.Read(data, inputs), inputs, 0);
    }

    private static void CheckShuffled(IDataView output, DataViewSchema.Column[] columns, List<TableRow> rows, ConformanceOptions options)
    {
        if (!output.CanShuffle)
        {
            return;
        }

        List<TableRow> shuffled = Table.Read(output, columns, new Random(1));
        if (rows.Count > 10 && shuffled.Zip(rows).All(pair => pair.First.Id.Equals(pair.Second.Id)))
        {
            throw new ConformanceException(Shuffle, "data that can be shuffled must be, but come in their old order.");
        }

        Table.Compare(Shuffle, Sort(shuffled), Sort(rows), columns, options.Tolerance);
    }

    private static List<TableRow> Sort(IEnumerable<TableRow> rows) => [.. rows.OrderBy(row => row.Id.High).ThenBy(row => row.Id.Low)];

    private static bool Throws(Action act)
    {
        try
        {
            act();
            return false;
        }
        catch (Exception fault) when (fault is ArgumentException or InvalidOperationException or InvalidCastException)
        {
            return true;
        }
    }
}
