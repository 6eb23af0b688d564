using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.Din;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Tests.MetaPatch;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Tests.Torch;

public sealed class TensorLeakTests
{
    [Test]
    public void CountNew_AForgottenTensor_IsCounted()
    {
        Tensor? forgotten = null;

        long count = LiveTensors.CountNew(() => forgotten = torch.zeros(3));

        forgotten!.Dispose();
        Assert.That(count, Is.EqualTo(1));
    }

    [Test]
    public void RunEpoch_AfterTheFirst_LeavesNoTensor([Values(1, 2)] int threads, [Values] DinActivation activation, [Values] bool hasLabels)
    {
        InteractionLog log = new RandomLog(new SeededRandom(1), hasLabels).Log;
        using DinModule module = new(CreateArchitecture() with { Activation = activation }, dropout: 0.1, new SeededRandom(1));
        EventTable events = EventTable.Create(log, 4, usesProfiles: false, (_, _) => true);
        CloudTraining.Settings settings = new(
            BatchSize: 16, LearningRate: 0.01, WeightDecay: 0.01, NumberOfNegatives: 3, CandidateLoss.BinaryCrossEntropy, threads);
        using CloudTraining training = new(module, events, log, settings, new SeededRandom(1));
        training.RunEpoch((_, _, logits) => logits.sum(), _ => { }); // the optimiser allocates its moments

        long count = LiveTensors.CountNew(() => training.RunEpoch((_, _, logits) => logits.sum(), _ => { }));

        Assert.That(count, Is.Zero);
    }

    [Test]
    public void Export_OfAModule_LeavesNoTensor()
    {
        using DinModule module = new(CreateArchitecture(), dropout: 0, new SeededRandom(1));

        long count = LiveTensors.CountNew(() => module.Import(module.Export()));

        Assert.That(count, Is.Zero);
    }

    [Test]
    public void SampleStore_OnceDisposed_LeavesNoTensor()
    {
        InteractionLog log = new RandomLog(new SeededRandom(1), hasLabels: false).Log;
        using DinModule module = new(CreateArchitecture(), dropout: 0, new SeededRandom(1));
        EventTable events = EventTable.Create(log, 4, usesProfiles: false, (_, _) => true);
        using PatchTensors place = TorchModels.CreateIntercept(module.Architecture, layer: 0);
        SeededRandom random = new(1);

        long count = LiveTensors.CountNew(() =>
            SampleStore.Create(new SampleEncoder(module, place, events, new NegativeSampler(log, 1), pool: 3, negativeWeight: 1, elements: 200, random), new ParallelOptions()).Dispose());

        Assert.That(count, Is.Zero);
    }

    [Test]
    public void Solve_OfManyPatches_LeavesOnlyTheResult()
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(new SeededRandom(1), new PatchArchitecture { PatchSize = 4, BottleneckSize = 2, Layers = [0, 1] });
        PatchSolver solver = new(model.Frozen, model.Patch, new PatchSolver.Settings(1, 1, NumberOfSteps: 5, LearningRate: 0.1));
        using Tensor start = zeros(model.NumberOfUsers, 4);

        long count = LiveTensors.CountNew(() =>
        {
            using Tensor patches = solver.Solve(model.Chunk, model.Chunk.Weight, start);
        });

        Assert.That(count, Is.Zero);
    }

    [Test]
    public void Normalize_OfABasis_LeavesOnlyTheFactors()
    {
        using DisposeScope scope = NewDisposeScope();
        using PatchedModel model = new(new SeededRandom(1), new PatchArchitecture { PatchSize = 4, BottleneckSize = 2, Layers = [0, 1] });
        BasisLearner learner = new(model.Frozen, model.Patch, new PatchSolver.Settings(1, 1, 1, 0.1));

        long count = LiveTensors.CountNew(() => learner.Normalize([model.Chunk]).Dispose());

        Assert.That(count, Is.Zero);
    }

    private static DinArchitecture CreateArchitecture() =>
        new() { NumberOfItems = 9, EmbeddingDimension = 4, HistoryLength = 4, ActivationUnitSize = 5, HiddenLayerSizes = [6, 5] };
}
