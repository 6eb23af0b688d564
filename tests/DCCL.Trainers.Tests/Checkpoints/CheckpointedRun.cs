using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using Microsoft.ML;

namespace DCCL.Trainers.Tests.Checkpoints;

/// <summary>Small trainings of every kind that keep a checkpoint.</summary>
internal static class CheckpointedRun
{
    /// <summary>The number of epochs at most.</summary>
    public const int NumberOfEpochs = 4;

    private static readonly Checkerboard _board = new(usersInGroup: 5, itemsInGroup: 5);
    private static readonly InteractionColumns _unlabelled = new("UserKey", "ItemKey", nameof(EventRow.Timestamp));
    private static readonly InteractionColumns _labelled = new("UserKey", "ItemKey", nameof(EventRow.Timestamp), nameof(EventRow.Label), nameof(EventRow.Profile));

    /// <summary>Gets the events, every third of them refused.</summary>
    public static IReadOnlyList<EventRow> Events { get; } =
    [
        .. _board.Events.Select((row, i) => new EventRow
        {
            User = row.User, Item = row.Item, Timestamp = row.Timestamp, Label = i % 3 > 0, Profile = [i % 2, 1],
        }),
    ];

    /// <summary>Trains.</summary>
    /// <param name="kind">
    /// The network, and what is special, a letter each: labels and profiles, dropout, two threads, Dice, sampled items, held-back events,
    /// previous model, validation data, no patience.
    /// </param>
    /// <param name="path">The path of the checkpoint; null for none.</param>
    /// <param name="progress">Is told of the progress.</param>
    /// <param name="events">The log; null for <see cref="Events"/>.</param>
    /// <param name="ml">The context; null for a new one.</param>
    /// <param name="cancellation">Ends the run.</param>
    public static DeviceCloudPredictionTransformer Fit(
        string kind, string? path, Action<TrainingProgress>? progress = null, IReadOnlyList<EventRow>? events = null, MLContext? ml = null, CancellationToken cancellation = default)
    {
        ml ??= new MLContext(seed: 1);
        bool Has(char letter) => kind.Split(' ')[^1].Contains(letter, StringComparison.Ordinal);
        TrainingRunOptions run = new()
        {
            NumberOfThreads = Has('2') ? 2 : 1,
            CheckpointPath = path,
            Progress = new Watcher { Reported = progress ?? (_ => { }) },
            CancellationToken = cancellation,
        };
        InteractionColumns columns = Has('l') ? _labelled : _unlabelled;
        DinTrainer.Options din = new()
        {
            Columns = columns,
            EmbeddingDimension = 4,
            NumberOfSpectralFactors = 2,
            HistoryLength = 4,
            ActivationUnitSize = 4,
            HiddenLayerSizes = [6, 5],
            Activation = Has('D') ? DinActivation.Dice : DinActivation.PRelu,
            DropoutRate = Has('d') ? 0.2 : 0,
            BatchSize = 7,
            LearningRate = 0.02,
            WeightDecay = 0.01,
            NumberOfEpochs = NumberOfEpochs,
            Patience = Has('1') ? 1 : 100,
            HoldBackFraction = Has('h') ? 0.3 : 0,
            Run = run,
        };
        SasRecTrainer.Options sasRec = new()
        {
            Columns = columns,
            EmbeddingDimension = 4,
            NumberOfSpectralFactors = 2,
            HistoryLength = 3,
            NumberOfBlocks = 1,
            FeedForwardSize = 6,
            DropoutRate = Has('d') ? 0.2 : 0,
            NumberOfSampledItems = Has('s') ? 3 : 0,
            BatchSize = 3,
            LearningRate = 0.02,
            NumberOfEpochs = NumberOfEpochs,
            Patience = Has('1') ? 1 : 100,
            Run = run,
        };
        ITransformer keys = EventRow.MapKeys(ml).Fit(ml.Data.LoadFromEnumerable(Events));
        IDataView Load(IEnumerable<EventRow> rows) => keys.Transform(ml.Data.LoadFromEnumerable(rows));
        IDataView log = Load(events ?? Events);
        IDataView? validation = Has('v') ? Load(_board.Candidates().Where(row => row.Item == _board.HeldOut[row.User])) : null;
        bool isSasRec = kind.StartsWith("sasrec", StringComparison.Ordinal);
        if (Has('p'))
        {
            ITransformer previous = Fit(isSasRec ? "sasrec " : "din ", path: null, ml: ml, cancellation: cancellation);
            return isSasRec
                ? ml.DeviceCloud().Trainers.SasRec(sasRec).Fit(log, previous).DeviceCloudModel()
                : ml.DeviceCloud().Trainers.Din(din).Fit(log, previous).DeviceCloudModel();
        }

        return isSasRec
            ? ml.DeviceCloud().Trainers.SasRec(sasRec).Fit(log, validation)
            : ml.DeviceCloud().Trainers.Din(din).Fit(log, validation);
    }
}
