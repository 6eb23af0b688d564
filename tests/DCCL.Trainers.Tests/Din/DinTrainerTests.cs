using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;
using TorchSharp;

namespace DCCL.Trainers.Tests.Din;

public sealed class DinTrainerTests
{
    private static readonly Checkerboard _board = new();

    [TestCase(AttentionWeights.Softmax, CandidateLoss.BinaryCrossEntropy)]
    [TestCase(AttentionWeights.Plain, CandidateLoss.SampledSoftmax)]
    public void Fit_ACheckerboard_RanksTheMissingItemOfTheOwnGroupFirst(AttentionWeights weights, CandidateLoss loss)
    {
        MLContext context = new(seed: 1);
        IDataView log = context.Data.LoadFromEnumerable(_board.Events);

        ITransformer model = CreateChain(context, Small(20, weights, loss, validationUsers: 0)).Fit(log);

        IDataView scored = model.Transform(context.Data.LoadFromEnumerable(_board.Candidates()));
        IEnumerable<IGrouping<string, (string User, string Item, float Score)>> users = scored.GetColumn<string>("User")
            .Zip(scored.GetColumn<string>("Item"), scored.GetColumn<float>("Score")).GroupBy(row => row.First);
        foreach (IGrouping<string, (string User, string Item, float Score)> user in users)
        {
            Assert.That(user.MaxBy(row => row.Score).Item, Is.EqualTo(_board.HeldOut[user.Key]), user.Key);
        }
    }

    [Test]
    public void Fit_AnotherSeedOrNumberOfThreads_GivesAnotherModel()
    {
        string first = Fit(Small(1)).Parameters.Fingerprint;

        Assert.That(Fit(Small(1)).Parameters.Fingerprint, Is.EqualTo(first));
        Assert.That(Fit(Small(1, seed: 2)).Parameters.Fingerprint, Is.Not.EqualTo(first));
    }

    [Test]
    public void Fit_InAChain_KnowsIdsColumnsAndHistories()
    {
        MLContext context = new(seed: 1);

        DeviceCloudPredictionTransformer model = CreateChain(context, Small(1)).Fit(context.Data.LoadFromEnumerable(_board.Events)).DeviceCloudModel();

        Assert.That(model.UserIds, Is.EqualTo(_board.Events.Select(row => row.User).Distinct()));
        Assert.That(model.ItemIds, Is.EqualTo(_board.Items));
        Assert.That(model.Columns.TimestampColumnName, Is.EqualTo("Timestamp"));
        Assert.That(model.Patches, Is.Null);
        for (int user = 1; user <= model.UserIds!.Count; user++)
        {
            IEnumerable<EventRow> own = _board.Events.Where(row => row.User == model.UserIds[user - 1]);
            Assert.That(model.History.GetItems(user).ToArray().Select(item => model.ItemIds![item - 1]), Is.EqualTo(own.Select(row => row.Item)));
            Assert.That(model.History.Cutoffs[user - 1], Is.EqualTo(own.Last().Timestamp));
        }
    }

    [Test]
    public void Fit_HoldingBack_MovesTheCutoffsButNotTheHistories()
    {
        DeviceCloudPredictionTransformer model = Fit(Small(1, holdBack: 0.3));

        // Of 6 events, ceil(6 * 0.7) = 5 are fitted: times 100 to 140.
        Assert.That(model.History.Cutoffs.ToArray(), Is.All.EqualTo(140.0));
        Assert.That(model.History.GetItems(1).Length, Is.EqualTo(6));
        Assert.That(Fit(Small(1)).Parameters.Fingerprint, Is.Not.EqualTo(model.Parameters.Fingerprint));
    }

    [Test]
    public void Fit_WithProfilesAndLabels_TrainsOnBoth()
    {
        MLContext context = new(seed: 1);
        EventRow[] events =
        [
            .. _board.Events.Select((row, i) => new EventRow
            {
                User = row.User, Item = row.Item, Timestamp = row.Timestamp, Label = i % 3 > 0, Profile = [row.User[0] == 'a' ? 1 : -1, 0.5f],
            }),
        ];
        InteractionColumns columns = new("UserKey", "ItemKey", "Timestamp", "Label", "Profile");

        DeviceCloudPredictionTransformer model = CreateChain(context, Small(3, columns: columns))
            .Fit(context.Data.LoadFromEnumerable(events)).DeviceCloudModel();

        Assert.That(model.Parameters.Architecture.ProfileDimension, Is.EqualTo(2));
        Assert.That(model.History.GetProfile(1).ToArray(), Is.EqualTo(new float[] { 1, 0.5f }));
        Assert.That(model.History.GetItems(1).Length, Is.EqualTo(events.Count(row => row.User == events[0].User && row.Label)));
    }

