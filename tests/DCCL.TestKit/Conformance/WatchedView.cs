using System.Collections.Concurrent;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.TestKit.Conformance;

/// <summary>Data that remember what was asked of them.</summary>
internal sealed class WatchedView(IDataView source) : IDataView
{
    private readonly ConcurrentDictionary<string, bool> _activated = [];
    private int _numberOfCursors;
    private int _numberOfRows;

    public int NumberOfCursors => _numberOfCursors;

    /// <summary>Gets the number of rows that were read, by all cursors together.</summary>
    public int NumberOfRows => _numberOfRows;

    public IEnumerable<string> Activated => _activated.Keys.Order(StringComparer.Ordinal);

    public bool CanShuffle => source.CanShuffle;

    public DataViewSchema Schema => source.Schema;

    public void Forget()
    {
        _activated.Clear();
        _numberOfCursors = 0;
        _numberOfRows = 0;
    }

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        DataViewSchema.Column[] columns = [.. columnsNeeded];
        return Watch(source.GetRowCursor(columns, rand), columns);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        DataViewSchema.Column[] columns = [.. columnsNeeded];
        return Array.ConvertAll(source.GetRowCursorSet(columns, n, rand), cursor => Watch(cursor, columns));
    }

    private Cursor Watch(DataViewRowCursor cursor, DataViewSchema.Column[] columns)
    {
        Interlocked.Increment(ref _numberOfCursors);
        foreach (DataViewSchema.Column column in columns)
        {
            _activated[column.Name] = true;
        }

        return new Cursor(cursor, () => Interlocked.Increment(ref _numberOfRows));
    }

    private sealed class Cursor(DataViewRowCursor source, Action onRow) : DataViewRowCursor
    {
        public override long Position => source.Position;

        public override long Batch => source.Batch;

        public override DataViewSchema Schema => source.Schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => source.IsColumnActive(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => source.GetGetter<TValue>(column);

        public override bool MoveNext()
        {
            bool moved = source.MoveNext();
            if (moved)
            {
                onRow();
            }

            return moved;
        }

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
