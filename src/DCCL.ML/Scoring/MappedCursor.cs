using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Scoring;

/// <summary>A cursor whose rows are those of another one, mapped one by one.</summary>
/// <param name="row">The mapped row, owned from now on, and with it the cursor that it is mapped from.</param>
/// <param name="input">The cursor that the row is mapped from.</param>
internal sealed class MappedCursor(DataViewRow row, DataViewRowCursor input) : DataViewRowCursor
{
    public override long Position => row.Position;

    public override long Batch => row.Batch;

    public override DataViewSchema Schema => row.Schema;

    public override bool IsColumnActive(DataViewSchema.Column column) => row.IsColumnActive(column);

    public override ValueGetter<DataViewRowId> GetIdGetter() => row.GetIdGetter();

    public override bool MoveNext() => input.MoveNext();

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => row.GetGetter<TValue>(column);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            row.Dispose();
        }

        base.Dispose(disposing);
    }
}