    [Test]
    public void Fit_ReportsEachEpoch_AndKeepsTheBest()
    {
        Watcher watcher = new();

        DeviceCloudPredictionTransformer model = Fit(Small(12, patience: 3, progress: watcher));

        TrainingProgress[] epochs = [.. watcher.Reports.Where(report => report.Loss is not null)];
        int best = epochs.MaxBy(report => report.ValidationMetric)!.Epoch;
        Assert.That(epochs.Select(report => report.Epoch), Is.EqualTo(Enumerable.Range(1, epochs.Length)));
        Assert.That(epochs, Has.Length.EqualTo(Math.Min(12, best + 3)));
        Assert.That(epochs, Is.All.Matches<TrainingProgress>(report => report is { Stage: "din", NumberOfEpochs: 12, Fraction: 1, Loss: > 0 }));
        Assert.That(epochs.Select(report => report.ValidationMetric), Is.All.InRange(0, 1));
        Assert.That(epochs.Select(report => report.TimeLeft), Is.All.GreaterThanOrEqualTo(TimeSpan.Zero));
        Assert.That(watcher.Reports.Where(report => report.Loss is null), Is.All.Matches<TrainingProgress>(report => report is { Fraction: > 0 and <= 1 }));
        Assert.That(model.Parameters.Fingerprint, Is.EqualTo(Fit(Small(best, patience: 12)).Parameters.Fingerprint));
    }

    [Test]
    public void Fit_Messages_TellOfTheLogAndOfEachEpoch()
    {
        MLContext context = new(seed: 1);
        List<string> messages = [];
        context.Log += (_, entry) => messages.Add(entry.RawMessage);
        EventRow[] events = [.. _board.Events, _board.Events[0], new() { User = "loner", Item = "a1", Timestamp = 1 }];

        CreateChain(context, Small(2)).Fit(context.Data.LoadFromEnumerable(events));

        Assert.That(messages, Has.Some.EqualTo("146 events of 25 users and 14 items"));
        Assert.That(messages, Has.Some.EqualTo("1 users have a single event: they are skipped, because nothing comes before it."));
        Assert.That(messages, Has.Some.EqualTo("1 events repeat user, item and time of another; they are kept."));
        Assert.That(messages, Has.Some.StartsWith("din: epoch 1 of 2, loss 0."));
        Assert.That(messages, Has.Some.Match("^din: the model of epoch [12] is kept.$"));
    }

