using DCCL.ML.Interop;
using Microsoft.ML;

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

    public bool CanShuffle => _input.CanShuffle;

    public DataViewSchema Schema { get; }

    public long? GetRowCount() => _input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        bool[] active = Activate(columnsNeeded, out bool isScored);
        return CreateCursor(_input.GetRowCursor(GetInputs(active, isScored), rand), active, isScored);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        bool[] active = Activate(columnsNeeded, out bool isScored);
        int count = isScored && _model.NumberOfThreads > 0 ? Math.Min(n, _model.NumberOfThreads) : n;
        DataViewRowCursor[] inputs = _input.GetRowCursorSet(GetInputs(active, isScored), count, rand);
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

    private IEnumerable<DataViewSchema.Column> GetInputs(bool[] active, bool isScored)
    {
        HashSet<int> read = isScored ? [.. _columns.All.Select(column => column.Index)] : [];
        return _input.Schema.Where(column => active[column.Index] || read.Contains(column.Index));
    }

    private DataViewRowCursor CreateCursor(DataViewRowCursor input, bool[] active, bool isScored) =>
        isScored && _input.Schema.All(column => !active[column.Index] || ColumnBuffer.CanKeep(column.Type))
            ? new ScoringCursor(_model, _columns, Schema, active, input)
            : MapOneByOne(input, active);

    /// <summary>Where nothing is scored, or what has to be passed on cannot be kept.</summary>
    private MappedCursor MapOneByOne(DataViewRowCursor input, bool[] active)
    {
        ScoredRowMapper mapper = new(_model, _input.Schema);
        return new MappedCursor(mapper.GetRow(input, mapper.OutputSchema.Where(column => active[column.Index])), input);
    }
}
