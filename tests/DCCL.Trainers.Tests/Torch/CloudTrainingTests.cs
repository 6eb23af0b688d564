using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.TestKit;
using DCCL.Trainers.Din;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Tests.Torch;

public sealed class CloudTrainingTests
{
    // A gradient in float32 is a sum of some thousand products, added in another order: sqrt(1000s) * 2^-24 of the largest.
    private const double Tolerance = 2e-5;

    private static readonly CloudTraining.Settings _settings = new(
        BatchSize: 16, LearningRate: 0.01, WeightDecay: 0.01, NumberOfNegatives: 3, Loss: CandidateLoss.BinaryCrossEntropy, NumberOfThreads: 1);

    [Test]
    public void RunEpoch_TheSameSeed_GivesTheSameBytes([Values(1, 2)] int threads, [Values] bool hasLabels, [Values] DinActivation activation)
    {
        Dictionary<string, float[]> first = Train(seed: 1, threads, hasLabels, activation);

        Assert.That(Train(seed: 1, threads, hasLabels, activation), Is.EqualTo(first));
        Assert.That(Train(seed: 2, threads, hasLabels, activation), Is.Not.EqualTo(first));
    }

    [TestCase(true, CandidateLoss.BinaryCrossEntropy)]
    [TestCase(false, CandidateLoss.BinaryCrossEntropy)]
    [TestCase(false, CandidateLoss.SampledSoftmax)]
    public void RunEpoch_OneBatchWithoutDropout_HasTheLossOfTheDefinition(bool hasLabels, CandidateLoss loss)
    {
        InteractionLog log = CreateLog(hasLabels);
        using DinModule module = CreateModule(DinActivation.PRelu, dropout: 0);
        EventTable events = EventTable.Create(log, 4, usesProfiles: false, (_, _) => true);
        double[] expected = new double[events.Count];
        using DisposeScope scope = NewDisposeScope();
        for (int i = 0; i < events.Count; i++)
        {
            // The only negative there is comes three times.
            float[] logits = module.Forward(events.CreateBatch([i], hasLabels ? [] : [7, 7, 7]), generator: null).ToArray();
            double[] softplus = [.. logits.Select(logit => Math.Log(1 + Math.Exp(logit)))];
            expected[i] = hasLabels ? softplus[0] - (events.GetLabel(i) ? logits[0] : 0)
                : loss == CandidateLoss.BinaryCrossEntropy ? (softplus.Sum() - logits[0]) / 4
                : Math.Log(logits.Sum(logit => Math.Exp(logit))) - logits[0];
        }

        using CloudTraining training = new(module, events, log, _settings with { BatchSize = 1000, Loss = loss }, new SeededRandom(1));
        double actual = training.RunEpoch(teacher: null, _ => { });

        Assert.That(training.NumberOfBatches, Is.EqualTo(1));
        Assert.That(actual, Is.EqualTo(expected.Average()).Within(1e-5));
    }

    [Test]
    public void RunEpoch_TwoWorkers_HaveTheGradientsOfOne([Values] bool hasLabels, [Values] bool withTeacher, [Values(1, 1000)] int batchSize)
    {
        Dictionary<string, float[]> one = GetGradients(threads: 1, hasLabels, withTeacher, batchSize);
        Dictionary<string, float[]> two = GetGradients(threads: 2, hasLabels, withTeacher, batchSize);

        Assert.That(one.Keys, Is.EquivalentTo(two.Keys));
        foreach ((string name, float[] gradient) in one)
        {
            float largest = gradient.Max(Math.Abs);
            Assert.That(Deviation.Max(two[name], gradient, Math.Max(1e-3, largest)), Is.LessThan(Tolerance), name);
        }

        Assert.That(one["hidden.0.weight"], Is.All.Not.Zero);
    }

    [Test]
    public void RunEpoch_WithATeacher_AddsItsTermToLossAndGradients()
    {
        // A teacher that asks for the sum of all logits: the output bias gets 1 for each of the 4 candidates, averaged over events.
        float plain = GetGradients(threads: 2, hasLabels: false, withTeacher: false, batchSize: 1000)["output.bias"][0];
        float taught = GetGradients(threads: 2, hasLabels: false, withTeacher: true, batchSize: 1000)["output.bias"][0];

        Assert.That(taught - plain, Is.EqualTo(4).Within(1e-5));
    }

    [Test]
    public void RunEpoch_TheTeacher_SeesEveryEventOnceAsTheModelDoes()
    {
        InteractionLog log = CreateLog(hasLabels: false);
        using DinModule module = CreateModule(DinActivation.PRelu, dropout: 0);
        EventTable events = EventTable.Create(log, 4, usesProfiles: false, (_, _) => true);
        List<int> seen = [];
        using CloudTraining training = new(module, events, log, _settings with { NumberOfThreads = 2 }, new SeededRandom(1));

        training.RunEpoch(
            (batch, indices, logits) =>
            {
                lock (seen)
                {
                    Assert.That(batch.Items.shape, Is.EqualTo(logits.shape));
                    Assert.That(batch.Items.select(1, 0).data<long>().ToArray(), Is.EqualTo(indices.ToArray().Select(i => (long)events.Items[i])));
                    seen.AddRange(indices);
                }

                return zeros(1).sum();
            },
            _ => { });

        Assert.That(seen, Is.EquivalentTo(Enumerable.Range(0, events.Count)));
    }

