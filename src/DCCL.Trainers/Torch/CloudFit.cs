using System.Globalization;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers.Checkpoints;
using DCCL.Trainers.MetaPatch;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace DCCL.Trainers.Torch;

/// <summary>Makes a prediction transformer of a log, whatever the network: reading, validation, early stopping, retraining.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
internal sealed class CloudFit
{
    private readonly IHostEnvironment _environment;
    private readonly ICloudNetwork _network;
    private readonly Settings _settings;

    /// <summary>How to fit.</summary>
    /// <param name="Columns">The columns of the log.</param>
    /// <param name="NumberOfSpectralFactors">How many elements of an item's embedding begin as singular vectors of the log.</param>
    /// <param name="NumberOfEpochs">The number of epochs at most.</param>
    /// <param name="Patience">The number of epochs without a better validation metric.</param>
    /// <param name="NumberOfValidationUsers">The number of users whose events early stopping looks at.</param>
    /// <param name="HoldBackFraction">The share of each user's events that is not learnt.</param>
    /// <param name="Run">How the trainer runs.</param>
    public sealed record Settings(
        InteractionColumns Columns,
        int NumberOfSpectralFactors,
        int NumberOfEpochs,
        int Patience,
        int NumberOfValidationUsers,
        double HoldBackFraction,
        TrainingRunOptions Run);

    public CloudFit(IHostEnvironment environment, ICloudNetwork network, Settings settings)
    {
        _environment = environment;
        _network = network;
        _settings = settings;
    }

