using DCCL.ML.Model;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Scoring;

/// <summary>Some data and their scores, computed in batches while a cursor moves.</summary>
internal sealed class ScoredDataView : IDataView
{
    private readonly DeviceCloudPredictionTransformer _model;
    private readonly IDataView _input;
    private readonly InputColumns _columns;

    public ScoredDataView(DeviceCloudPredictionTransformer model, IDataView input)
    {
        _model = model;
        _input = input;
        _columns = new InputColumns(model, input.Schema);
        Schema = OutputColumns.Append(input.Schema);
    }

    /// <summary>Gets false: a shuffling cursor would have to read the same random order twice.</summary>
    public bool CanShuffle => false;

    public DataViewSchema Schema { get; }

    public long? GetRowCount() => _input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        ArgumentNullException.ThrowIfNull(columnsNeeded);
        bool[] active = new bool[Schema.Count];
        foreach (DataViewSchema.Column column in columnsNeeded)
        {
            active[column.Index] = true;
        }

        DataViewRowCursor input = _input.GetRowCursor(_input.Schema.Where(column => active[column.Index]));
        bool isScored = active.AsSpan(_input.Schema.Count).Contains(true);
        return new Cursor(Schema, active, input, isScored ? new LookAhead(_model, _input, _columns) : null);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded, rand)];

    /// <summary>Runs ahead of the cursor by up to one batch, over the columns that scoring needs, with a cursor of its own.</summary>
    private sealed class LookAhead : IDisposable
    {
        private const int RowsPerBatch = 4096;

        private readonly DataViewRowCursor _cursor;
        private readonly RowScorer _scorer;
        private readonly Action _addRow;
        private int _row = -1;

        public LookAhead(DeviceCloudPredictionTransformer model, IDataView input, InputColumns columns)
        {
            _scorer = new RowScorer(model, RowsPerBatch);
            _cursor = input.GetRowCursor(columns.All);
            _addRow = columns.CreateReader(_cursor, _scorer);
        }

        public float Score => _scorer.GetScore(_row);

        public PatchStatus Status => _scorer.GetStatus(_row);

        public void MoveNext()
        {
            if (++_row < _scorer.Count)
            {
                return;
            }

            _row = 0;
            _scorer.Clear();
            while (_scorer.Count < RowsPerBatch && _cursor.MoveNext())
            {
                _addRow();
            }

            _scorer.Score();
        }

        public void Dispose() => _cursor.Dispose();
    }

    private sealed class Cursor(DataViewSchema schema, bool[] active, DataViewRowCursor input, LookAhead? scores) : DataViewRowCursor
    {
        public override long Position => input.Position;

        public override long Batch => input.Batch;

        public override DataViewSchema Schema => schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => active[column.Index];

        public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

        public override bool MoveNext()
        {
            if (!input.MoveNext())
            {
                return false;
            }

            scores?.MoveNext();
            return true;
        }

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            ScoredRowMapper.GetGetter<TValue>(this, input, column, () => scores!.Score, () => scores!.Status);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                input.Dispose();
                scores?.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
