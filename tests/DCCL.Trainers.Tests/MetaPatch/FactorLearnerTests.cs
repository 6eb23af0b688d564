using System.Numerics.Tensors;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.TestKit;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class FactorLearnerTests
{
    private const int NumberOfUsers = 120;
    private const int NumberOfItems = 20;
    private const int NumberOfFactors = 2;
    private const int CloudEvents = 2;
    private const int DeviceEvents = 6;

    // Everybody has two items at random, and then those of one of two groups: only the new events show which items go together.
    [Test]
    public void Learn_ItemsThatGoTogether_AddMoreToEachOther()
    {
        using TrainingRun run = CreateRun();
        FactorLearner learner = CreateLearner(run, DrawGroups());

        (float[] factors, int epochs) = learner.Learn(DrawStart());

        Assert.That(epochs, Is.GreaterThan(0));
        Assert.That(GetMeanProduct(factors, isSameGroup: true) - GetMeanProduct(factors, isSameGroup: false), Is.GreaterThan(0.05));
    }

    [Test]
    public void Learn_ItemsAtRandom_AddNoMoreToSomeThanToOthers()
    {
        using TrainingRun run = CreateRun();
        SeededRandom random = new(7);
        int[] items = [.. Enumerable.Range(0, NumberOfUsers * (CloudEvents + DeviceEvents)).Select(_ => 1 + random.Next(NumberOfItems))];
        FactorLearner learner = CreateLearner(run, items);

        (float[] factors, _) = learner.Learn(DrawStart());

        Assert.That(GetMeanProduct(factors, isSameGroup: true) - GetMeanProduct(factors, isSameGroup: false), Is.EqualTo(0).Within(0.02));
    }

    // Everybody likes the items of one group and refuses those of the other.
    [Test]
    public void Learn_LabelsOfGroups_AddMoreToItemsOfTheSameGroup()
    {
        using TrainingRun run = CreateRun();
        (int[] items, bool[] labels) = DrawLabelledGroups();

        (float[] factors, int epochs) = CreateLearner(run, items, labels).Learn(DrawStart());

        Assert.That(epochs, Is.GreaterThan(0));
        Assert.That(GetMeanProduct(factors, isSameGroup: true) - GetMeanProduct(factors, isSameGroup: false), Is.GreaterThan(0.02));
    }

    // One label alone tells nothing apart.
    [Test]
    public void Learn_AllLiked_LeavesTheStart()
    {
        using TrainingRun run = CreateRun();
        int[] items = DrawGroups();
        bool[] labels = [.. items.Select(_ => true)];

        Assert.That(CreateLearner(run, items, labels).Learn(DrawStart(), epochs: 2, _ => true), Is.EqualTo(DrawStart()).Within(1e-6));
    }

    // Neither is an event learnt from that does not count, nor what is to be told apart from it.
    [Test]
    public void Learn_LabelsThatDoNotCount_ChangeNothing()
    {
        using TrainingRun run = CreateRun();
        (int[] items, bool[] labels) = DrawLabelledGroups();
        bool[] others = [.. labels];
        for (int last = CloudEvents + DeviceEvents - 1; last < others.Length; last += CloudEvents + DeviceEvents)
        {
            others[last] = !others[last];
        }

        bool Counts(int place) => place % DeviceEvents < DeviceEvents - 1;

        float[] factors = CreateLearner(run, items, labels).Learn(DrawStart(), epochs: 2, Counts);

        Assert.That(CreateLearner(run, items, others).Learn(DrawStart(), epochs: 2, Counts), Is.EqualTo(factors));
        Assert.That(CreateLearner(run, items, others).Learn(DrawStart(), epochs: 2, _ => true), Is.Not.EqualTo(factors));
    }

    // A fold's teachers know nothing of it.
    [Test]
    public void Learn_EventsThatDoNotCount_ChangeNothing()
    {
        int[] items = DrawGroups();
        int[] others = [.. items];
        for (int i = 0; i < others.Length; i++)
        {
            bool isLastOfItsUser = i % (CloudEvents + DeviceEvents) == CloudEvents + DeviceEvents - 1;
            others[i] = isLastOfItsUser ? 1 + (others[i] % NumberOfItems) : others[i];
        }

        using TrainingRun run = CreateRun();
        bool Counts(int place) => place % DeviceEvents < DeviceEvents - 1;

        float[] factors = CreateLearner(run, items).Learn(DrawStart(), epochs: 2, Counts);

        Assert.That(CreateLearner(run, others).Learn(DrawStart(), epochs: 2, Counts), Is.EqualTo(factors));
        Assert.That(CreateLearner(run, others).Learn(DrawStart(), epochs: 2, _ => true), Is.Not.EqualTo(factors));
    }

    [Test]
    public void Learn_NoEpochs_LeavesTheStart()
    {
        using TrainingRun run = CreateRun();

        Assert.That(CreateLearner(run, DrawGroups()).Learn(DrawStart(), epochs: 0, _ => true), Is.EqualTo(DrawStart()));
    }

    [Test]
    public void Learn_OneEvent_BringsItsItemNearerToWhatTheUserHad()
    {
        using TrainingRun run = CreateRun();
        int[] items = DrawGroups();
        float[] start = DrawStart();
        bool Counts(int place) => place == 3;

        float[] factors = CreateLearner(run, items).Learn(start, epochs: 1, Counts);

        double scale = FactorSums.GetScale(new MetaPatchTrainer.Options().L2);
        int target = items[CloudEvents + 3];
        double[] sum = new double[NumberOfFactors];
        foreach (int item in items[..(CloudEvents + 3)].Distinct())
        {
            for (int k = 0; k < NumberOfFactors; k++)
            {
                sum[k] += start[(item * NumberOfFactors) + k] / scale;
            }
        }

        double moved = Enumerable.Range(0, NumberOfFactors).Sum(k => sum[k] * (factors[(target * NumberOfFactors) + k] - start[(target * NumberOfFactors) + k]));
        Assert.That(moved, Is.GreaterThan(0));
        Assert.That(factors[..NumberOfFactors], Has.All.Zero); // the padding
    }

    private static TrainingRun CreateRun() => new(new MLContext(seed: 1), "test", new TrainingRunOptions { NumberOfThreads = 2 });

    private static FactorLearner CreateLearner(TrainingRun run, int[] items, bool[]? labels = null)
    {
        int[] users = [.. Enumerable.Range(0, items.Length).Select(i => 1 + (i / (CloudEvents + DeviceEvents)))];
        InteractionLog log = InteractionLog.Create(NumberOfUsers, NumberOfItems, users, items, timestamps: null, labels);
        EventTable events = EventTable.Create(log, historyLength: 5, usesProfiles: false, (_, index) => index >= CloudEvents);
        DinArchitecture architecture = new()
        {
            NumberOfItems = NumberOfItems,
            EmbeddingDimension = 6,
            HistoryLength = 5,
            ActivationUnitSize = 6,
            HiddenLayerSizes = [10, 8],
        };
        using TorchBackbone model = Backbones.Create(RandomModel.Create(new SeededRandom(1), architecture));

        // Nobody has seen anything: what is drawn beside an event does not depend on the log.
        NegativeSampler sampler = new(InteractionLog.Create(NumberOfUsers, NumberOfItems, [], [], timestamps: null), seed: 0);
        MetaPatchTrainer.Options options = new() { NumberOfBasisEpochs = 300, BasisPatience = 300 };
        return new FactorLearner(run, "test", options, model, log, events, sampler, NumberOfFactors);
    }

    private static int[] DrawGroups()
    {
        SeededRandom random = new(3);
        List<int> items = [];
        for (int user = 0; user < NumberOfUsers; user++)
        {
            int[] all = [.. Enumerable.Range(1, NumberOfItems)];
            random.Shuffle<int>(all);
            items.AddRange(all[..CloudEvents]);
            items.AddRange(all[CloudEvents..].Where(item => item % 2 == user % 2).Take(DeviceEvents));
        }

        return [.. items];
    }

    private static (int[] Items, bool[] Labels) DrawLabelledGroups()
    {
        SeededRandom random = new(4);
        List<(int Item, bool Label)> events = [];
        for (int user = 0; user < NumberOfUsers; user++)
        {
            int[] all = [.. Enumerable.Range(1, NumberOfItems)];
            random.Shuffle<int>(all);
            events.AddRange(all[..CloudEvents].Select(item => (item, true)));
            events.AddRange(all[CloudEvents..].Take(DeviceEvents).Select(item => (item, item % 2 == user % 2)));
        }

        return ([.. events.Select(own => own.Item)], [.. events.Select(own => own.Label)]);
    }

    private static float[] DrawStart()
    {
        SeededRandom random = new(5);
        float scale = (float)FactorSums.GetScale(new MetaPatchTrainer.Options().L2);
        float[] start = [.. Enumerable.Range(0, (NumberOfItems + 1) * NumberOfFactors).Select(_ => 0.1f * scale * (float)random.NextGaussian())];
        start.AsSpan(0, NumberOfFactors).Clear();
        return start;
    }

    // Of what one item adds to the logit of another.
    private static double GetMeanProduct(float[] factors, bool isSameGroup)
    {
        double scale = FactorSums.GetScale(new MetaPatchTrainer.Options().L2);
        return Enumerable.Range(1, NumberOfItems).SelectMany(i => Enumerable.Range(1, NumberOfItems).Where(j => j != i && (i % 2 == j % 2) == isSameGroup)
            .Select(j => TensorPrimitives.Dot(factors.AsSpan(i * NumberOfFactors, NumberOfFactors), factors.AsSpan(j * NumberOfFactors, NumberOfFactors)) / (scale * scale)))
            .Average();
    }
}
