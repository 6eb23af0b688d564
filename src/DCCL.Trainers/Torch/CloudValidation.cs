using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Model;
using DCCL.ML.Scoring;

namespace DCCL.Trainers.Torch;

/// <summary>The events that early stopping watches, and what is left to train on.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
internal sealed class CloudValidation
{
    private readonly InteractionLog _history;
    private readonly InteractionLog _events;
    private readonly RankingEvaluationOptions _options;

    private CloudValidation(InteractionLog training, InteractionLog history, InteractionLog events, RankingEvaluationOptions options)
    {
        Training = training;
        _history = history;
        _events = events;
        _options = options;
    }

    /// <summary>Gets the events to train on.</summary>
    public InteractionLog Training { get; }

    /// <summary>Gets a value indicating whether there is anything to watch.</summary>
    public bool HasEvents => _events.NumberOfEvents > 0;

    /// <summary>Takes the given validation events, or holds out the most recent ones of some users.</summary>
    /// <param name="log">The training log.</param>
    /// <param name="validation">Later events; null to hold some out.</param>
    /// <param name="numberOfUsers">The number of users to look at; 0 for no validation.</param>
    /// <param name="run">The run.</param>
    /// <param name="isTaught">Whether an event, of a user and an index, may be held out; null if all may.</param>
    public static CloudValidation Create(
        InteractionLog log, InteractionLog? validation, int numberOfUsers, TrainingRun run, Func<int, int, bool>? isTaught = null)
    {
        RankingEvaluationOptions options = new()
        {
            NumberOfSampledUsers = Math.Max(1, numberOfUsers),
            RanksItems = !log.HasLabels,
            Seed = run.Seed,
            NumberOfThreads = run.Threads,
            CancellationToken = run.Cancellation,
        };
        if (numberOfUsers == 0)
        {
            return new CloudValidation(log, log, log.Where((_, _) => false), options);
        }

        if (validation is not null)
        {
            return new CloudValidation(log, log, validation, options);
        }

        // Of a user's n events the last is held out, of labelled ones the last tenth; whoever has too few keeps them all.
        int[] users =
        [
            .. Enumerable.Range(1, log.NumberOfUsers).Where(user =>
                log.GetItems(user).Length >= 4 && isTaught?.Invoke(user, log.GetItems(user).Length - 1) is not false),
        ];
        run.Random.Shuffle<int>(users);
        HashSet<int> chosen = [.. users.Take(numberOfUsers)];
        bool IsHeldOut(int user, int index)
        {
            int count = log.GetItems(user).Length;
            return chosen.Contains(user) && isTaught?.Invoke(user, index) is not false && index >= count - (log.HasLabels ? Math.Max(1, count / 10) : 1);
        }

        InteractionLog training = log.Where((user, index) => !IsHeldOut(user, index));
        return new CloudValidation(training, training, log.Where(IsHeldOut), options);
    }

    /// <summary>
    /// Measures a model: NDCG@10 over all items, or the reduction in log loss if events have labels; higher is better, null if there is
    /// nothing to watch or labels are all of one class.
    /// </summary>
    /// <remarks>
    /// The log loss, because an over-fitted model shows there first: the AUC of the events that follow the training events closely goes
    /// on rising when that of later ones has begun to fall.
    /// </remarks>
    public double? Measure(DeviceCloudModelParameters parameters)
    {
        if (!HasEvents)
        {
            return null;
        }

        using ModelScorer scorer = new(parameters, _options.NumberOfThreads ?? 0);
        RankingReport report = ItemRankingEvaluator.Evaluate(scorer, patches: null, _history, _events, _options);
        double metric = _events.HasLabels ? 1 - (report.Overall.LogLoss / MeasureEntropy(_events)) : report.Overall.Ndcg(10);
        return double.IsFinite(metric) ? metric : null;
    }

    // The log loss of who knows nothing but the share of positives.
    private static double MeasureEntropy(InteractionLog events)
    {
        double positives = Enumerable.Range(1, events.NumberOfUsers).Sum(user => (double)events.GetLabels(user).Count(true));
        double share = positives / events.NumberOfEvents;
        return -((share * Math.Log(share)) + ((1 - share) * Math.Log(1 - share)));
    }
}
