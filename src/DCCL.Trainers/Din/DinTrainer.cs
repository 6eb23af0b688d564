using System.Runtime.CompilerServices;
using System.Globalization;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers.Din;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace DCCL.Trainers;

/// <summary>Trains a Deep Interest Network, the cloud model of device-cloud collaborative learning, on a log of events.</summary>
/// <remarks>
/// <list type="table">
/// <listheader><term>Input column</term><description>Type</description></listheader>
/// <item><term>user, item</term><description>Key&lt;UInt32&gt;</description></item>
/// <item><term>timestamp (optional)</term><description>Int32, UInt32, Int64, Single, Double or DateTime; without it the order of the rows counts</description></item>
/// <item><term>label (optional)</term><description>Boolean or Single; without it every event is positive and negatives are sampled</description></item>
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
/// One row of the log is one event: the trainer builds the histories and samples the negatives itself. Early stopping watches
/// NDCG@10 over all items, or the reduction in log loss with a label column, on the validation log, or on the last events of some
/// users, which are then not trained on. The best epoch is kept.
/// </para>
/// <para>
/// <see cref="DinArchitecture"/> has the equations. Source: Zhou et al., "Deep Interest Network for Click-Through Rate Prediction",
/// KDD 2018, https://arxiv.org/abs/1706.06978.
/// </para>
/// <para>Thread-safe: a trainer holds only its options.</para>
/// </remarks>
/// <example>
/// <code>
/// var model = keys.Append(mlContext.DeviceCloud().Trainers.Din("User", "Item", "timestamp")).Fit(log);
/// </code>
/// </example>
public sealed partial class DinTrainer : IEstimator<DeviceCloudPredictionTransformer>
{
    private const float SpectralScale = 0.1f;

    private readonly IHostEnvironment _environment;
    private readonly Options _options;

    internal DinTrainer(IHostEnvironment environment, Options options)
    {
        _environment = environment;
        options.Validate();
        _options = options;
    }

