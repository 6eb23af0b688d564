using DCCL.ML.Data;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Scoring;

/// <summary>The columns of some data that the transformer reads.</summary>
internal sealed class InputColumns
{
    private readonly DataViewSchema.Column _user;
    private readonly DataViewSchema.Column _item;
    private readonly DataViewSchema.Column? _history;
    private readonly DataViewSchema.Column? _profile;

    /// <summary>Finds the columns.</summary>
    /// <param name="model">The model.</param>
    /// <param name="schema">The columns of the data.</param>
    /// <param name="comparesKeys">Whether keys must mean what they meant in the model's log; not where the schema is made up.</param>
    /// <exception cref="ArgumentException">A column is missing, of another type, or mapped otherwise than the model's log.</exception>
    public InputColumns(DeviceCloudPredictionTransformer model, DataViewSchema schema, bool comparesKeys = true)
    {
        _user = FindKey(schema, model.Columns.UserColumnName);
        _item = FindKey(schema, model.Columns.ItemColumnName);
        _history = schema.GetColumnOrNull(model.HistoryColumnName);
        if (_history is { } history && !IsKey((history.Type as VectorDataViewType)?.ItemType))
        {
            throw InteractionColumns.WrongType(
                history.Name,
                "a vector of Key<UInt32>",
                history.Type.ToString()!,
                "Map its items to the keys of the item column, or rename the column.");
        }

        if (comparesKeys)
        {
            KeyAgreement.Check(_user, model.UserIds);
            KeyAgreement.Check(_item, model.ItemIds);
            if (_history is { } items)
            {
                KeyAgreement.Check(items, model.ItemIds);
            }
        }

        int dimension = model.Parameters.Architecture.ProfileDimension;
        if (dimension > 0 && model.Columns.ProfileColumnName is string name && schema.GetColumnOrNull(name) is { } profile)
        {
            bool fits = profile.Type is VectorDataViewType vector
                ? vector.ItemType == NumberDataViewType.Single && vector.Size == dimension
                : profile.Type == NumberDataViewType.Single && dimension == 1;
            _profile = fits ? profile : throw InteractionColumns.WrongType(
                name,
                $"Vector<Single, {dimension}>",
                profile.Type.ToString()!,
                "Apply the transformation that made the training log's profiles.");
        }
    }

    /// <summary>Gets the columns found.</summary>
    public IEnumerable<DataViewSchema.Column> All => new[] { _user, _item, _history, _profile }.OfType<DataViewSchema.Column>();

    /// <summary>Prepares to add rows to a batch.</summary>
    /// <param name="row">Where the rows come from.</param>
    /// <param name="scorer">Where they go.</param>
    /// <returns>Adds the current row.</returns>
    public Action CreateReader(DataViewRow row, RowScorer scorer)
    {
        ValueGetter<uint> userGetter = row.GetGetter<uint>(_user);
        ValueGetter<uint> itemGetter = row.GetGetter<uint>(_item);
        ValueGetter<VBuffer<uint>>? historyGetter = _history is { } history ? row.GetGetter<VBuffer<uint>>(history) : null;
        bool isVector = _profile?.Type is VectorDataViewType;
        ValueGetter<VBuffer<float>>? profileGetter = _profile is { } vector && isVector ? row.GetGetter<VBuffer<float>>(vector) : null;
        ValueGetter<float>? scalarGetter = _profile is { } scalar && !isVector ? row.GetGetter<float>(scalar) : null;
        uint user = 0;
        uint item = 0;
        VBuffer<uint> items = default;
        VBuffer<float> values = default;
        float[] profile = new float[profileGetter is null && scalarGetter is null ? 0 : scorer.ProfileDimension];
        return () =>
        {
            userGetter(ref user);
            itemGetter(ref item);
            scalarGetter?.Invoke(ref profile[0]);
            if (profileGetter is not null)
            {
                profileGetter(ref values);
                values.CopyTo(profile);
            }

            if (historyGetter is null)
            {
                scorer.Add(user, item, profile);
            }
            else
            {
                historyGetter(ref items); // sparse or dense: what is not stored is 0, which is skipped
                scorer.Add(user, item, profile, items.GetValues());
            }
        };
    }

    private static bool IsKey(DataViewType? type) => type is KeyDataViewType && type.RawType == typeof(uint);

    private static DataViewSchema.Column FindKey(DataViewSchema schema, string name)
    {
        DataViewSchema.Column column = InteractionColumns.Find(schema, name);
        return IsKey(column.Type)
            ? column
            : throw InteractionColumns.WrongType(
                name, "Key<UInt32>", column.Type.ToString()!, "Append Conversion.MapValueToKey before this transformer.");
    }
}
