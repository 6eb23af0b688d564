using DCCL.ML.Data;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Scoring;

/// <summary>The columns that may hold a row's own history and profile, in place of what the model remembers of its user.</summary>
internal sealed class ContextColumns
{
    private readonly DataViewSchema.Column? _history;
    private readonly DataViewSchema.Column? _profile;
    private readonly int _profileDimension;

    /// <summary>Finds the columns.</summary>
    /// <param name="model">The model.</param>
    /// <param name="schema">The columns of the data.</param>
    /// <param name="comparesKeys">Whether keys must mean what they meant in the model's log; not where the schema is made up.</param>
    /// <exception cref="ArgumentException">A column is of another type, or mapped otherwise than the model's log.</exception>
    public ContextColumns(DeviceCloudPredictionTransformer model, DataViewSchema schema, bool comparesKeys)
    {
        _history = schema.GetColumnOrNull(model.HistoryColumnName);
        if (_history is { } history)
        {
            if (!IsKey((history.Type as VectorDataViewType)?.ItemType))
            {
                throw InteractionColumns.WrongType(
                    history.Name,
                    "a vector of Key<UInt32>",
                    history.Type.ToString()!,
                    "Map its items to the keys of the item column, or rename the column.");
            }

            if (comparesKeys)
            {
                KeyAgreement.Check(history, model.ItemIds, model.Parameters.Architecture.NumberOfItems);
            }
        }

        _profileDimension = model.Parameters.Architecture.ProfileDimension;
        if (_profileDimension > 0 && model.Columns.ProfileColumnName is string name && schema.GetColumnOrNull(name) is { } profile)
        {
            bool fits = profile.Type is VectorDataViewType vector
                ? vector.ItemType == NumberDataViewType.Single && vector.Size == _profileDimension
                : profile.Type == NumberDataViewType.Single && _profileDimension == 1;
            _profile = fits ? profile : throw InteractionColumns.WrongType(
                name,
                $"Vector<Single, {_profileDimension}>",
                profile.Type.ToString()!,
                "Apply the transformation that made the training log's profiles.");
        }
    }

    /// <summary>Gets the columns found.</summary>
    public IEnumerable<DataViewSchema.Column> All => new[] { _history, _profile }.OfType<DataViewSchema.Column>();

    public static bool IsKey(DataViewType? type) => type is KeyDataViewType && type.RawType == typeof(uint);

    public Reader CreateReader(DataViewRow row) => new(this, row);

    /// <summary>Reads history and profile of one row after the other.</summary>
    public sealed class Reader
    {
        private readonly ValueGetter<VBuffer<uint>>? _historyGetter;
        private readonly ValueGetter<VBuffer<float>>? _profileGetter;
        private readonly ValueGetter<float>? _scalarGetter;
        private readonly float[] _profile;
        private VBuffer<uint> _history;
        private VBuffer<float> _values;

        public Reader(ContextColumns columns, DataViewRow row)
        {
            bool isVector = columns._profile?.Type is VectorDataViewType;
            _historyGetter = columns._history is { } history ? row.GetGetter<VBuffer<uint>>(history) : null;
            _profileGetter = columns._profile is { } vector && isVector ? row.GetGetter<VBuffer<float>>(vector) : null;
            _scalarGetter = columns._profile is { } scalar && !isVector ? row.GetGetter<float>(scalar) : null;
            _profile = new float[columns._profile is null ? 0 : columns._profileDimension];
        }

        /// <summary>Gets whether rows have histories of their own.</summary>
        public bool HasHistory => _historyGetter is not null;

        /// <summary>Gets the item key values of the current row's history, the oldest first; 0 for unknown ones.</summary>
        public ReadOnlySpan<uint> History => _history.GetValues(); // sparse or dense: what is not stored is 0, which is skipped

        /// <summary>Gets the current row's profile; empty if there is no such column.</summary>
        public ReadOnlySpan<float> Profile => _profile;

        /// <summary>Reads the current row.</summary>
        public void Read()
        {
            _scalarGetter?.Invoke(ref _profile[0]);
            if (_profileGetter is not null)
            {
                _profileGetter(ref _values);
                _values.CopyTo(_profile);
            }

            _historyGetter?.Invoke(ref _history);
        }
    }
}
