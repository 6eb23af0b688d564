using Microsoft.ML;

namespace DCCL.ML.Tests.Conformance;

/// <summary>Data made wrong in one way.</summary>
internal sealed class FaultyView(Fault fault, IDataView source, IDataView other) : IDataView
{
    private DataViewRowCursor? _shared;

    public bool CanShuffle => fault == Fault.DoesNotShuffle || source.CanShuffle;

    public DataViewSchema Schema { get; } = CreateSchema(fault, source.Schema);

    public static DataViewSchema CreateSchema(Fault fault, DataViewSchema schema)
    {
        if (fault != Fault.DropsAnnotations)
        {
            return schema;
        }

        DataViewSchema.Builder builder = new();
        foreach (DataViewSchema.Column column in schema)
        {
            builder.AddColumn(column.Name, column.Type);
        }

        return builder.ToSchema();
    }

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        int[] asked = [.. columnsNeeded.Select(column => column.Index)];
        if (fault == Fault.ReadsEverythingAhead)
        {
            using DataViewRowCursor ahead = source.GetRowCursor(source.Schema);
            while (ahead.MoveNext())
            {
            }
        }

        IEnumerable<DataViewSchema.Column> read = source.Schema.Where(column => fault == Fault.ReadsAllColumns || asked.Contains(column.Index));
        DataViewRowCursor Open() => source.GetRowCursor(read, fault == Fault.DoesNotShuffle ? null : rand);
        DataViewRowCursor cursor = fault == Fault.SharesItsCursor ? _shared ??= Open() : Open();
        Fault here = fault is Fault.LosesRowsInSets or Fault.ThrowsInSets ? Fault.ChangesTypeOnLoad : fault;
        return new FaultyCursor(here, Schema, source.Schema, cursor, fault is Fault.BeginsAnew or Fault.ReadsEverythingInBetween ? Open : null, asked);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        DataViewSchema.Column[] columns = [.. columnsNeeded];
        switch (fault)
        {
            case Fault.RepeatsRowsInSets:
                return [.. Enumerable.Range(0, n).Select(_ => GetRowCursor(columns, rand))];
            case Fault.GivesTooManyCursors:
                return [.. Enumerable.Range(0, n + 1).Select(_ => GetRowCursor(columns, rand))];
            case Fault.ScoresOtherwiseInSets:
                return [other.GetRowCursor(other.Schema.Where(column => columns.Any(wanted => wanted.Index == column.Index)), rand)];
        }

        int[] asked = [.. columns.Select(column => column.Index)];
        Fault inSets = fault is Fault.LosesRowsInSets or Fault.ThrowsInSets ? fault : Fault.ChangesTypeOnLoad;
        return Array.ConvertAll(
            source.GetRowCursorSet(source.Schema.Where(column => asked.Contains(column.Index)), n, rand),
            cursor => new FaultyCursor(inSets, Schema, source.Schema, cursor, reopen: null, asked));
    }
}
