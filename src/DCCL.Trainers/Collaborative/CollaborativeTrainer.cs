using DCCL.ML.Data;
using DCCL.ML.Scoring;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace DCCL.Trainers;

/// <summary>
/// Does everything on one log: trains the cloud model, learns patches, and distils them back, for a number of rounds; the result has
/// the patches migrated to the distilled model.
/// </summary>
/// <remarks>
/// <para>
/// The most recent events of each user play the devices' part: the cloud model is trained without them, patches learn from them,
/// and distillation brings them into the cloud model. Without rounds it is DCCL-e of the paper, with rounds DCCL-m.
/// </para>
/// <para>Input and output columns are those of <see cref="DinTrainer"/>.</para>
/// <para>Source: Yao et al., "Device-Cloud Collaborative Learning for Recommendation", KDD 2021, section 3,
/// https://arxiv.org/abs/2104.06624.</para>
/// <para>Thread-safe: a trainer holds only its options.</para>
/// </remarks>
/// <example>
/// <code>
/// var model = keys.Append(mlContext.DeviceCloud().Trainers.Collaborative(options)).Fit(log);
/// </code>
/// </example>
public sealed partial class CollaborativeTrainer : IEstimator<DeviceCloudPredictionTransformer>
{
    private readonly IHostEnvironment _environment;
    private readonly Options _options;

    internal CollaborativeTrainer(IHostEnvironment environment, Options options)
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
        _options.Cloud.Columns.Check(inputSchema);
        return ScoreColumns.Append(inputSchema);
    }

    /// <summary>Trains on a log.</summary>
    /// <param name="input">The log.</param>
    /// <returns>The cloud model with a patch for every user.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type, or the log cannot teach anything.</exception>
    /// <exception cref="InvalidDataException">A value of the log cannot be.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="CheckpointException">There is a checkpoint, but none of this run.</exception>
    public DeviceCloudPredictionTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        InteractionColumns columns = _options.Cloud.Columns;
        columns.Check(input.Schema);
        ScoreColumns.Check(input.Schema);
        InteractionLog log = InteractionLog.Read(input, columns, _options.Cloud.Run.CancellationToken);
        InteractionLog cloud = TrainingLog.HoldBack(log, _options.DeviceFraction);
        InteractionLog device = log.Where((user, index) => index >= cloud.GetItems(user).Length);

        TrainingRunOptions run = _options.Cloud.Run;
        DeviceCloudPredictionTransformer model = new DinTrainer(_environment, _options.Cloud).Fit(cloud, validation: null, input.Schema);
        MetaPatchTrainer.Options patches = _options.Patches.With(run);
        model = new MetaPatchTrainer(_environment, model, patches).Fit(device);
        for (int round = 1; round <= _options.NumberOfRounds; round++)
        {
            model = new MoMoDistillEstimator(_environment, model, _options.Distillation.With(run, patches)).Fit(cloud, device);
        }

        return model;
    }
}
