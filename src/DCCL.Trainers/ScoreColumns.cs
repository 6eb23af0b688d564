using DCCL.ML;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.Trainers;

/// <summary>The columns that every model of DCCL puts out.</summary>
internal static class ScoreColumns
{
    /// <summary>Adds them, after a look at the column that the model would take for each row's own history.</summary>
    /// <exception cref="ArgumentException">There is a column of that name, but of another type.</exception>
    public static SchemaShape Append(SchemaShape input)
    {
        const string History = DeviceCloudPredictionTransformer.DefaultHistoryColumnName;
        if (SchemaShapeColumns.TryFind(input, History, out SchemaShape.Column history)
            && !(history.IsKey && history.Kind != SchemaShape.Column.VectorKind.Scalar && history.ItemType == NumberDataViewType.UInt32))
        {
            throw new ArgumentException(
                $"Column '{History}' must be a vector of Key<UInt32>, but is {SchemaShapeColumns.Describe(history)}. "
                + "Map its items to the keys of the item column, or rename the column.");
        }

        return SchemaShapeColumns.Append(
            input, SchemaShapeColumns.Score(), SchemaShapeColumns.Probability(), SchemaShapeColumns.PredictedLabel(), SchemaShapeColumns.PatchStatus());
    }

    /// <summary>Checks the same of data.</summary>
    public static void Check(DataViewSchema schema) => Append(SchemaShapeColumns.Of(schema));
}
