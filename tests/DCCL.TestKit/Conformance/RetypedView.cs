using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.TestKit.Conformance;

/// <summary>Data whose column of some name has another type, with empty values.</summary>
internal sealed class RetypedView : IDataView
{
    private readonly IDataView _source;
    private readonly string _name;

    public RetypedView(IDataView source, string name, DataViewType type)
    {
        _source = source;
        _name = name;
        DataViewSchema.Builder builder = new();
        foreach (DataViewSchema.Column column in source.Schema)
        {
            if (column.Name == name)
            {
                builder.AddColumn(name, type);
            }
            else
            {
                builder.AddColumn(column.Name, column.Type, column.Annotations);
            }
        }

        Schema = builder.ToSchema();
    }

    public bool CanShuffle => false;

    public DataViewSchema Schema { get; }

    public long? GetRowCount() => _source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        int[] active = [.. columnsNeeded.Select(column => column.Index)];
        return new Cursor(this, _source.GetRowCursor(_source.Schema.Where(column => active.Contains(column.Index))), active);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];

    private sealed class Cursor(RetypedView view, DataViewRowCursor source, int[] active) : DataViewRowCursor
    {
        public override long Position => source.Position;

        public override long Batch => source.Batch;

        public override DataViewSchema Schema => view.Schema;

        public override bool MoveNext() => source.MoveNext();

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => column.Name == view._name
            ? (ref TValue value) => value = default!
            : source.GetGetter<TValue>(source.Schema[column.Index]);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                source.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
