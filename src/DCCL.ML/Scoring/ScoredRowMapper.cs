using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Scoring;

/// <summary>Scores single rows as they are asked for, for prediction engines.</summary>
internal sealed class ScoredRowMapper : IRowToRowMapper
{
    private readonly DeviceCloudPredictionTransformer _model;

    public ScoredRowMapper(DeviceCloudPredictionTransformer model, DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        _model = model;
        Columns = new InputColumns(model, inputSchema);
        InputSchema = inputSchema;
        OutputSchema = OutputColumns.Append(inputSchema);
    }

    /// <summary>Gets the columns that scoring reads.</summary>
    public InputColumns Columns { get; }

    public DataViewSchema InputSchema { get; }

    public DataViewSchema OutputSchema { get; }

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        bool[] needed = new bool[InputSchema.Count];
        foreach (DataViewSchema.Column column in dependingColumns)
        {
            foreach (DataViewSchema.Column input in column.Index < needed.Length ? [InputSchema[column.Index]] : Columns.All)
            {
                needed[input.Index] = true;
            }
        }

        return InputSchema.Where(column => needed[column.Index]);
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(activeColumns);
        bool[] active = new bool[OutputSchema.Count];
        foreach (DataViewSchema.Column column in activeColumns)
        {
            active[column.Index] = true;
        }

        return new Row(this, input, active);
    }

    private sealed class Row(ScoredRowMapper mapper, DataViewRow input, bool[] active) : DataViewRow
    {
        private readonly RowScorer? _scorer =
            active.AsSpan(mapper.InputSchema.Count).Contains(true) ? new RowScorer(mapper._model, capacity: 1) : null;

        private Action? _addRow;
        private long? _scoredPosition;

        public override long Position => input.Position;

        public override long Batch => input.Batch;

        public override DataViewSchema Schema => mapper.OutputSchema;

        public override bool IsColumnActive(DataViewSchema.Column column) => active[column.Index];

        public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            OutputColumns.CheckActive(this, column);
            int added = column.Index - mapper.InputSchema.Count;
            return added < 0
                ? input.GetGetter<TValue>(mapper.InputSchema[column.Index])
                : OutputColumns.Cast<TValue>(
                    OutputColumns.CreateGetter(added, () => Scored().GetScore(0), () => Scored().GetStatus(0)), column);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                input.Dispose();
            }

            base.Dispose(disposing);
        }

        /// <summary>Scores the current row, once for all columns.</summary>
        private RowScorer Scored()
        {
            if (_scoredPosition != input.Position)
            {
                _addRow ??= mapper.Columns.CreateReader(input, _scorer!);
                _scorer!.Clear();
                _addRow();
                _scorer.Score();
                _scoredPosition = input.Position;
            }

            return _scorer!;
        }
    }
}
