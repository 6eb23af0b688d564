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
        return CreateCursor(_input.GetRowCursor(GetInputs(active), rand), active, isScored);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        bool[] active = Activate(columnsNeeded, out bool isScored);
        int count = isScored && _model.NumberOfThreads > 0 ? Math.Min(n, _model.NumberOfThreads) : n;
        DataViewRowCursor[] inputs = _input.GetRowCursorSet(GetInputs(active), count, rand);
        if (inputs.Length == 1 && isScored)
        {
            inputs = CursorSplitter.Split(inputs[0], count);
        }

        return Array.ConvertAll(inputs, input => CreateCursor(input, active, isScored));
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

    private DataViewRowCursor CreateCursor(DataViewRowCursor input, bool[] active, bool isScored) =>
        isScored && _input.Schema.All(column => !active[column.Index] || ColumnBuffer.CanKeep(column.Type))
            ? new ScoringCursor(_model, _mapper.Columns, Schema, active, input)
            : new MappedCursor(_mapper.GetRow(input, GetActive(active)), input); // nothing is scored, or what has to be passed on cannot be kept

    private IEnumerable<DataViewSchema.Column> GetInputs(bool[] active) => _mapper.GetDependencies(GetActive(active));

    private IEnumerable<DataViewSchema.Column> GetActive(bool[] active) => Schema.Where(column => active[column.Index]);
}