    /// <summary>Checks the input columns and says what the model will put out.</summary>
    /// <param name="inputSchema">The shape of the log's schema.</param>
    /// <returns>The input columns, then Score, Probability, PredictedLabel and PatchStatus.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        _options.Columns.Check(inputSchema);
        return ScoreColumns.Append(inputSchema);
    }

    /// <summary>Trains on a log; the last events of some of its users serve as validation.</summary>
    /// <param name="input">The log.</param>
    /// <returns>The cloud model.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type, or the log cannot teach anything.</exception>
    /// <exception cref="InvalidDataException">A value of the log cannot be.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before the end of the first epoch.</exception>
    public DeviceCloudPredictionTransformer Fit(IDataView input) => Fit(input, validationData: null);

    /// <summary>Trains on a log.</summary>
    /// <param name="trainingData">The log.</param>
    /// <param name="validationData">Later events of the same users, for early stopping; null to hold out some of the log's own.</param>
    /// <returns>The cloud model.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type, or the log cannot teach anything.</exception>
    /// <exception cref="InvalidDataException">A value of a log cannot be.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before the end of the first epoch.</exception>
    [OverloadResolutionPriority(1)] // so that Fit(log, null) means no validation data, not no previous model
    public DeviceCloudPredictionTransformer Fit(IDataView trainingData, IDataView? validationData)
    {
        ArgumentNullException.ThrowIfNull(trainingData);
        _options.Columns.Check(trainingData.Schema);
        ScoreColumns.Check(trainingData.Schema);
        InteractionLog log = InteractionLog.Read(trainingData, _options.Columns, _options.Run.CancellationToken);
        InteractionLog? validation = validationData is null
            ? null
            : InteractionLog.Read(validationData, _options.Columns, _options.Run.CancellationToken);
        return Fit(log, validation, trainingData.Schema);
    }

    /// <summary>Trains on a log that has been read.</summary>
    internal DeviceCloudPredictionTransformer Fit(InteractionLog log, InteractionLog? validation, DataViewSchema schema)
    {
        TrainingLog.Check(log, _options.Columns);
        using TrainingRun run = new(_environment, nameof(DinTrainer), _options.Run);
        TrainingLog.Describe(run, log);
        DinArchitecture architecture = CreateArchitecture(log.NumberOfItems, log.ProfileDimension);
        InteractionLog fitted = TrainingLog.HoldBack(log, _options.HoldBackFraction);
        Dictionary<string, float[]> weights = Train(run, architecture, fitted, validation, start: null, (_, _) => true);
        DeviceCloudModelParameters parameters = new(architecture, patch: null, encoder: null, weights);
        BehaviorHistory history = BehaviorHistory.FromLog(log, architecture, TrainingLog.GetCutoffs(fitted));
        return new DeviceCloudPredictionTransformer(parameters, patches: null, history, _options.Columns)
        {
            UserIds = KeyIds.Read(schema[_options.Columns.UserColumnName]),
            ItemIds = KeyIds.Read(schema[_options.Columns.ItemColumnName]),
            NumberOfThreads = _options.Run.NumberOfThreads,
        };
    }

    private DinArchitecture CreateArchitecture(int numberOfItems, int profileDimension) => new()
    {
        NumberOfItems = numberOfItems,
        EmbeddingDimension = _options.EmbeddingDimension,
        HistoryLength = _options.HistoryLength,
        ProfileDimension = profileDimension,
        ActivationUnitSize = _options.ActivationUnitSize,
        HiddenLayerSizes = _options.HiddenLayerSizes,
        Activation = _options.Activation,
        AttentionWeights = _options.AttentionWeights,
    };

    /// <summary>Trains.</summary>
    /// <param name="run">The run.</param>
    /// <param name="architecture">The network.</param>
    /// <param name="log">The log.</param>
    /// <param name="validation">Later events; null to hold some out.</param>
    /// <param name="start">The weights to begin with; null for random ones.</param>
    /// <param name="isTaught">Whether an event, of a user and an index, is to be learnt; the others stand in histories only.</param>
    private Dictionary<string, float[]> Train(
        TrainingRun run,
        DinArchitecture architecture,
        InteractionLog log,
        InteractionLog? validation,
        DeviceCloudModelParameters? start,
        Func<int, int, bool> isTaught)
    {
        CloudValidation watch = CloudValidation.Create(log, validation, _options.NumberOfValidationUsers, run, isTaught);
        EventTable events = EventTable.Create(watch.Training, architecture.HistoryLength, architecture.ProfileDimension > 0, isTaught);
        if (events.Count == 0)
        {
            throw new ArgumentException(
                "The log must have events with something before them, but none is left once the most recent ones are held back. "
                + $"Lower {nameof(Options.HoldBackFraction)} or {nameof(Options.NumberOfValidationUsers)}.");
        }

        using DinModule module = start is null
            ? new DinModule(architecture, _options.DropoutRate, run.Random)
            : new DinModule(architecture, _options.DropoutRate, shape => start[shape.Name].ToArray());
        if (start is null)
        {
            SetSpectralFactors(module, watch.Training, run.Random);
        }

        CloudTraining.Settings settings = new(
            _options.BatchSize, _options.LearningRate, _options.WeightDecay, _options.NumberOfNegatives, _options.Loss, run.Threads);
        using CloudTraining training = new(module, events, watch.Training, settings, run.Random);
        Dictionary<string, float[]>? best = null;
        Dictionary<string, float[]>? current = null;
        int patience = watch.HasEvents ? _options.Patience : int.MaxValue;
        int epoch = run.RunEpochs(
            "din",
            _options.NumberOfEpochs,
            patience,
            (_, report) =>
            {
                double loss = training.RunEpoch(teacher: null, batch => report((double)batch / training.NumberOfBatches));
                current = module.Export();
                return (loss, watch.Measure(new DeviceCloudModelParameters(architecture, null, null, current)));
            },
            () => best = current);
        run.Cancellation.ThrowIfCancellationRequestedUnless(best is not null);
        run.Info(string.Create(CultureInfo.InvariantCulture, $"din: the model of epoch {epoch} is kept."));
        return best!;
    }

    private void SetSpectralFactors(DinModule module, InteractionLog log, SeededRandom random)
    {
        int dimension = _options.EmbeddingDimension;
        int factors = Math.Min(_options.NumberOfSpectralFactors, dimension);
        if (factors == 0)
        {
            return;
        }

        float[] vectors = SpectralEmbedding.Compute(log, factors, random);
        float[] table = module.Weights["item.embedding"].ToArray();
        for (int i = 0; i < vectors.Length; i++)
        {
            table[(i / factors * dimension) + (i % factors)] = SpectralScale * vectors[i];
        }

        module.Weights["item.embedding"].CopyFrom(table);
    }
}