    /// <summary>Checks the input columns and says what the model will put out.</summary>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        _settings.Columns.Check(inputSchema);
        return ScoreColumns.Append(inputSchema);
    }

    /// <summary>Trains on a log.</summary>
    public DeviceCloudPredictionTransformer Fit(IDataView trainingData, IDataView? validationData)
    {
        ArgumentNullException.ThrowIfNull(trainingData);
        _settings.Columns.Check(trainingData.Schema);
        ScoreColumns.Check(trainingData.Schema);
        PrepareCheckpoint();
        InteractionLog log = Read(trainingData);
        return Fit(log, validationData is null ? null : Read(validationData), trainingData.Schema);
    }

    /// <summary>Trains on a log that has been read.</summary>
    public DeviceCloudPredictionTransformer Fit(InteractionLog log, InteractionLog? validation, DataViewSchema schema)
    {
        TrainingLog.Check(log, _settings.Columns);
        using TrainingRun run = new(_environment, _network.TrainerName, _settings.Run);
        TrainingLog.Describe(run, log);
        BackboneArchitecture architecture = _network.CreateArchitecture(log.NumberOfItems, log.ProfileDimension);
        InteractionLog fitted = TrainingLog.HoldBack(log, _settings.HoldBackFraction);
        Dictionary<string, float[]> weights = Train(run, architecture, fitted, validation, start: null, (_, _) => true);
        DeviceCloudModelParameters parameters = new(architecture, patch: null, encoder: null, weights);
        BehaviorHistory history = BehaviorHistory.FromLog(log, architecture, TrainingLog.GetCutoffs(fitted));
        return new DeviceCloudPredictionTransformer(parameters, patches: null, history, _settings.Columns)
        {
            UserIds = KeyIds.Read(schema[_settings.Columns.UserColumnName]),
            ItemIds = KeyIds.Read(schema[_settings.Columns.ItemColumnName]),
            NumberOfThreads = _settings.Run.NumberOfThreads,
        };
    }

    /// <summary>Trains a previous model on.</summary>
    public ITransformer Fit(IDataView trainingData, ITransformer previousModel, IDataView? validationData)
    {
        ArgumentNullException.ThrowIfNull(trainingData);
        ArgumentNullException.ThrowIfNull(previousModel);
        DeviceCloudPredictionTransformer previous = previousModel.DeviceCloudModel();
        PrepareCheckpoint();
        ITransformer grown = previousModel.WithGrownKeys(trainingData);
        IDataView keyed = grown.TransformBeforeDeviceCloud(trainingData);
        _settings.Columns.Check(keyed.Schema);
        InteractionLog log = Read(keyed);
        InteractionLog? validation = validationData is null ? null : Read(grown.TransformBeforeDeviceCloud(validationData));
        return grown.ReplaceDeviceCloudModel(Fit(log, validation, keyed.Schema, previous));
    }

    // Before the log is read, which may take minutes.
    private void PrepareCheckpoint()
    {
        if (_settings.Run.CheckpointPath is string path)
        {
            Checkpoint.Prepare(path);
        }
    }

    private InteractionLog Read(IDataView data) => InteractionLog.Read(data, _settings.Columns, _settings.Run.CancellationToken);

    private DeviceCloudPredictionTransformer Fit(
        InteractionLog log, InteractionLog? validation, DataViewSchema schema, DeviceCloudPredictionTransformer previous)
    {
        DataViewSchema.Column userColumn = schema[_settings.Columns.UserColumnName];
        DataViewSchema.Column itemColumn = schema[_settings.Columns.ItemColumnName];
        KeyMatch users = KeyMatch.Create(
            userColumn.Name, previous.UserIds, previous.History.NumberOfUsers, KeyIds.Read(userColumn), log.NumberOfUsers);
        KeyMatch items = KeyMatch.Create(
            itemColumn.Name, previous.ItemIds, previous.Parameters.Architecture.NumberOfItems, KeyIds.Read(itemColumn), log.NumberOfItems);
        BackboneArchitecture architecture = _network.CreateArchitecture(items.Count, log.ProfileDimension);
        IReadOnlyList<string> faults = _network.Compare(previous.Parameters.Architecture, architecture).Faults;
        if (faults.Count > 0)
        {
            throw new ArgumentException($"{_network.TrainerName}.Options: the network must be the previous model's. {string.Join(" ", faults)}");
        }

        using TrainingRun run = new(_environment, _network.TrainerName, _settings.Run);
        TrainingLog.Describe(run, log);
        run.Info(
            $"{users.Count - users.NumberOfOldKeys} new users and {items.Count - items.NumberOfOldKeys} new items, "
            + $"{users.NumberOfOldKeys} and {items.NumberOfOldKeys} of the previous model.");
        DeviceCloudPredictionTransformer start = GrownModel.Create(
            previous, users, items, architecture, shape => _network.Initialize(architecture, shape, run.Random));
        DeviceEvents events = DeviceEvents.Create(start, log);
        TrainingLog.Check(events.Log, _settings.Columns);
        InteractionLog fitted = events.HoldBack(_settings.HoldBackFraction);
        Dictionary<string, float[]> weights = Train(run, architecture, fitted, validation, start.Parameters, events.IsFromLog);
        DeviceCloudModelParameters parameters = new(architecture, patch: null, encoder: null, weights);
        BehaviorHistory history = BehaviorHistory.FromLog(events.Log, architecture, GetCutoffs(start.History, fitted, events));
        return new DeviceCloudPredictionTransformer(parameters, patches: null, history, _settings.Columns)
        {
            HistoryColumnName = previous.HistoryColumnName,
            UserIds = users.Ids,
            ItemIds = items.Ids,
            NumberOfThreads = _settings.Run.NumberOfThreads,
        };
    }

    /// <summary>The later of what a user's cut-off was and of the last new event that the model is fitted to.</summary>
    private static double[] GetCutoffs(BehaviorHistory before, InteractionLog fitted, DeviceEvents events)
    {
        double[] cutoffs = new double[fitted.NumberOfUsers];
        Array.Fill(cutoffs, double.NegativeInfinity);
        before.Cutoffs.CopyTo(cutoffs);
        for (int user = 1; user <= fitted.NumberOfUsers; user++)
        {
            ReadOnlySpan<double> times = fitted.GetTimestamps(user);
            if (!times.IsEmpty && events.IsFromLog(user, times.Length - 1))
            {
                cutoffs[user - 1] = Math.Max(cutoffs[user - 1], times[^1]);
            }
        }

        return cutoffs;
    }

    /// <summary>Trains.</summary>
    /// <param name="run">The run.</param>
    /// <param name="architecture">The network.</param>
    /// <param name="log">The log.</param>
    /// <param name="validation">Later events; null to hold some out.</param>
    /// <param name="start">The weights to begin with; null for random ones.</param>
    /// <param name="isTaught">Whether an event, of a user and an index, is to be learnt; the others stand in histories only.</param>
    private Dictionary<string, float[]> Train(
        TrainingRun run,
        BackboneArchitecture architecture,
        InteractionLog log,
        InteractionLog? validation,
        DeviceCloudModelParameters? start,
        Func<int, int, bool> isTaught)
    {
        Checkpoint? checkpoint = CreateCheckpoint(run, log, validation, start, isTaught);
        CloudValidation watch = CloudValidation.Create(log, validation, _settings.NumberOfValidationUsers, run, isTaught);
        using TorchBackbone module = _network.CreateModule(
            architecture, shape => start?[shape.Name].ToArray() ?? _network.Initialize(architecture, shape, run.Random));
        if (start is null)
        {
            SpectralStart.Apply(module, watch.Training, _settings.NumberOfSpectralFactors, run.Random);
        }

        using ICloudEpochs training = _network.CreateTraining(module, watch.Training, isTaught, run)
            ?? throw new ArgumentException(
                "The log must have events with something before them, but none is left once the most recent ones are held back. "
                + "Lower HoldBackFraction or NumberOfValidationUsers.");
        CloudState state = new(module, training, run.Random);
        Dictionary<string, float[]>? current = null;
        int patience = watch.HasEvents ? _settings.Patience : int.MaxValue;
        string stage = architecture.Name;
        if (checkpoint?.Restore(state.Transfer) is true)
        {
            run.Info($"{stage}: goes on after epoch {state.Epochs.Count}, from '{_settings.Run.CheckpointPath}'.");
        }

        bool isSaved = true;
        int epoch = run.RunEpochs(
            stage,
            _settings.NumberOfEpochs,
            patience,
            (_, report) =>
            {
                double loss = training.RunEpoch(batch => report((double)batch / training.NumberOfBatches));
                current = module.Export();
                return (loss, watch.Measure(new DeviceCloudModelParameters(architecture, null, null, current)));
            },
            improved: () => state.Best = current,
            state.Epochs,
            finished: () => isSaved = Save(run, checkpoint, state, warns: isSaved));
        run.Cancellation.ThrowIfCancellationRequestedUnless(state.Best is not null);
        run.Info(string.Create(CultureInfo.InvariantCulture, $"{stage}: the model of epoch {epoch} is kept."));
        return state.Best!;
    }

    private Checkpoint? CreateCheckpoint(
        TrainingRun run, InteractionLog log, InteractionLog? validation, DeviceCloudModelParameters? start, Func<int, int, bool> isTaught)
    {
        if (_settings.Run.CheckpointPath is not string path)
        {
            return null;
        }

        Checkpoint.Prepare(path);
        RunDescription description = new RunDescription(_network.TrainerName, _network.Options)
            .Add("seed", run.Seed.ToString(CultureInfo.InvariantCulture))
            .Add("number of threads", run.Threads.ToString(CultureInfo.InvariantCulture))
            .Add("log", log, isTaught)
            .Add("previous model", start?.Fingerprint ?? "none");
        return new Checkpoint(path, validation is null ? description : description.Add("validation log", validation, (_, _) => true));
    }

    // Whoever trains for hours would rather have a model than a checkpoint; and one warning of a full disk rather than one an epoch.
    private static bool Save(TrainingRun run, Checkpoint? checkpoint, CloudState state, bool warns)
    {
        try
        {
            checkpoint?.Save(state.Transfer);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (warns)
            {
                run.Warning($"The checkpoint must be written after each epoch, but cannot: {exception.Message} The training goes on without.");
            }

            return false;
        }
    }
}
