using DCCL.ML;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.TestKit.Conformance;

/// <summary>What is promised is what arrives, and the columns say what they are.</summary>
internal static class SchemaChecks
{
    public const string Promise = "Promised schema";
    public const string Delivery = "Schema";
    public const string Annotations = "Annotations";

    private const string SetId = "ScoreColumnSetId";

    /// <summary>An estimator's promise against what its transformer delivers.</summary>
    public static void CheckPromise(IEstimator<ITransformer> estimator, ITransformer model, IDataView data) => SchemaText.Compare(
        Promise,
        SchemaText.Describe(SchemaShapeColumns.Of(model.Transform(data).Schema)),
        SchemaText.Describe(estimator.GetOutputSchema(SchemaShapeColumns.Of(data.Schema))));

    /// <summary>A transformer's promise against what it delivers.</summary>
    public static void CheckDelivery(ITransformer model, IDataView data)
    {
        DataViewSchema delivered = model.Transform(data).Schema;
        SchemaText.Compare(Delivery, SchemaText.Describe(delivered), SchemaText.Describe(model.GetOutputSchema(data.Schema)));
    }

    /// <summary>Score columns belong together and say what they hold; keys and slots have as many names as there are.</summary>
    public static void CheckAnnotations(ITransformer model, IDataView data)
    {
        DataViewSchema schema = model.Transform(data).Schema;
        foreach (DataViewSchema.Column column in schema.Where(column => !column.IsHidden))
        {
            if (column.Type is KeyDataViewType key)
            {
                CheckCount(column, "KeyValues", key.Count);
            }
            else if (column.Type is VectorDataViewType { Size: > 0 } vector)
            {
                CheckCount(column, "SlotNames", (ulong)vector.Size);
            }
        }

        DataViewSchema.Column[] scores = [.. schema.Where(column => !column.IsHidden && column.Name is "Score" or "Probability" or "PredictedLabel")];
        if (scores.Length == 0 || scores.Any(column => column.Index < data.Schema.Count && column.Name == data.Schema[column.Index].Name))
        {
            return;
        }

        uint[] ids = [.. scores.Select(column => (uint)Read(column, SetId, typeof(uint))).Distinct()];
        if (ids.Length != 1)
        {
            throw new ConformanceException(Annotations, $"score columns must have one {SetId}, but have {string.Join(", ", ids)}.");
        }

        DataViewSchema.Column[] others = [.. data.Schema.Where(column => column.Annotations.Schema.GetColumnOrNull(SetId) is not null)];
        if (others.Any(column => (uint)Read(column, SetId, typeof(uint)) == ids[0]))
        {
            throw new ConformanceException(Annotations, $"score columns must have a {SetId} of their own, but have that of the input, {ids[0]}.");
        }

        foreach (DataViewSchema.Column column in scores)
        {
            Read(column, "ScoreColumnKind", typeof(string));
            string kind = (string)Read(column, "ScoreValueKind", typeof(string));
            if (kind != column.Name)
            {
                throw new ConformanceException(Annotations, $"'{column.Name}' must have the ScoreValueKind '{column.Name}', but has '{kind}'.");
            }
        }
    }

    private static void CheckCount(DataViewSchema.Column column, string kind, ulong count)
    {
        if (column.Annotations.Schema.GetColumnOrNull(kind) is { } annotation
            && Cells.Read(column.Annotations, annotation) is Array values && (ulong)values.Length != count)
        {
            throw new ConformanceException(Annotations, $"'{column.Name}' must have {count} {kind}, but has {values.Length}.");
        }
    }

    private static object Read(DataViewSchema.Column column, string kind, Type type)
    {
        object? value = column.Annotations.Schema.GetColumnOrNull(kind) is { } annotation ? Cells.Read(column.Annotations, annotation) : null;
        return value?.GetType() == type
            ? value
            : throw new ConformanceException(Annotations, $"'{column.Name}' must have a {kind}, a {type.Name}, but has {value ?? "none"}.");
    }
}
