using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Recommendation;

/// <summary>The getters of a row with its user's best items, ranked once for both columns, and once for rows of the same user in a row.</summary>
internal sealed class TopItemsRow
{
    private readonly TopItemsTransformer _transformer;
    private readonly TopItemsColumns _columns;
    private readonly DataViewRow _input;
    private readonly bool[] _active;
    private readonly Func<int>? _user;
    private readonly uint[] _items;
    private readonly float[] _scores;
    private readonly ScoringBatch _batch = new();
    private long? _position;
    private int? _ranked;

    public TopItemsRow(TopItemsTransformer transformer, TopItemsColumns columns, DataViewRow input, bool[] active)
    {
        _transformer = transformer;
        _columns = columns;
        _input = input;
        _active = active;
        _user = columns.AddsAny(active) ? CreateUserReader() : null;
        _items = new uint[transformer.Options.NumberOfItems];
        _scores = new float[transformer.Options.NumberOfItems];
    }

    public bool IsColumnActive(DataViewSchema.Column column) => _active[column.Index];

    public ValueGetter<TValue> GetGetter<TValue>(DataViewRow row, DataViewSchema.Column column)
    {
        OutputColumns.CheckActive(row, column);
        if (column.Index < _columns.Input.Count)
        {
            return _input.GetGetter<TValue>(_columns.Input[column.Index]);
        }

        Delegate getter = column.Index == _columns.Input.Count ? CreateGetter(_items) : CreateGetter(_scores);
        return OutputColumns.Cast<TValue>(getter, column);
    }

    private ValueGetter<VBuffer<T>> CreateGetter<T>(T[] values) => (ref VBuffer<T> value) =>
    {
        Rank();
        VBufferEditor<T> editor = VBufferEditor.Create(ref value, values.Length);
        values.CopyTo(editor.Values);
        value = editor.Commit();
    };

    private void Rank()
    {
        if (_position == _input.Position)
        {
            return;
        }

        int user = _user!();
        if (_ranked != user)
        {
            _transformer.Rank(user, _batch, _items, _scores);
            _ranked = user;
        }

        _position = _input.Position;
    }

    private Func<int> CreateUserReader()
    {
        int numberOfUsers = _transformer.Model.History.NumberOfUsers;
        if (_columns.User.Type is KeyDataViewType)
        {
            ValueGetter<uint> getter = _input.GetGetter<uint>(_columns.User);
            uint key = 0;
            return () =>
            {
                getter(ref key);
                return key <= (uint)numberOfUsers ? (int)key : 0;
            };
        }

        ValueGetter<ReadOnlyMemory<char>> idGetter = _input.GetGetter<ReadOnlyMemory<char>>(_columns.User);
        ReadOnlyMemory<char> id = default;
        return () =>
        {
            idGetter(ref id);
            return _transformer.FindUser(id.Span);
        };
    }
}
