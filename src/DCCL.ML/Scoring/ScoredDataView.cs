using DCCL.ML.Interop;
using Microsoft.ML;

namespace DCCL.ML.Scoring;

/// <summary>Some data and their scores, computed in batches while a cursor moves.</summary>
internal sealed class ScoredDataView : IDataView
{
    private readonly DeviceCloudPredictionTransformer _model;
    private readonly IDataView _input;
    private readonly ScoredRowMapper _mapper;

    public ScoredDataView(DeviceCloudPredictionTransformer model, IDataView input)
    {
        _model = model;
        _input = input;
        _mapper = new ScoredRowMapper(model, input.Schema);
    }

    public bool CanShuffle => _input.CanShuffle;

    public DataViewSchema Schema => _mapper.OutputSchema;

    public long? GetRowCount() => _input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        bool[] active = Activate(columnsNeeded, out bool isScored);
        DataViewRowCursor input = _input.GetRowCursor(GetInputs(active), rand);
        return IsScoredInBatches(active, isScored) ? Score(input, active) : Map(input, active);
    }

    /// <remarks>
    /// Scored rows are divided, not rows to be scored: which rows are scored together, and with it the last bits of their scores, depends
    /// neither on the number of cursors nor on who reads faster. A batch is scored on all threads anyway.
    /// </remarks>
    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        bool[] active = Activate(columnsNeeded, out bool isScored);
        if (!IsScoredInBatches(active, isScored))
        {
            int count = isScored && _model.NumberOfThreads > 0 ? Math.Min(n, _model.NumberOfThreads) : n;
            return Array.ConvertAll(_input.GetRowCursorSet(GetInputs(active), count, rand), input => Map(input, active));
        }

        DataViewRowCursor scored = Score(_input.GetRowCursor(GetInputs(active), rand), active);
        return CursorSplitter.Split(scored, n);
    }

    private bool[] Activate(IEnumerable<DataViewSchema.Column> columnsNeeded, out bool isScored)
    {
        ArgumentNullException.ThrowIfNull(columnsNeeded);
        bool[] active = new bool[Schema.Count];
        foreach (DataViewSchema.Column column in columnsNeeded)
        {
            active[column.Index] = true;
        }

        isScored = active.AsSpan(_input.Schema.Count).Contains(true);
        return active;
    }

    /// <summary>Whether anything is scored, and all that has to be passed on can be kept until it is.</summary>
    private bool IsScoredInBatches(bool[] active, bool isScored) =>
        isScored && _input.Schema.All(column => !active[column.Index] || ColumnBuffer.CanKeep(column.Type));

    private ScoringCursor Score(DataViewRowCursor input, bool[] active) => new(_model, _mapper.Columns, Schema, active, input);

    private MappedCursor Map(DataViewRowCursor input, bool[] active) => new(_mapper.GetRow(input, GetActive(active)), input);

    private IEnumerable<DataViewSchema.Column> GetInputs(bool[] active) => _mapper.GetDependencies(GetActive(active));

    private IEnumerable<DataViewSchema.Column> GetActive(bool[] active) => Schema.Where(column => active[column.Index]);
}
