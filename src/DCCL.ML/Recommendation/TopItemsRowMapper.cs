using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Recommendation;

/// <summary>Ranks the items for single rows as they are asked for, for prediction engines.</summary>
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
        return new Row(_columns.Output, input, new TopItemsRow(transformer, _columns, input, _columns.Activate(activeColumns)));
    }

    private sealed class Row(DataViewSchema schema, DataViewRow input, TopItemsRow row) : DataViewRow
    {
        public override long Position => input.Position;

        public override long Batch => input.Batch;

        public override DataViewSchema Schema => schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => row.IsColumnActive(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => row.GetGetter<TValue>(this, column);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                input.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
