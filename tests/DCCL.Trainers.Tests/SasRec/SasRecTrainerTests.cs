using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.SasRec;

/// <summary>What is SASRec's own; what all cloud trainers share is tested on <see cref="DinTrainer"/>.</summary>
public sealed class SasRecTrainerTests
{
    private static readonly Checkerboard _board = new();

    [TestCase(0)]
    [TestCase(6)]
    public void Fit_ACheckerboard_RanksTheMissingItemOfTheOwnGroupFirst(int sampledItems)
    {
        MLContext context = new(seed: 1);
        IDataView log = context.Data.LoadFromEnumerable(_board.Events);

        ITransformer model = CreateChain(context, Small(20, sampledItems, validationUsers: 0)).Fit(log);

        IDataView scored = model.Transform(context.Data.LoadFromEnumerable(_board.Candidates()));
        IEnumerable<IGrouping<string, (string User, string Item, float Score)>> users = scored.GetColumn<string>("User")
            .Zip(scored.GetColumn<string>("Item"), scored.GetColumn<float>("Score")).GroupBy(row => row.First);
        foreach (IGrouping<string, (string User, string Item, float Score)> user in users)
        {
            Assert.That(user.MaxBy(row => row.Score).Item, Is.EqualTo(_board.HeldOut[user.Key]), user.Key);
        }
    }

    // Everybody has one item before all else: it is never to be foreseen, and never what somebody did not take.
    [TestCase(0)]
    [TestCase(6)]
    public void Fit_AnItemThatEverybodyHas_IsNotPushedDown(int sampledItems)
    {
        MLContext context = new(seed: 1);
        EventRow[] events =
        [
            .. _board.HeldOut.Keys.Select(user => new EventRow { User = user, Item = "everybody's" }),
            .. _board.Events,
        ];

        DeviceCloudPredictionTransformer model = CreateChain(context, Small(3, sampledItems, validationUsers: 0))
            .Fit(context.Data.LoadFromEnumerable(events)).DeviceCloudModel();

        float[] bias = model.Parameters["item.bias"].ToArray();
        int own = 1 + Array.IndexOf([.. model.ItemIds!], "everybody's");
        Assert.That(bias[own], Is.Zero);
        Assert.That(bias[1..].Where((_, i) => i + 1 != own), Has.None.Zero);
    }

    [Test]
    public void Fit_TheSameSeed_GivesTheSameBytes([Values(1, 2)] int threads, [Values(0, 6)] int sampledItems)
    {
        string first = Fit(Small(2, sampledItems, threads: threads)).Parameters.Fingerprint;

        Assert.That(Fit(Small(2, sampledItems, threads: threads)).Parameters.Fingerprint, Is.EqualTo(first));
        Assert.That(Fit(Small(2, sampledItems, threads: threads, seed: 2)).Parameters.Fingerprint, Is.Not.EqualTo(first));
    }

    // Of a probability that is right, the mean over an event and four random items is a fifth. The bias was set on other events, which
    // the model has learnt: what it has not seen, it is less sure of.
    [Test]
    public void Fit_Probabilities_AreThoseOfAnEventAgainstFourRandomItems()
    {
        MLContext context = new(seed: 1);
        ITransformer model = CreateChain(context, Small(20)).Fit(context.Data.LoadFromEnumerable(_board.Events));
        SeededRandom random = new(5);
        List<EventRow> rows = [];
        foreach (IGrouping<string, EventRow> user in _board.Events.GroupBy(row => row.User))
        {
            string[] unseen = [.. _board.Items.Except(user.Select(row => row.Item))];
            rows.Add(new EventRow { User = user.Key, Item = _board.HeldOut[user.Key], Timestamp = 1000 });
            rows.AddRange(Enumerable.Range(0, 4).Select(_ => new EventRow { User = user.Key, Item = unseen[random.Next(unseen.Length)], Timestamp = 1000 }));
        }

        float[] probabilities = [.. model.Transform(context.Data.LoadFromEnumerable(rows)).GetColumn<float>("Probability")];

        Assert.That(probabilities.Average(), Is.EqualTo(0.2).Within(0.1));
    }

    [Test]
    public void Fit_WithProfilesAndLabels_TrainsOnBoth()
    {
        MLContext context = new(seed: 1);
        EventRow[] events =
        [
            .. _board.Events.Select((row, i) => new EventRow
            {
                User = row.User, Item = row.Item, Timestamp = row.Timestamp, Label = i % 2 == 0, Profile = [i % 2, 1],
            }),
        ];
        SasRecTrainer.Options options = Small(40, columns: new InteractionColumns("UserKey", "ItemKey", "Timestamp", "Label", "Profile"));

        ITransformer model = CreateChain(context, options).Fit(context.Data.LoadFromEnumerable(events));

        IDataView scored = model.Transform(context.Data.LoadFromEnumerable(events));
        ILookup<bool, float> scores = scored.GetColumn<bool>("Label").Zip(scored.GetColumn<float>("Score")).ToLookup(pair => pair.First, pair => pair.Second);
        Assert.That(scores[true].Average(), Is.GreaterThan(scores[false].Average() + 2));
        Assert.That(model.DeviceCloudModel().Parameters.Architecture.ProfileDimension, Is.EqualTo(2));
    }

