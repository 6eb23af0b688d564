using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using DCCL.Trainers.SasRec;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Tests.SasRec;

public sealed class SasRecModuleTests
{
    // Sums of some hundred products of order 1 in float32, behind a layer norm.
    private const double Tolerance = 1e-5;

    [Test]
    public void GetStates_OfEachEvent_IsTheUserVectorOfTheHistoryUpToIt([Range(1, 20)] int seed)
    {
        (SeededRandom random, DeviceCloudModelParameters parameters) = Create(seed);
        int length = parameters.Architecture.HistoryLength;
        ScoringBatch scoring = RandomModel.CreateBatch(random, parameters, 3, 1, length, 0);
        using SasRecModule module = (SasRecModule)Backbones.Create(parameters);
        using DisposeScope scope = NewDisposeScope();
        TrainingBatch batch = scoring.ToTrainingBatch(parameters);

        Tensor all = module.GetStates(batch.History, batch.Profiles, onlyLast: false, generator: null);

        for (int place = 0; place < length; place++)
        {
            Tensor upTo = module.GetStates(batch.History.narrow(1, place, length - place).contiguous(), batch.Profiles, onlyLast: true, generator: null);
            Assert.That(Deviation.Max(all.narrow(1, place, 1).ToArray(), upTo.ToArray()), Is.LessThan(Tolerance), $"{parameters.Architecture} {place}");
        }
    }

    [Test]
    public void GetStates_PaddingBehindAHistory_ChangesNothing([Range(1, 10)] int seed)
    {
        (SeededRandom random, DeviceCloudModelParameters parameters) = Create(seed);
        using SasRecModule module = (SasRecModule)Backbones.Create(parameters);
        using DisposeScope scope = NewDisposeScope();
        int length = parameters.Architecture.HistoryLength;
        int known = 1 + random.Next(length);
        long[] items = [.. Enumerable.Range(0, known).Select(_ => 1L + random.Next(parameters.Architecture.NumberOfItems))];

        float[] exact = module.GetStates(tensor(items, 1, known), null, onlyLast: true, generator: null).ToArray();
        float[] padded = module.GetStates(tensor((long[])[.. items, .. new long[length - known]], 1, length), null, onlyLast: true, generator: null).ToArray();

        Assert.That(Deviation.Max(exact, padded), Is.LessThan(Tolerance), $"{parameters.Architecture}");
    }

    [Test]
    public void GetStates_Training_UsesDropoutAndEvaluationDoesNot()
    {
        SasRecArchitecture architecture = new() { NumberOfItems = 9, HistoryLength = 4, EmbeddingDimension = 8 };
        SeededRandom random = new(1);
        using SasRecModule module = new(architecture, 0.5, shape => SasRecModule.Initialize(architecture, shape, random));
        using Generator generator = new(1);
        using DisposeScope scope = NewDisposeScope();
        Tensor history = tensor(new long[] { 3, 1, 2 }, 1, 3);
        float[] States(Generator? draws) => module.GetStates(history, null, onlyLast: true, draws).ToArray();

        float[] evaluated = States(null);

        float[] first = States(generator);
        Assert.That(first, Is.Not.EqualTo(evaluated));
        Assert.That(States(generator), Is.Not.EqualTo(first));
        Assert.That(States(null), Is.EqualTo(evaluated));
    }

    [Test]
    public void Initialize_OfANetwork_LeavesThePaddingRowZeroAndTheNormsNeutral()
    {
        SasRecArchitecture architecture = new() { NumberOfItems = 5, EmbeddingDimension = 4, NumberOfHeads = 2 };
        SeededRandom random = new(1);
        using SasRecModule module = new(architecture, 0, shape => SasRecModule.Initialize(architecture, shape, random));

        Assert.That(module.Weights["item.embedding"].ToArray()[..4], Is.All.Zero);
        Assert.That(module.Weights["item.embedding"].ToArray()[4..], Is.All.Not.Zero);
        Assert.That(module.Weights["block.1.forward.norm.scale"].ToArray(), Is.All.EqualTo(1f));
        Assert.That(module.Weights["block.1.attention.distance"].ToArray(), Is.All.Zero);
    }

    private static (SeededRandom Random, DeviceCloudModelParameters Parameters) Create(int seed)
    {
        SeededRandom random = new(seed);
        return (random, RandomModel.Create(random, RandomModel.CreateArchitecture(random, "sasrec") with { ProfileDimension = 0 }));
    }
}
