using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers.Din;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using Microsoft.ML;

namespace DCCL.Trainers;

/// <content>Training that goes on from a previous model.</content>
public sealed partial class DinTrainer
{
    /// <summary>Trains a previous model on with new data. Users and items that it does not know are added; all others stay.</summary>
    /// <remarks>
    /// <para>
    /// Given a chain, such as a mapping of ids to keys with a DCCL transformer behind it, the data are the raw log: the chain's key mappings grow by the new
    /// ids (<see cref="DeviceCloudExtensions.WithGrownKeys"/>), old keys stay, and a chain of the same form comes out. Given a DCCL transformer
    /// alone, the data have keys already, from any mapping: raw ids tell who is who. Keys then are those of the data, and users and items of the
    /// previous model that the data's mapping does not have stand behind them.
    /// </para>
    /// <para>
    /// The model learns from all events of the data, whose histories begin with what the previous model remembers: pass the events since then, and more
    /// of the log if it should not forget. The network must be the previous model's. Patches are learnt on one cloud model and fit no other: they are not
    /// taken over. Run MetaPatch on the result; or, where patches should go on, retrain with MoMoDistill, which migrates them.
    /// </para>
    /// </remarks>
    /// <param name="trainingData">The new data.</param>
    /// <param name="previousModel">A DCCL transformer, or a chain with one inside.</param>
    /// <param name="validationData">Later events of the same form, for early stopping; null to hold out some of the new data's own.</param>
    /// <returns>The model, of the same form as the previous one.</returns>
    /// <exception cref="ArgumentException">
    /// The previous model is none of DCCL, or of another shape than the options say; a column is missing or of another type; or the
    /// data cannot teach anything.
    /// </exception>
    /// <exception cref="InvalidDataException">A value of a log cannot be.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before the end of the first epoch.</exception>
    public ITransformer Fit(IDataView trainingData, ITransformer previousModel, IDataView? validationData = null)
    {
        ArgumentNullException.ThrowIfNull(trainingData);
        ArgumentNullException.ThrowIfNull(previousModel);
        DeviceCloudPredictionTransformer previous = previousModel.DeviceCloudModel();
        ITransformer grown = previousModel.WithGrownKeys(trainingData);
        IDataView keyed = grown.TransformBeforeDeviceCloud(trainingData);
        _options.Columns.Check(keyed.Schema);
        InteractionLog log = InteractionLog.Read(keyed, _options.Columns, _options.Run.CancellationToken);
        InteractionLog? validation = validationData is null
            ? null
            : InteractionLog.Read(grown.TransformBeforeDeviceCloud(validationData), _options.Columns, _options.Run.CancellationToken);
        return grown.ReplaceDeviceCloudModel(Fit(log, validation, keyed.Schema, previous));
    }

    private DeviceCloudPredictionTransformer Fit(
        InteractionLog log, InteractionLog? validation, DataViewSchema schema, DeviceCloudPredictionTransformer previous)
    {
        DataViewSchema.Column userColumn = schema[_options.Columns.UserColumnName];
        DataViewSchema.Column itemColumn = schema[_options.Columns.ItemColumnName];
        KeyMatch users = KeyMatch.Create(
            userColumn.Name, previous.UserIds, previous.History.NumberOfUsers, KeyIds.Read(userColumn), log.NumberOfUsers);
        KeyMatch items = KeyMatch.Create(
            itemColumn.Name, previous.ItemIds, previous.Parameters.Architecture.NumberOfItems, KeyIds.Read(itemColumn), log.NumberOfItems);
        DinArchitecture architecture = CreateArchitecture(items.Count, log.ProfileDimension);
        CheckShape(previous.Parameters.Architecture, architecture);

        using TrainingRun run = new(_environment, nameof(DinTrainer), _options.Run);
        TrainingLog.Describe(run, log);
        run.Info(
            $"{users.Count - users.NumberOfOldKeys} new users and {items.Count - items.NumberOfOldKeys} new items, "
            + $"{users.NumberOfOldKeys} and {items.NumberOfOldKeys} of the previous model.");
        DeviceCloudPredictionTransformer start = GrownModel.Create(
            previous, users, items, architecture, shape => DinModule.Initialize(architecture, shape, run.Random));
        DeviceEvents events = DeviceEvents.Create(start, log);
        TrainingLog.Check(events.Log, _options.Columns);
        InteractionLog fitted = events.HoldBack(_options.HoldBackFraction);
        Dictionary<string, float[]> weights = Train(run, architecture, fitted, validation, start.Parameters, events.IsFromLog);
        DeviceCloudModelParameters parameters = new(architecture, patch: null, encoder: null, weights);
        BehaviorHistory history = BehaviorHistory.FromLog(events.Log, architecture, GetCutoffs(start.History, fitted, events));
        return new DeviceCloudPredictionTransformer(parameters, patches: null, history, _options.Columns)
        {
            HistoryColumnName = previous.HistoryColumnName,
            UserIds = users.Ids,
            ItemIds = items.Ids,
            NumberOfThreads = _options.Run.NumberOfThreads,
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

    private static void CheckShape(BackboneArchitecture previous, DinArchitecture now)
    {
        if (previous is not DinArchitecture old)
        {
            throw new ArgumentException($"The previous model must be a Deep Interest Network, but is '{previous.Name}'.");
        }

        List<string> faults = [];
        Compare(nameof(Options.EmbeddingDimension), old.EmbeddingDimension, now.EmbeddingDimension);
        Compare(nameof(Options.HistoryLength), old.HistoryLength, now.HistoryLength);
        Compare(nameof(Options.ActivationUnitSize), old.ActivationUnitSize, now.ActivationUnitSize);
        Compare(nameof(Options.HiddenLayerSizes), string.Join(", ", old.HiddenLayerSizes), string.Join(", ", now.HiddenLayerSizes));
        Compare(nameof(Options.Activation), old.Activation, now.Activation);
        Compare(nameof(Options.AttentionWeights), old.AttentionWeights, now.AttentionWeights);
        Compare("The length of the profile", old.ProfileDimension, now.ProfileDimension);
        if (faults.Count > 0)
        {
            throw new ArgumentException($"DinTrainer.Options: the network must be the previous model's. {string.Join(" ", faults)}");
        }

        void Compare<T>(string name, T expected, T actual)
        {
            if (!Equals(expected, actual))
            {
                faults.Add($"{name} must be {expected}, but is {actual}.");
            }
        }
    }
}
