using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Tests.Conformance;

/// <summary>A cursor made wrong in one way.</summary>
internal sealed class FaultyCursor(
    Fault fault, DataViewSchema schema, DataViewSchema sourceSchema, DataViewRowCursor source, Func<DataViewRowCursor>? reopen, int[] asked)
    : DataViewRowCursor
{
    public override long Position => fault == Fault.ForgetsThePosition ? 0 : source.Position;

    public override long Batch => fault == Fault.CountsBatchesDown ? -source.Position : source.Batch;

    public override DataViewSchema Schema => schema;

    public override bool IsColumnActive(DataViewSchema.Column column) => fault == Fault.ActivatesAllColumns || asked.Contains(column.Index);

    public override ValueGetter<DataViewRowId> GetIdGetter() => fault == Fault.InventsIds
        ? (ref DataViewRowId id) => id = new DataViewRowId((ulong)source.Position, 1)
        : source.GetIdGetter();

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
        source.GetGetter<TValue>(sourceSchema[column.Index]);

    public override bool MoveNext()
    {
        bool moved = source.MoveNext();
        switch (fault)
        {
            case Fault.LosesRowsInSets when source.Position % 100 == 50:
                return source.MoveNext();
            case Fault.ThrowsInSets when source.Position == 10:
                throw new InvalidDataException("Row 10 is broken.");
            case Fault.ReadsEverythingInBetween when source.Position == 1000 && reopen is not null:
                using (DataViewRowCursor ahead = reopen())
                {
                    while (ahead.MoveNext())
                    {
                    }
                }

                return moved;
            case Fault.BeginsAnew when !moved && reopen is not null:
                source.Dispose();
                source = reopen();
                reopen = null;
                return false;
            default:
                return moved;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && fault != Fault.SharesItsCursor)
        {
            source.Dispose();
        }

        base.Dispose(disposing);
    }
}
