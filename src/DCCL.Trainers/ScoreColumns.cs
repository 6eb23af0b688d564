using DCCL.ML;
using Microsoft.ML;

namespace DCCL.Trainers;

/// <summary>The columns that every model of DCCL puts out.</summary>
internal static class ScoreColumns
{
    public static SchemaShape Append(SchemaShape input) => SchemaShapeColumns.Append(
        input, SchemaShapeColumns.Score(), SchemaShapeColumns.Probability(), SchemaShapeColumns.PredictedLabel(), SchemaShapeColumns.PatchStatus());
}
