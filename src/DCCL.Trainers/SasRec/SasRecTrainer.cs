using System.Runtime.CompilerServices;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers.SasRec;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace DCCL.Trainers;

/// <summary>Trains a self-attentive sequential recommender (SASRec), another cloud model of device-cloud collaborative learning, on a log of events.</summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>Input column</term><description>Type</description></listheader>
/// <item><term>user, item</term><description>Key&lt;UInt32&gt;</description></item>
/// <item><term>timestamp (optional)</term><description>Int32, UInt32, Int64, Single, Double or DateTime; without it the order of the rows counts</description></item>
/// <item><term>label (optional)</term><description>Boolean or Single; without it every event is positive and foreseen among all items</description></item>
/// <item><term>profile (optional)</term><description>Single or a vector of Single of known size</description></item>
/// </list>
/// <list type="table">
/// <listheader><term>Characteristic</term><description></description></listheader>
/// <item><term>Task</term><description>recommendation: next item, or click prediction with a label column</description></item>
/// <item><term>Normalization required</term><description>only of the profile</description></item>
/// <item><term>Caching required</term><description>no, the log is read once</description></item>
/// <item><term>Exportable to ONNX</term><description>yes, it is scored by ONNX Runtime</description></item>
/// </list>
/// <para>
/// One pass over a user's sequence foresees each of its events among all items that the user does not have at some other time, which is meant for sparse
/// logs and for large catalogues: <see cref="DinTrainer"/> learns from a few sampled negatives of each event. In return DIN looks at a history anew for
/// each candidate. Events with labels are learnt one by one. Early stopping watches NDCG@10 over all items, or the reduction in log loss with a label column,
/// on the validation log, or on the last events of some users, which are then not trained on. The best epoch is kept.
/// </para>
/// <para>
/// A softmax does not say how probable an item is by itself; the output's bias is set so that Probability is that of an item being the next one
/// against four random ones, as DIN's is.
/// </para>
/// <para>
/// <see cref="SasRecArchitecture"/> has the equations. Source: Kang and McAuley, "Self-attentive sequential recommendation", ICDM 2018,
/// https://arxiv.org/abs/1808.09781.
/// </para>
/// <para>Thread-safe: a trainer holds only its options.</para>
/// </remarks>
/// <example>
/// <code>
/// var model = keys.Append(mlContext.DeviceCloud().Trainers.SasRec("User", "Item", "timestamp")).Fit(log);
/// </code>
/// </example>
public sealed partial class SasRecTrainer : IEstimator<DeviceCloudPredictionTransformer>
{
    private readonly CloudFit _fit;

    internal SasRecTrainer(IHostEnvironment environment, Options options)
    {
        options.Validate();
        _fit = new CloudFit(environment, new SasRecNetwork(options), new CloudFit.Settings(
            options.Columns,
            options.NumberOfSpectralFactors,
            options.NumberOfEpochs,
            options.Patience,
            options.NumberOfValidationUsers,
            options.HoldBackFraction,
            options.Run));
    }

    /// <summary>Checks the input columns and says what the model will put out.</summary>
    /// <param name="inputSchema">The shape of the log's schema.</param>
    /// <returns>The input columns, then Score, Probability, PredictedLabel and PatchStatus.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => _fit.GetOutputSchema(inputSchema);

    /// <summary>Trains on a log; the last events of some of its users serve as validation.</summary>
    /// <param name="input">The log.</param>
    /// <returns>The cloud model.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type, or the log cannot teach anything.</exception>
    /// <exception cref="InvalidDataException">A value of the log cannot be.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before the end of the first epoch.</exception>
    /// <exception cref="CheckpointException">There is a checkpoint, but none of this run.</exception>
    public DeviceCloudPredictionTransformer Fit(IDataView input) => Fit(input, validationData: null);

    /// <summary>Trains on a log.</summary>
    /// <param name="trainingData">The log.</param>
    /// <param name="validationData">Later events of the same users, for early stopping; null to hold out some of the log's own.</param>
    /// <returns>The cloud model.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type, or the log cannot teach anything.</exception>
    /// <exception cref="InvalidDataException">A value of a log cannot be.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before the end of the first epoch.</exception>
    /// <exception cref="CheckpointException">There is a checkpoint, but none of this run.</exception>
    [OverloadResolutionPriority(1)] // so that Fit(log, null) means no validation data, not no previous model
    public DeviceCloudPredictionTransformer Fit(IDataView trainingData, IDataView? validationData) => _fit.Fit(trainingData, validationData);

    /// <summary>Trains a previous model on with new data. Users and items that it does not know are added; all others stay.</summary>
    /// <remarks>As <see cref="DinTrainer.Fit(IDataView, ITransformer, IDataView)"/> does: raw log in for a chain, keys in for a DCCL transformer alone.</remarks>
    /// <param name="trainingData">The new data.</param>
    /// <param name="previousModel">A DCCL transformer, or a chain with one inside.</param>
    /// <param name="validationData">Later events of the same form, for early stopping; null to hold out some of the new data's own.</param>
    /// <returns>The model, of the same form as the previous one, without patches.</returns>
    /// <exception cref="ArgumentException">
    /// The previous model is none of DCCL, or of another shape than the options say; a column is missing or of another type; or the
    /// data cannot teach anything.
    /// </exception>
    /// <exception cref="InvalidDataException">A value of a log cannot be.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before the end of the first epoch.</exception>
    /// <exception cref="CheckpointException">There is a checkpoint, but none of this run.</exception>
    public ITransformer Fit(IDataView trainingData, ITransformer previousModel, IDataView? validationData = null) =>
        _fit.Fit(trainingData, previousModel, validationData);
}