    [Test]
    public void Fit_SavedAndLoaded_ScoresTheSame()
    {
        MLContext context = new(seed: 1);
        IDataView log = context.Data.LoadFromEnumerable(_board.Events);
        ITransformer model = CreateChain(context, Small(1)).Fit(log);
        using MemoryStream stream = new();
        context.Model.Save(model, log.Schema, stream);
        stream.Position = 0;

        ITransformer loaded = new MLContext(seed: 2).Model.Load(stream, out _);

        Assert.That(loaded.DeviceCloudModel().Parameters.Architecture, Is.EqualTo(model.DeviceCloudModel().Parameters.Architecture));
        Assert.That(loaded.DeviceCloudModel().Parameters.Fingerprint, Is.EqualTo(model.DeviceCloudModel().Parameters.Fingerprint));
        Assert.That(loaded.Transform(log).GetColumn<float>("Score"), Is.EqualTo(model.Transform(log).GetColumn<float>("Score")));
    }

    // Steps too small to change anything: what is new has rows, and what is old scores as before.
    [Test]
    public void Fit_APreviousModel_AddsRowsAndKeepsTheOldOnes()
    {
        MLContext context = new(seed: 1);
        ITransformer previous = CreateChain(context, Small(1)).Fit(context.Data.LoadFromEnumerable(_board.Events));
        EventRow[] news = [new() { User = "a99", Item = "a1", Timestamp = 200 }, new() { User = "a99", Item = "a99", Timestamp = 210 }, new() { User = "a0", Item = "a99", Timestamp = 220 }];

        ITransformer next = context.DeviceCloud().Trainers.SasRec(Small(1, learningRate: 1e-30, validationUsers: 0))
            .Fit(context.Data.LoadFromEnumerable(news), previous);

        EventRow[] untouched = [.. _board.Candidates().Where(row => row.User != "a0")];
        float[] Score(ITransformer model) => [.. model.Transform(context.Data.LoadFromEnumerable(untouched)).GetColumn<float>("Score")];
        float[] shifts = [.. Score(next).Zip(Score(previous), (after, before) => after - before)];
        Assert.That(shifts, Is.All.EqualTo(shifts[0]).Within(1e-5)); // the output's bias alone follows the new events
        Assert.That(next.DeviceCloudModel().ItemIds, Has.Member("a99"));
    }

    [Test]
    public void Fit_APreviousModelOfAnotherShapeOrKind_IsRefused()
    {
        MLContext context = new(seed: 1);
        IDataView log = context.Data.LoadFromEnumerable(_board.Events);
        ITransformer previous = CreateChain(context, Small(1)).Fit(log);

        SasRecTrainer.Options wider = new() { Columns = Small(1).Columns, EmbeddingDimension = 8, NumberOfBlocks = 1, HistoryLength = 6, FeedForwardSize = 24 };
        Assert.That(() => context.DeviceCloud().Trainers.SasRec(wider).Fit(log, previous), Throws.ArgumentException.With.Message.EqualTo(
            "SasRecTrainer.Options: the network must be the previous model's. NumberOfBlocks must be 2, but is 1. FeedForwardSize must be 16, but is 24."));
        Assert.That(() => context.DeviceCloud().Trainers.Din("UserKey", "ItemKey", "Timestamp").Fit(log, previous), Throws.ArgumentException
            .With.Message.EqualTo("The previous model must be a Deep Interest Network, but is 'sasrec'."));
    }

    [Test]
    public void Fit_MoreEpochs_LeaveNoMoreTensors([Values(0, 6)] int sampledItems)
    {
        Fit(Small(1, sampledItems)).Dispose();
        long one = LiveTensors.CountNew(() => Fit(Small(1, sampledItems)).Dispose());
        long three = LiveTensors.CountNew(() => Fit(Small(3, sampledItems)).Dispose());

        Assert.That(three, Is.EqualTo(one));
    }

    private static SasRecTrainer.Options Small(
        int epochs,
        int sampledItems = 0,
        int seed = 1,
        int threads = 1,
        double learningRate = 0.01,
        int validationUsers = 1000,
        InteractionColumns? columns = null) => new()
        {
            Columns = columns ?? new InteractionColumns("UserKey", "ItemKey", "Timestamp"),
            EmbeddingDimension = 8,
            NumberOfSpectralFactors = 4,
            HistoryLength = 6,
            FeedForwardSize = 16,
            DropoutRate = 0.1,
            NumberOfSampledItems = sampledItems,
            BatchSize = 8,
            LearningRate = learningRate,
            NumberOfEpochs = epochs,
            Patience = 100,
            NumberOfValidationUsers = validationUsers,
            Run = new TrainingRunOptions { Seed = seed, NumberOfThreads = threads },
        };

    private static IEstimator<ITransformer> CreateChain(MLContext context, SasRecTrainer.Options options) =>
        EventRow.MapKeys(context).Append(context.DeviceCloud().Trainers.SasRec(options));

    private static DeviceCloudPredictionTransformer Fit(SasRecTrainer.Options options)
    {
        MLContext context = new(seed: 1);
        return CreateChain(context, options).Fit(context.Data.LoadFromEnumerable(_board.Events)).DeviceCloudModel();
    }
}
