using DCCL.ML.Interop;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML;

/// <content>What a model makes of data of which only the shape is known.</content>
public static partial class DeviceCloudExtensions
{
    /// <summary>
    /// Checks, before there are data, that a log has what a model needs to be trained further on it: the columns that the model's
    /// parts before the DCCL transformer read, and what the DCCL transformer was trained on.
    /// </summary>
    /// <param name="model">A model with one DCCL transformer.</param>
    /// <param name="log">The shape of the raw log's schema.</param>
    /// <returns>
    /// What the model puts out for the log. Where a part of the model wants vectors of sizes that only data have, no more than the columns
    /// of the log and of the DCCL transformer are known.
    /// </returns>
    /// <exception cref="ArgumentException">A column is missing or of another type; the message says which, and what to do.</exception>
    public static SchemaShape CheckLog(this ITransformer model, SchemaShape log)
    {
        ArgumentNullException.ThrowIfNull(log);
        DeviceCloudPredictionTransformer inner = DeviceCloudModel(model);
        DataViewSchema schema = StandInSchema.Create(log, Math.Max(1, inner.Parameters.Architecture.ProfileDimension));
        foreach (ITransformer part in Flatten(model))
        {
            if (part == inner)
            {
                inner.Columns.Check(SchemaShapeColumns.Of(schema));
            }

            try
            {
                schema = part == inner ? inner.GetOutputSchema(schema, comparesKeys: false) : part.GetOutputSchema(schema);
            }
            catch (Exception fault) when (IsRefusal(fault))
            {
                // The sizes of vectors are made up. Nothing else is, so that a fault in another column is one of the data as well. The DCCL
                // transformer asks for a size of its profile only.
                if (schema.Any(column => column.Type is VectorDataViewType
                    && fault.Message.Contains($"'{column.Name}'", StringComparison.Ordinal)
                    && (part != inner || column.Name == inner.Columns.ProfileColumnName)))
                {
                    return SchemaShapeColumns.Append(
                        log, SchemaShapeColumns.Score(), SchemaShapeColumns.Probability(), SchemaShapeColumns.PredictedLabel(), SchemaShapeColumns.PatchStatus());
                }

                throw Explain(part, schema, fault);
            }
        }

        return SchemaShapeColumns.Of(schema);
    }

    /// <summary>Applies a part of a model to a log, and explains what the log lacks.</summary>
    private static IDataView Apply(ITransformer part, IDataView data)
    {
        try
        {
            return part.Transform(data);
        }
        catch (Exception fault) when (IsRefusal(fault))
        {
            throw Explain(part, data.Schema, fault);
        }
    }

    private static bool IsRefusal(Exception fault) => fault is ArgumentException or InvalidOperationException;

    /// <summary>Says what the data have: a stock transformer does not always name the column that it reads.</summary>
    private static Exception Explain(ITransformer part, DataViewSchema schema, Exception fault) => part is DeviceCloudPredictionTransformer
        ? fault
        : new ArgumentException(
            $"The log must have what the model's {part.GetType().Name} reads, but has only "
            + $"{string.Join(", ", schema.Where(column => !column.IsHidden).Select(column => $"'{column.Name}' ({column.Type})"))}: "
            + $"{fault.Message.TrimEnd('.')}. Pass the raw log, with the columns of the log that the model was trained on.",
            fault);
}
