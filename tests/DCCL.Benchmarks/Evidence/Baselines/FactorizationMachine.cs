using System.Numerics.Tensors;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;

namespace DCCL.Benchmarks.Evidence.Baselines;

/// <summary>ML.NET's field-aware factorisation machine on four fields: user, item, the last items taken, the profile.</summary>
/// <remarks>
/// Trained by ML.NET. Scores are computed from its weights, because a call of its pipeline for each event takes longer than all else, and are
/// held to the pipeline's own on some rows.
/// </remarks>
internal sealed class FactorizationMachine : IItemScorer
{
    private const int NumberOfRecentItems = 5;
    private const int Dimension = 16;
    private const int NumberOfCheckedRows = 50;
    private const double Tolerance = 1e-3;

    private readonly int _numberOfUsers;
    private readonly int _numberOfItems;
    private readonly int _numberOfFields;
    private readonly float[] _linear;
    private readonly float[] _latent;

    private FactorizationMachine(int numberOfUsers, int numberOfItems, FieldAwareFactorizationMachineModelParameters model)
    {
        _numberOfUsers = numberOfUsers;
        _numberOfItems = numberOfItems;
        _numberOfFields = model.FieldCount;
        _linear = [.. model.GetLinearWeights()];
        _latent = [.. model.GetLatentWeights()];
    }

    public string Name => "ffm";

    public static FactorizationMachine Train(MLContext ml, InteractionLog log, int seed, int numberOfIterations)
    {
        List<Row> rows = [];
        TrainingRows.Visit(log, _ => 0, seed, (moment, item, label) => rows.Add(CreateRow(log, moment, item, label)));
        new SeededRandom(seed).Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(rows));
        SchemaDefinition schema = SchemaDefinition.Create(typeof(Row));
        SetSize(nameof(Row.User), log.NumberOfUsers + 1);
        SetSize(nameof(Row.Item), log.NumberOfItems + 1);
        SetSize(nameof(Row.Recent), log.NumberOfItems + 1);
        SetSize(nameof(Row.Profile), Math.Max(1, log.ProfileDimension));
        IDataView data = ml.Data.LoadFromEnumerable(rows, schema);
        FieldAwareFactorizationMachineTrainer.Options options = new()
        {
            FeatureColumnName = nameof(Row.User),
            ExtraFeatureColumns = [nameof(Row.Item), nameof(Row.Recent), nameof(Row.Profile)],
            LabelColumnName = nameof(Row.Label),
            LatentDimension = Dimension,
            NumberOfIterations = numberOfIterations,
            NormalizeFeatures = false,
            Shuffle = false,
        };

        // A context of its own: the trainer draws its first weights from it.
        MLContext seeded = new(seed);
        FieldAwareFactorizationMachinePredictionTransformer model =
            seeded.BinaryClassification.Trainers.FieldAwareFactorizationMachine(options).Fit(data);
        FactorizationMachine scorer = new(log.NumberOfUsers, log.NumberOfItems, model.Model);
        Check(scorer, [.. model.Transform(ml.Data.TakeRows(data, NumberOfCheckedRows)).GetColumn<float>("Score")], rows);
        return scorer;

        void SetSize(string name, int size) => schema[name].ColumnType = new VectorDataViewType(NumberDataViewType.Single, size);
    }

    public void Score(UserMoment moment, ReadOnlySpan<int> items, Span<float> scores)
    {
        // All but the item is the same for all candidates: its own terms once, and what it does to an item's weights summed up.
        List<(int Feature, int Field, float Value)> context = GetContext(moment);
        float constant = 0;
        for (int i = 0; i < context.Count; i++)
        {
            constant += _linear[context[i].Feature] * context[i].Value;
            for (int j = i + 1; j < context.Count; j++)
            {
                constant += Interact(context[i], context[j]);
            }
        }

        for (int i = 0; i < items.Length; i++)
        {
            (int Feature, int Field, float Value) item = (_numberOfUsers + 1 + items[i], 1, 1f);
            float score = constant + _linear[item.Feature];
            foreach ((int, int, float) other in context)
            {
                score += Interact(item, other);
            }

            scores[i] = score;
        }
    }

    private static Row CreateRow(InteractionLog log, UserMoment moment, int item, bool label) => new()
    {
        User = new VBuffer<float>(log.NumberOfUsers + 1, 1, [1f], [moment.User]),
        Item = new VBuffer<float>(log.NumberOfItems + 1, 1, [1f], [item]),
        Recent = CreateRecent(log.NumberOfItems + 1, moment),
        Profile = moment.Profile.IsEmpty
            ? new VBuffer<float>(1, 0, [], [])
            : new VBuffer<float>(moment.Profile.Length, moment.Profile.ToArray()),
        Label = label,
        RowUser = moment.User,
        RowItem = item,
        History = moment.History[^Math.Min(NumberOfRecentItems, moment.History.Length)..].ToArray(),
        Profiles = moment.Profile.ToArray(),
    };

    private static VBuffer<float> CreateRecent(int size, UserMoment moment)
    {
        int[] items = GetRecent(moment.History);
        float[] values = new float[items.Length];
        Array.Fill(values, 1f / Math.Max(1, items.Length));
        return new VBuffer<float>(size, items.Length, values, items);
    }

    private static int[] GetRecent(ReadOnlySpan<int> history) =>
        [.. history[^Math.Min(NumberOfRecentItems, history.Length)..].ToArray().Distinct().Order()];

    private static void Check(FactorizationMachine scorer, float[] expected, List<Row> rows)
    {
        float[] score = new float[1];
        for (int i = 0; i < expected.Length; i++)
        {
            scorer.Score(new UserMoment(rows[i].RowUser, rows[i].History, rows[i].History, rows[i].Profiles), [rows[i].RowItem], score);
            if (!(Math.Abs(score[0] - expected[i]) <= Tolerance * (1 + Math.Abs(expected[i]))))
            {
                throw new InvalidOperationException(
                    $"The score of row {i} must be ML.NET's {expected[i]}, but is {score[0]}. Compare the layout of its weights with this version's.");
            }
        }
    }

    private List<(int Feature, int Field, float Value)> GetContext(UserMoment moment)
    {
        List<(int, int, float)> context = [(moment.User, 0, 1f)];
        int[] recent = GetRecent(moment.History);
        int start = _numberOfUsers + 1 + _numberOfItems + 1;
        foreach (int item in recent)
        {
            context.Add((start + item, 2, 1f / recent.Length));
        }

        start += _numberOfItems + 1;
        for (int i = 0; i < moment.Profile.Length; i++)
        {
            if (moment.Profile[i] != 0)
            {
                context.Add((start + i, 3, moment.Profile[i]));
            }
        }

        return context;
    }

    private float Interact((int Feature, int Field, float Value) first, (int Feature, int Field, float Value) second) =>
        first.Value * second.Value * TensorPrimitives.Dot(GetLatent(first.Feature, second.Field), GetLatent(second.Feature, first.Field));

    private ReadOnlySpan<float> GetLatent(int feature, int field) =>
        _latent.AsSpan(((feature * _numberOfFields) + field) * Dimension, Dimension);

    private sealed class Row
    {
        public VBuffer<float> User { get; set; }

        public VBuffer<float> Item { get; set; }

        public VBuffer<float> Recent { get; set; }

        public VBuffer<float> Profile { get; set; }

        public bool Label { get; set; }

        [NoColumn]
        public int RowUser { get; set; }

        [NoColumn]
        public int RowItem { get; set; }

        [NoColumn]
        public int[] History { get; set; } = [];

        [NoColumn]
        public float[] Profiles { get; set; } = [];
    }
}
