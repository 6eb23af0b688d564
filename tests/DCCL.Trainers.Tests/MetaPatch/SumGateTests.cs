using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class SumGateTests
{
    private const int NumberOfFactors = 3;
    private static readonly float[] _strengths = [0, 0.5f, 1];
    private static readonly MetaPatchTrainer.Options _options = new() { L2 = 0.05 };

    // The evaluator ranks the same events under the same patches, one strength after the other.
    [Test]
    public void Measure_RandomEvents_IsTheGainThatTheEvaluatorFinds([Range(1, 3)] int seed)
    {
        using Case given = new(seed, fraction: 0.5, numberOfPairs: long.MaxValue / 10);

        double[][] gains = given.Gate.Measure(given.Sums, _strengths);

        InteractionLog history = given.Gate.GetHistory();
        InteractionLog heldBack = given.Log.Where((user, index) => index >= history.GetItems(user).Length);
        for (int strength = 0; strength < _strengths.Length; strength++)
        {
            UserPatches patches = given.Sums.CreateTable(history, Enumerable.Range(1, Case.NumberOfUsers), start: null, _strengths[strength]);
            using ModelScorer scorer = new(given.Parameters, 1);
            RankingReport report = ItemRankingEvaluator.Evaluate(scorer, new PatchSelector(given.Parameters, patches), history, heldBack);
            double[] expected = [.. report.Users.Select(user => user.Ranks.ToArray().Sum(rank => rank <= 10 ? 1 / Math.Log2(1 + rank) : 0))];
            Assert.That(gains.Select(own => own[strength]), Is.EqualTo(expected).Within(1e-9));
        }
    }

    [TestCase(0.5, 4)]
    [TestCase(1, 1)]
    public void GetHistory_AShareHeldBack_IsWhatWasBefore(double fraction, int expected)
    {
        using Case given = new(1, fraction, numberOfPairs: 1);

        InteractionLog history = given.Gate.GetHistory();

        Assert.That(Enumerable.Range(1, Case.NumberOfUsers).Select(user => history.GetItems(user).Length), Has.All.EqualTo(expected));
    }

    // Five strengths are ranked at a time.
    [TestCase(1, 1, 1)]
    [TestCase(Case.NumberOfUsers / 5, Case.NumberOfUsers, 1)]
    [TestCase(2 * Case.NumberOfUsers / 5, Case.NumberOfUsers, 2)]
    public void Measure_FewPairs_RanksTheFirstEventsOfAllOrThoseOfASampleOfUsers(int events, int users, int each)
    {
        using Case few = new(1, fraction: 0.5, events == 1 ? Case.NumberOfItems / 5 : (long)events * Case.NumberOfItems);
        using Case fewer = new(1, fraction: 0.5, numberOfPairs: long.MaxValue / 10, numberOfEvents: 4 + each);

        double[][] gains = few.Gate.Measure(few.Sums, _strengths);

        Assert.That(gains, Has.Length.EqualTo(users));
        if (users == Case.NumberOfUsers)
        {
            Assert.That(gains, Is.EqualTo(fewer.WithGateFrom(4).Measure(few.Sums, _strengths)));
        }
    }

    private sealed class Case : IDisposable
    {
        public const int NumberOfUsers = 20;
        public const int NumberOfItems = 30;
        private const int EventsOfAUser = 7;
        private readonly TrainingRun _run = new(new MLContext(seed: 1), "test", new TrainingRunOptions { NumberOfThreads = 2 });

        public Case(int seed, double fraction, long numberOfPairs, int numberOfEvents = EventsOfAUser)
        {
            SeededRandom random = new(seed);
            DinArchitecture architecture = new()
            {
                NumberOfItems = NumberOfItems,
                EmbeddingDimension = 6,
                HistoryLength = EventsOfAUser,
                ActivationUnitSize = 4,
                HiddenLayerSizes = [10, 8],
            };
            Parameters = RandomModel.Create(
                random, architecture, new PatchArchitecture { PatchSize = 1 + NumberOfFactors, NumberOfItemFactors = NumberOfFactors, Layers = [1] });
            int[] users = [.. Enumerable.Range(0, NumberOfUsers * EventsOfAUser).Select(i => 1 + (i / EventsOfAUser))];
            int[] items = [.. users.Select(_ => 1 + random.Next(NumberOfItems))];
            Log = InteractionLog.Create(NumberOfUsers, NumberOfItems, users, items, timestamps: null).Where((_, index) => index < numberOfEvents);
            Sums = new FactorSums(_run, Parameters["patch.factors"].ToArray(), NumberOfFactors, _options);
            Gate = CreateGate(1, fraction, numberOfPairs);
        }

        public DeviceCloudModelParameters Parameters { get; }

        public InteractionLog Log { get; }

        public FactorSums Sums { get; }

        public SumGate Gate { get; }

        public SumGate WithGateFrom(int first) => CreateGate(first, fraction: 1, long.MaxValue / 10);

        public void Dispose()
        {
            Gate.Dispose();
            _run.Dispose();
        }

        private SumGate CreateGate(int first, double fraction, long numberOfPairs)
        {
            EventTable events = EventTable.Create(Log, EventsOfAUser, usesProfiles: false, (_, index) => index >= first);
            return new SumGate(_run, Parameters, Log, events, fraction, numberOfPairs);
        }
    }
}
