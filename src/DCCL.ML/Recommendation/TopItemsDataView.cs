using DCCL.ML.Scoring;
using Microsoft.ML;

namespace DCCL.ML.Recommendation;

/// <summary>Some data and the best items for the user of each row, ranked lazily while a cursor moves.</summary>
internal sealed class TopItemsDataView(TopItemsTransformer transformer, IDataView input) : IDataView
{
    private readonly TopItemsRowMapper _mapper = new(transformer, input.Schema);

    public bool CanShuffle => input.CanShuffle;

    public DataViewSchema Schema => _mapper.OutputSchema;

    public long? GetRowCount() => input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        ArgumentNullException.ThrowIfNull(columnsNeeded);
        DataViewSchema.Column[] active = [.. columnsNeeded];
        return Map(input.GetRowCursor(_mapper.GetDependencies(active), rand), active);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        ArgumentNullException.ThrowIfNull(columnsNeeded);
        DataViewSchema.Column[] active = [.. columnsNeeded];
        return Array.ConvertAll(input.GetRowCursorSet(_mapper.GetDependencies(active), n, rand), cursor => Map(cursor, active));
    }

    private MappedCursor Map(DataViewRowCursor cursor, DataViewSchema.Column[] active) => new(_mapper.GetRow(cursor, active), cursor);
}
