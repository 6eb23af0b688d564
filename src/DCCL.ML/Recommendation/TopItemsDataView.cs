using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Recommendation;

/// <summary>Some data and the best items for the user of each row, ranked lazily while a cursor moves.</summary>
internal sealed class TopItemsDataView(TopItemsTransformer transformer, IDataView input) : IDataView
{
    private readonly TopItemsColumns _columns = new(transformer, input.Schema);

    public bool CanShuffle => input.CanShuffle;

    public DataViewSchema Schema => _columns.Output;

    public long? GetRowCount() => input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        ArgumentNullException.ThrowIfNull(columnsNeeded);
        bool[] active = _columns.Activate(columnsNeeded);
        return Wrap(input.GetRowCursor(_columns.GetDependencies(active), rand), active);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        ArgumentNullException.ThrowIfNull(columnsNeeded);
        bool[] active = _columns.Activate(columnsNeeded);
        return Array.ConvertAll(input.GetRowCursorSet(_columns.GetDependencies(active), n, rand), cursor => Wrap(cursor, active));
    }

    private Cursor Wrap(DataViewRowCursor cursor, bool[] active) =>
        new(Schema, cursor, new TopItemsRow(transformer, _columns, cursor, active));

    private sealed class Cursor(DataViewSchema schema, DataViewRowCursor input, TopItemsRow row) : DataViewRowCursor
    {
        public override long Position => input.Position;

        public override long Batch => input.Batch;

        public override DataViewSchema Schema => schema;

        public override bool MoveNext() => input.MoveNext();

        public override bool IsColumnActive(DataViewSchema.Column column) => row.IsColumnActive(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => row.GetGetter<TValue>(this, column);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                input.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
