using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Scoring;

/// <summary>Reads rows ahead, one batch at a time, keeps the values asked for, and scores the batch at once.</summary>
/// <remarks>It reads its source once, so that rows and scores belong together even where the source is shuffled or one of a set.</remarks>
internal sealed class ScoringCursor : DataViewRowCursor
{
    private const int RowsOfFirstBatch = 256; // who wants a few rows only should not wait for many
    private const int RowsPerBatch = 4096; // who wants all of them has more rows of the same user together

    private readonly DataViewRowCursor _input;
    private readonly bool[] _active;
    private readonly RowScorer _scorer;
    private readonly Action _addRow;
    private readonly ColumnBuffer?[] _columns;
    private readonly ColumnBuffer[] _kept;
    private readonly ValueGetter<DataViewRowId> _idGetter;
    private readonly int _rowsPerBatch;
    private readonly DataViewRowId[] _ids;
    private readonly long[] _batches;
    private long _position = -1;
    private int _row = -1;
    private int _rowsOfNextBatch;
    private bool _isAtEnd;

    /// <summary>Creates the cursor.</summary>
    /// <param name="model">The model.</param>
    /// <param name="columns">The columns that the model reads.</param>
    /// <param name="schema">The columns of the input, then those of the model.</param>
    /// <param name="active">Which of them may be asked for.</param>
    /// <param name="input">The rows, owned from now on.</param>
    public ScoringCursor(
        DeviceCloudPredictionTransformer model, InputColumns columns, DataViewSchema schema, bool[] active, DataViewRowCursor input)
    {
        Schema = schema;
        _active = active;
        _input = input;
        _rowsPerBatch = RowScorer.GetCapacity(model.Parameters.Architecture, RowsPerBatch);
        _rowsOfNextBatch = Math.Min(RowsOfFirstBatch, _rowsPerBatch);
        _ids = new DataViewRowId[_rowsPerBatch];
        _batches = new long[_rowsPerBatch];
        _scorer = new RowScorer(model, _rowsPerBatch);
        _addRow = columns.CreateReader(input, _scorer);
        _idGetter = input.GetIdGetter();
        _columns =
        [
            .. input.Schema.Select(column => active[column.Index] ? ColumnBuffer.Create(input, column, _rowsPerBatch) : null),
        ];
        _kept = [.. _columns.OfType<ColumnBuffer>()];
    }

    public override long Position => _position;

    public override long Batch => _row >= 0 ? _batches[_row] : 0;

    public override DataViewSchema Schema { get; }

    public override bool IsColumnActive(DataViewSchema.Column column) => _active[column.Index];

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = _ids[CurrentRow()];

    public override bool MoveNext()
    {
        if (_isAtEnd)
        {
            return false;
        }

        if (++_row >= _scorer.Count)
        {
            ReadBatch();
            _isAtEnd = _scorer.Count == 0;
            _row = _isAtEnd ? -1 : 0;
        }

        _position = _isAtEnd ? -1 : _position + 1;
        return !_isAtEnd;
    }

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        OutputColumns.CheckActive(this, column);
        Delegate getter = column.Index < _columns.Length
            ? _columns[column.Index]!.CreateGetter(CurrentRow)
            : OutputColumns.CreateGetter(
                column.Index - _columns.Length, () => _scorer.GetScore(CurrentRow()), () => _scorer.GetStatus(CurrentRow()));
        return OutputColumns.Cast<TValue>(getter, column);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _isAtEnd = true;
            _row = -1;
            _position = -1;
            _input.Dispose();
        }

        base.Dispose(disposing);
    }

    private int CurrentRow() => _row >= 0
        ? _row
        : throw new InvalidOperationException("The cursor must stand on a row, but does not. Call MoveNext, as long as it returns true.");

    private void ReadBatch()
    {
        _scorer.Clear();
        while (_scorer.Count < _rowsOfNextBatch && _input.MoveNext())
        {
            int index = _scorer.Count;
            _addRow();
            _idGetter(ref _ids[index]);
            _batches[index] = _input.Batch;
            foreach (ColumnBuffer column in _kept)
            {
                column.Keep(index);
            }
        }

        _scorer.Score();
        _rowsOfNextBatch = Math.Min(4 * _rowsOfNextBatch, _rowsPerBatch);
    }
}
