using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Recommendation;

/// <summary>Ranks the items for single rows as they are asked for.</summary>
internal sealed class TopItemsRowMapper(TopItemsTransformer transformer, DataViewSchema inputSchema) : IRowToRowMapper
{
    private readonly TopItemsColumns _columns = new(transformer, inputSchema);

    public DataViewSchema InputSchema => _columns.Input;

    public DataViewSchema OutputSchema => _columns.Output;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
        _columns.GetDependencies(_columns.Activate(dependingColumns));

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(activeColumns);
        return new TopItemsRow(transformer, _columns, input, _columns.Activate(activeColumns));
    }
}
