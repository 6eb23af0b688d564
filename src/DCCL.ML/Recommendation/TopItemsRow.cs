using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Recommendation;

/// <summary>A row with its user's best items, ranked once for both columns, and once for rows in a row that ask for the same.</summary>
internal sealed class TopItemsRow : DataViewRow
{
    private readonly TopItemsTransformer _transformer;
    private readonly TopItemsColumns _columns;
    private readonly DataViewRow _input;
    private readonly bool[] _active;
    private readonly Func<int>? _user;
    private readonly ContextColumns.Reader? _context;
    private readonly uint[] _items;
    private readonly float[] _scores;
    private readonly ScoringBatch _batch = new();
    private readonly List<int> _history = [];
    private long? _position;

    // What was ranked for.
    private int? _rankedUser;
    private int[] _rankedHistory = [];
    private float[] _rankedProfile = [];

    /// <param name="transformer">Ranks.</param>
    /// <param name="columns">The columns of the row that comes in, and of this one.</param>
    /// <param name="input">The row that comes in, owned from now on.</param>
    /// <param name="active">Which columns may be asked for.</param>
    public TopItemsRow(TopItemsTransformer transformer, TopItemsColumns columns, DataViewRow input, bool[] active)
    {
        _transformer = transformer;
        _columns = columns;
        _input = input;
        _active = active;
        bool adds = columns.AddsAny(active);
        _user = adds ? CreateUserReader() : null;
        _context = adds ? columns.Context.CreateReader(input) : null;
        _items = new uint[adds ? transformer.Options.NumberOfItems : 0];
        _scores = new float[_items.Length];
    }

    public override long Position => _input.Position;

    public override long Batch => _input.Batch;

    public override DataViewSchema Schema => _columns.Output;

    public override bool IsColumnActive(DataViewSchema.Column column) => _active[column.Index];

    public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        OutputColumns.CheckActive(this, column);
        if (column.Index < _columns.Input.Count)
        {
            return _input.GetGetter<TValue>(_columns.Input[column.Index]);
        }

        Delegate getter = column.Index == _columns.Input.Count ? CreateGetter(_items) : CreateGetter(_scores);
        return OutputColumns.Cast<TValue>(getter, column);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _input.Dispose();
        }

        base.Dispose(disposing);
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
        ContextColumns.Reader context = _context!;
        context.Read();
        ReadOnlySpan<float> profile = RowScorer.HasValues(context.Profile) ? context.Profile : [];
        ReadHistory(user, context);
        if (_rankedUser != user || !_rankedHistory.SequenceEqual(_history) || !profile.SequenceEqual(_rankedProfile))
        {
            _rankedUser = null; // what throws halfway was not ranked
            _rankedHistory = [.. _history];
            _rankedProfile = profile.ToArray();
            _transformer.Rank(user, _rankedHistory, _rankedProfile, _batch, _items, _scores);
            _rankedUser = user;
        }

        _position = _input.Position;
    }

    private void ReadHistory(int user, ContextColumns.Reader context)
    {
        if (!context.HasHistory && _rankedUser == user)
        {
            return; // what the model remembers of the user stands there already
        }

        _history.Clear();
        if (!context.HasHistory)
        {
            _history.AddRange(user == 0 ? [] : _transformer.Model.History.GetItems(user));
            return;
        }

        foreach (uint item in context.History)
        {
            if (item > 0 && item <= (uint)_transformer.Model.Parameters.Architecture.NumberOfItems)
            {
                _history.Add((int)item);
            }
        }
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