    [Test]
    public void Fit_CancelledAfterAnEpoch_ReturnsTheBestSoFar()
    {
        using CancellationTokenSource source = new();
        Watcher watcher = new() { Reported = report => Cancel(source, report is { Epoch: 2, Loss: not null }) };

        DeviceCloudPredictionTransformer model = Fit(Small(50, patience: 50, progress: watcher, token: source.Token));

        Assert.That(model.Parameters.Fingerprint, Is.EqualTo(Fit(Small(2, patience: 50)).Parameters.Fingerprint));
        Assert.That(watcher.Reports.Max(report => report.Epoch), Is.EqualTo(2));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void Fit_CancelledBeforeTheEndOfTheFirstEpoch_Throws(bool beforeTheStart)
    {
        using CancellationTokenSource source = new();
        Cancel(source, beforeTheStart);
        Watcher watcher = new() { Reported = _ => source.Cancel() };

        Assert.That(() => Fit(Small(3, progress: watcher, token: source.Token)), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(watcher.Reports.Count, Is.EqualTo(beforeTheStart ? 0 : 1));
    }

    [Test]
    public void Fit_AValidationLog_IsWatchedInsteadOfTheLogsOwnEvents()
    {
        MLContext context = new(seed: 1);
        IDataView log = context.Data.LoadFromEnumerable(_board.Events);
        ITransformer keys = EventRow.MapKeys(context).Fit(log);
        IDataView validation = keys.Transform(context.Data.LoadFromEnumerable(
            _board.HeldOut.Select(pair => new EventRow { User = pair.Key, Item = pair.Value, Timestamp = 1000 })));
        Watcher watcher = new();

        context.DeviceCloud().Trainers.Din(Small(30, patience: 30, progress: watcher)).Fit(keys.Transform(log), validation);

        // The board understood, the missing item ranks first: NDCG@10 is 1.
        Assert.That(watcher.Reports.Max(report => report.ValidationMetric), Is.EqualTo(1).Within(1e-6));
    }

    [Test]
    public void Fit_Labels_WatchesTheReductionInLogLoss()
    {
        MLContext context = new(seed: 1);
        EventRow[] events = [.. _board.Events.Select((row, i) => CreateLabelled(row.User, row.Item, row.Timestamp, i))];
        EventRow[] held = [.. _board.HeldOut.Select((pair, i) => CreateLabelled(pair.Key, pair.Value, 1000, i))];
        IDataView log = context.Data.LoadFromEnumerable(events);
        ITransformer keys = EventRow.MapKeys(context).Fit(log);
        IDataView validation = keys.Transform(context.Data.LoadFromEnumerable(held));
        Watcher watcher = new();
        InteractionColumns columns = new("UserKey", "ItemKey", "Timestamp", "Label");

        DeviceCloudPredictionTransformer model = context.DeviceCloud().Trainers.Din(Small(1, progress: watcher, columns: columns))
            .Fit(keys.Transform(log), validation);

        double expected = context.BinaryClassification.Evaluate(model.Transform(validation)).LogLossReduction;
        Assert.That(watcher.Reports.Max(report => report.ValidationMetric), Is.EqualTo(expected).Within(1e-5));
        static EventRow CreateLabelled(string user, string item, double time, int i) =>
            new() { User = user, Item = item, Timestamp = time, Label = i % 3 > 0 };
    }

    [Test]
    public void Fit_WithoutValidation_TrainsAllEpochsAndKeepsTheLast()
    {
        Watcher watcher = new();

        Fit(Small(4, validationUsers: 0, patience: 1, progress: watcher));

        Assert.That(watcher.Reports.Max(report => report.Epoch), Is.EqualTo(4));
        Assert.That(watcher.Reports.Select(report => report.ValidationMetric), Is.All.Null);
    }

    [Test]
    public void Fit_LabelsWhoseLatestAreAllPositive_StillReturnsAModel()
    {
        MLContext context = new(seed: 1);
        EventRow[] events =
        [
            .. _board.Events.Select(row => new EventRow { User = row.User, Item = row.Item, Timestamp = row.Timestamp, Label = row.Timestamp > 110 }),
        ];

        ITransformer model = CreateChain(context, Small(2, columns: new InteractionColumns("UserKey", "ItemKey", "Timestamp", "Label")))
            .Fit(context.Data.LoadFromEnumerable(events));

        Assert.That(model.Transform(context.Data.LoadFromEnumerable(events)).GetColumn<float>("Score"), Is.All.Not.NaN);
    }

    [Test]
    public void Fit_RestoresTheNumberOfTorchsThreads()
    {
        torch.set_num_threads(2);
        try
        {
            Fit(Small(1));

            Assert.That(torch.get_num_threads(), Is.EqualTo(2));
        }
        finally
        {
            torch.set_num_threads(1);
        }
    }

    [Test]
    public void Fit_MoreEpochs_LeaveNoMoreTensors()
    {
        Fit(Small(1)).Dispose();
        long one = LiveTensors.CountNew(() => Fit(Small(1)).Dispose());
        long three = LiveTensors.CountNew(() => Fit(Small(3)).Dispose());

        Assert.That(three, Is.EqualTo(one));
    }

    private static DinTrainer.Options Small(
        int epochs,
        AttentionWeights weights = AttentionWeights.Softmax,
        CandidateLoss loss = CandidateLoss.BinaryCrossEntropy,
        int seed = 1,
        int patience = 100,
        double holdBack = 0,
        int validationUsers = 1000,
        InteractionColumns? columns = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken token = default) => new()
        {
            Columns = columns ?? new InteractionColumns("UserKey", "ItemKey", "Timestamp"),
            EmbeddingDimension = 8,
            HistoryLength = 6,
            ActivationUnitSize = 8,
            HiddenLayerSizes = [16, 8],
            AttentionWeights = weights,
            Loss = loss,
            BatchSize = 40,
            LearningRate = 0.02,
            NumberOfEpochs = epochs,
            Patience = patience,
            HoldBackFraction = holdBack,
            NumberOfValidationUsers = validationUsers,
            Run = new TrainingRunOptions { Seed = seed, NumberOfThreads = 1, Progress = progress, CancellationToken = token },
        };

    private static IEstimator<ITransformer> CreateChain(MLContext context, DinTrainer.Options options) =>
        EventRow.MapKeys(context).Append(context.DeviceCloud().Trainers.Din(options));

    private static DeviceCloudPredictionTransformer Fit(DinTrainer.Options options)
    {
        MLContext context = new(seed: 1);
        return CreateChain(context, options).Fit(context.Data.LoadFromEnumerable(_board.Events)).DeviceCloudModel();
    }

    private static void Cancel(CancellationTokenSource source, bool when)
    {
        if (when)
        {
            source.Cancel();
        }
    }
}
