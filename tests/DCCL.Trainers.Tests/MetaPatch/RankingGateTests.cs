using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class RankingGateTests
{
    private const int NumberOfUsers = 40;
    private const int NumberOfItems = 60;
    private const int EventsOfAUser = 6;
    private static readonly int _full = PatchGate.Strengths.Count - 1;

    [Test]
    public void Choose_PatchesThatRankHeldBackItemsFirst_KeepsThem()
    {
        int[] strengths = Choose(theta => theta, (theta, strength) => Scale(theta, PatchGate.Strengths[strength].Others));

        Assert.That(strengths, Has.All.EqualTo(_full));
    }

    [Test]
    public void Choose_PatchesOfPeopleWhoTakeWhatTheCloudModelSays_GatesAll()
    {
        int[] strengths = Choose(theta => new float[theta.Length], (theta, strength) => Scale(theta, PatchGate.Strengths[strength].Others));

        Assert.That(strengths, Has.All.EqualTo(0));
    }

    [Test]
    public void Choose_PatchesThatChangeNoRanking_GatesAll()
    {
        int[] strengths = Choose(theta => theta, (theta, strength) => [PatchGate.Strengths[strength].Intercept, .. new float[theta.Length - 1]]);

        Assert.That(strengths, Has.All.EqualTo(0));
    }

    private static float[] Scale(float[] theta, float factor) => [.. theta.Select(value => value * factor)];

    // The limit is on pairs, and takes users as they are drawn.
    [Test]
    public void Choose_FewPairs_RanksASampleOfTheUsers()
    {
        int[] strengths = Choose(theta => theta, (theta, strength) => Scale(theta, PatchGate.Strengths[strength].Others), maximumNumberOfPairs: NumberOfItems);

        // A single user decides nothing.
        Assert.That(strengths, Has.All.EqualTo(0));
    }

    [Test]
    public void History_EventsOfAUser_LacksTheHeldBackOnes()
    {
        (RankingGate gate, _, _) = Prepare(theta => theta, (theta, _) => theta);

        Assert.That(Enumerable.Range(1, NumberOfUsers).Select(user => gate.History.GetItems(user).Length), Has.All.EqualTo(EventsOfAUser - 1));
    }

    private static int[] Choose(Func<float[], float[]> truth, Func<float[], int, float[]> learnt, long maximumNumberOfPairs = long.MaxValue)
    {
        (RankingGate gate, int[] users, Func<int, UserPatches> fleet) = Prepare(truth, learnt, maximumNumberOfPairs);
        return gate.Choose(users, [.. users.Select(_ => EventsOfAUser - 1)], fleet);
    }

    // People who take what the model ranks first for them with their true patch; learnt was another. Their last event is held back.
    private static (RankingGate Gate, int[] Users, Func<int, UserPatches> Fleet) Prepare(
        Func<float[], float[]> truth, Func<float[], int, float[]> learnt, long maximumNumberOfPairs = long.MaxValue)
    {
        SeededRandom random = new(3);
        DinArchitecture architecture = new()
        {
            NumberOfItems = NumberOfItems,
            EmbeddingDimension = 6,
            HistoryLength = EventsOfAUser,
            ActivationUnitSize = 4,
            HiddenLayerSizes = [10, 8],
        };
        PatchArchitecture shape = new() { PatchSize = 4, BottleneckSize = 2, Layers = [0] };
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, shape);
        float[][] thetas = [.. Enumerable.Range(0, NumberOfUsers).Select(_ => Enumerable.Range(0, 4).Select(k => k == 0 ? 0 : (float)random.NextGaussian()).ToArray())];
        InteractionLog log = Draw(parameters, [.. thetas.Select(truth)], random);
        EventTable events = EventTable.Create(log, EventsOfAUser, usesProfiles: false, (_, index) => index > 0);
        using TrainingRun run = new(new MLContext(seed: 1), "test", new TrainingRunOptions { NumberOfThreads = 1 });
        return (
            new RankingGate(run, parameters, log, events, fraction: 0.2, maximumNumberOfPairs),
            [.. Enumerable.Range(1, NumberOfUsers)],
            strength => new UserPatches(
                4, [.. thetas.SelectMany(theta => learnt(theta, strength))], [.. Enumerable.Repeat(PatchStatus.Patched, NumberOfUsers)]));
    }

    private static InteractionLog Draw(DeviceCloudModelParameters parameters, float[][] thetas, SeededRandom random)
    {
        using ModelScorer scorer = new(parameters, 1);
        List<int> users = [];
        List<int> items = [];
        for (int user = 1; user <= NumberOfUsers; user++)
        {
            List<int> own = [1 + random.Next(NumberOfItems)];
            while (own.Count < EventsOfAUser)
            {
                ScoringBatch batch = new();
                batch.Resize(parameters.Architecture, 1, NumberOfItems, own.Count, 1, 4);
                for (int item = 1; item <= NumberOfItems; item++)
                {
                    batch.Items[item - 1] = item;
                }

                for (int i = 0; i < own.Count; i++)
                {
                    batch.History[i] = own[own.Count - 1 - i];
                }

                thetas[user - 1].CopyTo(batch.Patches, 0);
                scorer.Score(batch);
                own.Add(Enumerable.Range(1, NumberOfItems).Except(own).MaxBy(item => batch.Scores[item - 1]));
            }

            users.AddRange(Enumerable.Repeat(user, own.Count));
            items.AddRange(own);
        }

        return InteractionLog.Create(NumberOfUsers, NumberOfItems, [.. users], [.. items], timestamps: null);
    }
}
