using DCCL.Benchmarks.Evidence;
using DCCL.Benchmarks.Evidence.Baselines;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using Microsoft.ML;
using NUnit.Framework;
using QuickStart;

namespace DCCL.Benchmarks.Tests.Evidence.Baselines;

/// <summary>Two kinds of users, each of whom takes one half of the items: the item that is left out of the own half belongs first.</summary>
public sealed class LearnedBaselinesTests
{
    private static readonly InteractionLog _log = SmallLog.CreateHalves(numberOfUsers: 40, numberOfItems: 16);

    [Test]
    public void MatrixFactorization_TwoKindsOfUsers_FindsWhatIsLeftOut()
    {
        MatrixFactorization model = MatrixFactorization.Train(_log, seed: 1, maximumNumberOfEpochs: 60, CancellationToken.None);
        Assert.That(Scores.GetShareFound(model, _log), Is.GreaterThanOrEqualTo(0.95));
    }

    [Test]
    public void MatrixFactorization_SameSeed_IsTheSame()
    {
        float[] first = Scores.Of(Train(1), 1, [1, 2], 3, 4, 9);
        Assert.That(Scores.Of(Train(1), 1, [1, 2], 3, 4, 9), Is.EqualTo(first));
        Assert.That(Scores.Of(Train(2), 1, [1, 2], 3, 4, 9), Is.Not.EqualTo(first));

        static MatrixFactorization Train(int seed) => MatrixFactorization.Train(_log, seed, maximumNumberOfEpochs: 5, CancellationToken.None);
    }

    [Test]
    public void LogisticFactorization_TwoKindsOfUsers_TellsWhatEachLikesFromWhatEachRefuses()
    {
        // Each user has labelled 10 of 16 items, and likes those of the own half. Biases alone cannot tell the others apart.
        InteractionLog log = CreateTastes(numberOfUsers: 60);
        LogisticFactorization model = LogisticFactorization.Train(log, seed: 1, maximumNumberOfEpochs: 200, CancellationToken.None);
        double sum = 0;
        for (int user = 1; user <= log.NumberOfUsers; user++)
        {
            int[] others = [.. Enumerable.Range(1, log.NumberOfItems).Except(log.GetItems(user).ToArray())];
            int[] half = [.. SmallLog.GetHalf(user, log.NumberOfItems)];
            bool[] likes = [.. others.Select(half.Contains)];
            sum += likes.Contains(true) && likes.Contains(false) ? ClassificationMetrics.AreaUnderRocCurve(Scores.Of(model, user, [], others), likes) : 1;
        }

        Assert.That(sum / log.NumberOfUsers, Is.GreaterThan(0.95));
    }

    [Test]
    public void LogisticFactorization_SameSeed_IsTheSame()
    {
        InteractionLog log = CreateTastes(numberOfUsers: 20);
        float[] first = Scores.Of(Train(1), 1, [], 3, 4, 9);
        Assert.That(Scores.Of(Train(1), 1, [], 3, 4, 9), Is.EqualTo(first));
        Assert.That(Scores.Of(Train(2), 1, [], 3, 4, 9), Is.Not.EqualTo(first));

        LogisticFactorization Train(int seed) => LogisticFactorization.Train(log, seed, maximumNumberOfEpochs: 5, CancellationToken.None);
    }

    [Test]
    public void FactorizationMachine_TwoKindsOfUsers_PrefersTheOwnHalf()
    {
        // Training throws unless the scores are those of ML.NET's own pipeline. What is left out was drawn as a negative like the other half.
        FactorizationMachine model = FactorizationMachine.Train(new MLContext(seed: 1), _log, seed: 1, numberOfIterations: 8);
        int preferred = 0;
        for (int user = 1; user <= _log.NumberOfUsers; user++)
        {
            int[] history = _log.GetItems(user).ToArray();
            int[] others = [.. Enumerable.Range(1, _log.NumberOfItems).Except(SmallLog.GetHalf(user, _log.NumberOfItems))];
            float leftOut = Scores.Of(model, user, history, SmallLog.GetLeftOut(user, _log.NumberOfItems))[0];
            preferred += leftOut > Scores.Of(model, user, history, others).Average() ? 1 : 0;
        }

        // Chance prefers 20 of 40 users' own half, 27 with a probability of 2 %.
        Assert.That(preferred, Is.GreaterThanOrEqualTo(32));
    }

    [Test]
    public void BoostedTrees_TwoKindsOfUsers_FindsWhatIsLeftOut()
    {
        // The cloud has each user's first four events, the devices the rest; training throws unless the scores are those of ML.NET's pipeline.
        EventRow[] rows =
        [
            .. Enumerable.Range(1, _log.NumberOfUsers).SelectMany(user => _log.GetItems(user).ToArray()
                .Select((item, index) => new EventRow { UserId = $"u{user:00}", ItemId = $"i{item:00}", Timestamp = index })),
        ];
        MLContext ml = new(seed: 1);
        EventRow[] cloud = [.. rows.Where(row => row.Timestamp < 4)];
        EventRow[] device = [.. rows.Where(row => row.Timestamp >= 4)];
        Periods periods = new(Load(cloud), null, Load(device), Load([]), Load([.. cloud, .. device]), "by hand");
        TrainingData data = new(ml, new EventData("halves", Load(rows), new InteractionColumns("UserId", "ItemId", "Timestamp")), periods);
        BoostedTrees trees = BoostedTrees.Train(ml, data, seed: 1, numberOfTrees: 20);

        // Ids were numbered in the order of the rows: users as in the log, items as they come.
        string[] ids = [.. rows.OrderBy(row => row.Timestamp >= 4).Select(row => row.ItemId).Distinct()];
        int preferred = 0;
        for (int user = 1; user <= _log.NumberOfUsers; user++)
        {
            int[] history = data.History.GetItems(user).ToArray();
            int[] others = [.. Enumerable.Range(1, _log.NumberOfItems).Except(SmallLog.GetHalf(user, _log.NumberOfItems)).Select(GetKey)];
            float leftOut = Scores.Of(trees, user, history, GetKey(SmallLog.GetLeftOut(user, _log.NumberOfItems)))[0];
            preferred += leftOut > Scores.Of(trees, user, history, others).Average() ? 1 : 0;
        }

        Assert.That(preferred, Is.GreaterThanOrEqualTo(36));

        int GetKey(int item) => 1 + Array.IndexOf(ids, $"i{item:00}");
        IDataView Load(EventRow[] events) => ml.Data.LoadFromEnumerable(events);
    }

    private static InteractionLog CreateTastes(int numberOfUsers)
    {
        SeededRandom random = new(7);
        List<(int, int, bool)> events = [];
        for (int user = 1; user <= numberOfUsers; user++)
        {
            int[] items = [.. Enumerable.Range(1, 16)];
            random.Shuffle<int>(items);
            events.AddRange(items.Take(10).Select(item => (user, item, SmallLog.GetHalf(user, 16).Contains(item))));
        }

        return SmallLog.CreateLabelled(numberOfUsers, 16, [.. events]);
    }

    private sealed class EventRow
    {
        public string UserId { get; set; } = "";

        public string ItemId { get; set; } = "";

        public double Timestamp { get; set; }
    }
}
