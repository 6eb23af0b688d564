using DCCL.ML.Model;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Scoring;

/// <summary>The four columns that the transformer adds, with the annotations of ML.NET's own binary classifiers.</summary>
internal static class OutputColumns
{
    public const string Score = "Score";
    public const string Probability = "Probability";
    public const string PredictedLabel = "PredictedLabel";
    public const string PatchStatus = "PatchStatus";

    /// <summary>The number of columns.</summary>
    public const int Count = 4;

    private const string ScoreColumnSetId = "ScoreColumnSetId";
    private const string BinaryClassification = "BinaryClassification";

    private static readonly KeyDataViewType _setIdType = new(typeof(uint), int.MaxValue);
    private static readonly ReadOnlyMemory<char>[] _statusNames = [.. Enum.GetNames<PatchStatus>().Select(name => name.AsMemory())];

    /// <summary>Adds the columns behind those of the input, which may thereby become hidden.</summary>
    public static DataViewSchema Append(DataViewSchema input)
    {
        uint setId = NextSetId(input);
        DataViewSchema.Builder builder = new();
        builder.AddColumns(input);
        builder.AddColumn(Score, NumberDataViewType.Single, Annotate(setId, Score, isNormalized: false));
        builder.AddColumn(Probability, NumberDataViewType.Single, Annotate(setId, Probability, isNormalized: true));
        builder.AddColumn(PredictedLabel, BooleanDataViewType.Instance, Annotate(setId, PredictedLabel, isNormalized: false));

        DataViewSchema.Annotations.Builder status = new();
        ValueGetter<VBuffer<ReadOnlyMemory<char>>> names = (ref VBuffer<ReadOnlyMemory<char>> value) =>
            value = new VBuffer<ReadOnlyMemory<char>>(_statusNames.Length, _statusNames);
        status.Add(KeyIds.KeyValues, new VectorDataViewType(TextDataViewType.Instance, _statusNames.Length), names);
        builder.AddColumn(PatchStatus, new KeyDataViewType(typeof(uint), _statusNames.Length), status.ToAnnotations());
        return builder.ToSchema();
    }

    /// <summary>Creates the getter of one of the columns.</summary>
    /// <param name="column">The place of the column among the four.</param>
    /// <param name="score">Gives the current row's score.</param>
    /// <param name="status">Gives the current row's status.</param>
    public static Delegate CreateGetter(int column, Func<float> score, Func<PatchStatus> status) => column switch
    {
        0 => (ValueGetter<float>)((ref float value) => value = score()),
        1 => (ValueGetter<float>)((ref float value) => value = ToProbability(score())),
        2 => (ValueGetter<bool>)((ref bool value) => value = score() > 0),
        _ => (ValueGetter<uint>)((ref uint value) => value = (uint)status()),
    };

    /// <summary>Refuses to read a column that was not asked for.</summary>
    public static void CheckActive(DataViewRow row, DataViewSchema.Column column)
    {
        if (!row.IsColumnActive(column))
        {
            throw new ArgumentException(
                $"Column '{column.Name}' must be active, but is not. Name it when asking for the row.", nameof(column));
        }
    }

    /// <summary>Refuses to read a column as another type.</summary>
    public static ValueGetter<TValue> Cast<TValue>(Delegate getter, DataViewSchema.Column column) => getter as ValueGetter<TValue>
        ?? throw new ArgumentException(
            $"Column '{column.Name}' must be read as {column.Type.RawType}, but was read as {typeof(TValue)}.", nameof(column));

    /// <summary>The probability of a positive label: the sigmoid of a score.</summary>
    public static float ToProbability(float score) => 1 / (1 + MathF.Exp(-score));

    private static DataViewSchema.Annotations Annotate(uint setId, string valueKind, bool isNormalized)
    {
        DataViewSchema.Annotations.Builder builder = new();
        builder.Add(ScoreColumnSetId, _setIdType, (ref uint value) => value = setId);
        AddText("ScoreColumnKind", BinaryClassification);
        AddText("ScoreValueKind", valueKind);
        if (isNormalized)
        {
            builder.Add("IsNormalized", BooleanDataViewType.Instance, (ref bool value) => value = true);
        }

        return builder.ToAnnotations();

        void AddText(string kind, string text) =>
            builder.Add(kind, TextDataViewType.Instance, (ref ReadOnlyMemory<char> value) => value = text.AsMemory());
    }

    /// <summary>Each scorer of a pipeline numbers its columns, so that an evaluator can tell which belong together.</summary>
    private static uint NextSetId(DataViewSchema input)
    {
        uint largest = 0;
        foreach (DataViewSchema.Column column in input)
        {
            if (column.Annotations.Schema.GetColumnOrNull(ScoreColumnSetId) is { Type: KeyDataViewType })
            {
                uint id = 0;
                column.Annotations.GetValue(ScoreColumnSetId, ref id);
                largest = Math.Max(largest, id);
            }
        }

        return largest + 1;
    }
}
