using DCCL.ML.Data;
using Microsoft.ML;

namespace DCCL.ML.Scoring;

/// <summary>The columns of some data that the transformer reads.</summary>
internal sealed class InputColumns
{
    private readonly DataViewSchema.Column _user;
    private readonly DataViewSchema.Column _item;
    private readonly ContextColumns _context;

    /// <summary>Finds the columns.</summary>
    /// <param name="model">The model.</param>
    /// <param name="schema">The columns of the data.</param>
    /// <param name="comparesKeys">Whether keys must mean what they meant in the model's log; not where the schema is made up.</param>
    /// <exception cref="ArgumentException">A column is missing, of another type, or mapped otherwise than the model's log.</exception>
    public InputColumns(DeviceCloudPredictionTransformer model, DataViewSchema schema, bool comparesKeys = true)
    {
        _user = FindKey(schema, model.Columns.UserColumnName);
        _item = FindKey(schema, model.Columns.ItemColumnName);
        _context = new ContextColumns(model, schema, comparesKeys);
        if (comparesKeys)
        {
            KeyAgreement.Check(_user, model.UserIds, model.History.NumberOfUsers);
            KeyAgreement.Check(_item, model.ItemIds, model.Parameters.Architecture.NumberOfItems);
        }
    }

    /// <summary>Gets the columns found.</summary>
    public IEnumerable<DataViewSchema.Column> All => [_user, _item, .. _context.All];

    /// <summary>Prepares to add rows to a batch.</summary>
    /// <param name="row">Where the rows come from.</param>
    /// <param name="scorer">Where they go.</param>
    /// <returns>Adds the current row.</returns>
    public Action CreateReader(DataViewRow row, RowScorer scorer)
    {
        ValueGetter<uint> userGetter = row.GetGetter<uint>(_user);
        ValueGetter<uint> itemGetter = row.GetGetter<uint>(_item);
        ContextColumns.Reader context = _context.CreateReader(row);
        uint user = 0;
        uint item = 0;
        return () =>
        {
            userGetter(ref user);
            itemGetter(ref item);
            context.Read();
            if (context.HasHistory)
            {
                scorer.Add(user, item, context.Profile, context.History);
            }
            else
            {
                scorer.Add(user, item, context.Profile);
            }
        };
    }

    private static DataViewSchema.Column FindKey(DataViewSchema schema, string name)
    {
        DataViewSchema.Column column = InteractionColumns.Find(schema, name);
        return ContextColumns.IsKey(column.Type)
            ? column
            : throw InteractionColumns.WrongType(
                name, "Key<UInt32>", column.Type.ToString()!, "Append Conversion.MapValueToKey before this transformer.");
    }
}
