using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace DCCL.ML.Interop;

/// <summary>Makes ML.NET's own scorers of a vector with one value whose score is that value.</summary>
/// <remarks>
/// OnnxTransformer 5.0 puts out vectors, and fails where a graph's output is a scalar. A linear model with the weight 1 and no bias
/// is the stock transformer that makes a scalar column of a vector with one value, bit by bit, with the annotations of a scorer.
/// </remarks>
internal static class StockScorers
{
    /// <summary>Makes a binary classifier: Score is the value, PredictedLabel whether it is above zero.</summary>
    public static ITransformer CreateBinaryClassifier(IHostEnvironment environment, DataViewSchema schema, string featureColumnName)
    {
        LinearBinaryModelParameters model = new(environment, new VBuffer<float>(1, [1]), bias: 0, stats: null);
        return new BinaryPredictionTransformer<LinearBinaryModelParameters>(environment, model, schema, featureColumnName);
    }

    /// <summary>Makes a regression model: Score is the value.</summary>
    public static ITransformer CreateRegression(IHostEnvironment environment, DataViewSchema schema, string featureColumnName)
    {
        LinearRegressionModelParameters model = new(environment, new VBuffer<float>(1, [1]), bias: 0);
        return new RegressionPredictionTransformer<LinearRegressionModelParameters>(environment, model, schema, featureColumnName);
    }
}