    [Test]
    public void RunEpoch_AnyBatchSize_ReportsEachBatchAndChangesAllWeights()
    {
        InteractionLog log = CreateLog(hasLabels: false);
        using DinModule module = CreateModule(DinActivation.PRelu, dropout: 0);
        EventTable events = EventTable.Create(log, 4, usesProfiles: false, (_, _) => true);
        using CloudTraining training = new(module, events, log, _settings with { BatchSize = 7 }, new SeededRandom(1));
        Dictionary<string, float[]> before = module.Export();
        List<int> batches = [];

        training.RunEpoch(teacher: null, batches.Add);

        Assert.That(batches, Is.EqualTo(Enumerable.Range(1, (events.Count + 6) / 7)));
        foreach ((string name, float[] values) in module.Export())
        {
            // Softmax does not notice a constant added to all scores.
            Assert.That(values, name == "attention.output.bias" ? Is.EqualTo(before[name]).Within(0.1) : Is.Not.EqualTo(before[name]), name);
        }

        Assert.That(module.Weights["item.embedding"].ToArray()[..4], Is.All.Zero, "The padding stays zero.");
    }

    [Test]
    public void RunEpoch_ManyEpochs_LearnsTheEventsByHeart()
    {
        // Everybody's history tells all that there is to know: which item comes next is the same as before.
        InteractionLog log = InteractionLog.Create(2, 4, [1, 1, 1, 1, 2, 2, 2, 2], [1, 2, 1, 2, 3, 4, 3, 4], null);
        using DinModule module = CreateModule(DinActivation.PRelu, dropout: 0);
        EventTable events = EventTable.Create(log, 4, usesProfiles: false, (_, _) => true);
        using CloudTraining training = new(module, events, log, _settings with { WeightDecay = 0 }, new SeededRandom(1));

        double loss = 1;
        for (int epoch = 0; epoch < 300; epoch++)
        {
            loss = training.RunEpoch(teacher: null, _ => { });
        }

        Assert.That(loss, Is.LessThan(0.01));
    }

    private static Dictionary<string, float[]> Train(int seed, int threads, bool hasLabels, DinActivation activation)
    {
        InteractionLog log = CreateLog(hasLabels);
        EventTable events = EventTable.Create(log, 4, usesProfiles: false, (_, _) => true);
        SeededRandom random = new(seed);
        using DinModule module = CreateModule(activation, dropout: 0.2);
        using CloudTraining training = new(module, events, log, _settings with { NumberOfThreads = threads }, random);
        training.RunEpoch(teacher: null, _ => { });
        training.RunEpoch(teacher: null, _ => { });
        return module.Export();
    }

    // Of the last batch.
    private static Dictionary<string, float[]> GetGradients(int threads, bool hasLabels, bool withTeacher, int batchSize)
    {
        InteractionLog log = CreateLog(hasLabels);
        using DinModule module = CreateModule(DinActivation.PRelu, dropout: 0);
        EventTable events = EventTable.Create(log, 4, usesProfiles: false, (user, index) => batchSize > 1 || (user == 3 && index == 4));
        CloudTraining.Settings settings = _settings with { BatchSize = batchSize, NumberOfThreads = threads };
        using CloudTraining training = new(module, events, log, settings, new SeededRandom(1));
        training.RunEpoch(withTeacher ? (_, _, logits) => logits.sum() : null, _ => { });
        Dictionary<string, float[]> gradients = [];
        foreach ((string name, TorchSharp.Modules.Parameter weight) in module.Weights)
        {
            using Tensor? gradient = weight.grad;
            gradients.Add(name, gradient?.ToArray() ?? []);
        }

        return gradients;
    }

    // Without labels everybody used items 1 to 6, so that all negatives are item 7: random numbers make no difference.
    private static InteractionLog CreateLog(bool hasLabels) => hasLabels
        ? new RandomLog(new SeededRandom(1), hasLabels: true, numberOfItems: 7).Log
        : RandomLog.WithOneNegative(new SeededRandom(1), numberOfUsers: 8, numberOfItems: 7);

    private static DinModule CreateModule(DinActivation activation, double dropout)
    {
        DinArchitecture architecture = new()
        {
            NumberOfItems = 7,
            EmbeddingDimension = 4,
            HistoryLength = 4,
            ActivationUnitSize = 5,
            HiddenLayerSizes = [6, 5],
            Activation = activation,
        };
        return new DinModule(architecture, dropout, new SeededRandom(3));
    }
}
