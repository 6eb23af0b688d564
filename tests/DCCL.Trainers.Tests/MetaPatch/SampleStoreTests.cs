using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.TestKit;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Tests.Torch;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class SampleStoreTests
{
    // The same sums in other tilings: some hundred products of order 1.
    private const double Tolerance = 1e-5;

    [Test]
    public void Create_LabelledEvents_EqualsOneByOneEncodingAndPadsWithWeightZero([Range(1, 8)] int seed)
    {
        SeededRandom random = new(seed);
        RandomLog log = new(random, hasLabels: true, profileDimension: random.Next(3), numberOfEvents: 90);
        using TorchBackbone module = Backbones.Create(CreateModel(random, log.Log));
        EventTable events = EventTable.Create(log.Log, 5, log.Log.ProfileDimension > 0, (user, index) => (user + index) % 5 != 0);
        int layer = random.Next(2);

        using PatchTensors place = TorchModels.CreateIntercept(module.Architecture, layer);
        using SampleStore store = SampleStore.Create(new SampleEncoder(module, place, events, sampler: null, pool: 3, negativeWeight: 2, elements: 200 * (1 + random.Next(3)), random), new ParallelOptions());

        Check(store, module, layer, events, negative: null, negativeWeight: 0);
    }

    [Test]
    public void Create_EventsWithoutLabels_HasAPoolOfNegativesForEachEvent([Values(1, 4)] int pool)
    {
        SeededRandom random = new(5);
        InteractionLog log = RandomLog.WithOneNegative(random, numberOfUsers: 5, numberOfItems: 9);
        using TorchBackbone module = Backbones.Create(CreateModel(random, log));
        EventTable events = EventTable.Create(log, 5, usesProfiles: false, (user, index) => index < 3 + user);

        using PatchTensors place = TorchModels.CreateIntercept(module.Architecture, layer: 1);
        using SampleStore store = SampleStore.Create(new SampleEncoder(module, place, events, new NegativeSampler(log, seed: 1), pool, negativeWeight: 2, elements: 200, random), new ParallelOptions());

        Check(store, module, layer: 1, events, negative: 9, negativeWeight: 2.0 / pool, pool);
    }

    [Test]
    public void Create_MoreEventsOfAUserThanAnEncodingBatch_EncodesThemAll()
    {
        SeededRandom random = new(5);
        RandomLog log = new(random, hasLabels: true, numberOfUsers: 1, numberOfEvents: 300);
        using TorchBackbone module = Backbones.Create(CreateModel(random, log.Log));
        EventTable events = EventTable.Create(log.Log, 5, usesProfiles: false, (_, _) => true);

        using PatchTensors place = TorchModels.CreateIntercept(module.Architecture, layer: 0);
        using SampleStore store = SampleStore.Create(new SampleEncoder(module, place, events, sampler: null, pool: 1, negativeWeight: 1, elements: 1, random), new ParallelOptions());

        Check(store, module, 0, events, negative: null, negativeWeight: 0);
    }

    [Test]
    public void KeepNegatives_OfAStore_KeepsTheFirstOnesWithTheWeightOfAll([Values(1, 2, 4, 9)] int negatives)
    {
        SeededRandom random = new(5);
        InteractionLog log = RandomLog.WithOneNegative(random, numberOfUsers: 5, numberOfItems: 9);
        using TorchBackbone module = Backbones.Create(CreateModel(random, log));
        EventTable events = EventTable.Create(log, 5, usesProfiles: false, (user, index) => index < 3 + user);
        using PatchTensors place = TorchModels.CreateIntercept(module.Architecture, layer: 0);
        using SampleStore store = SampleStore.Create(new SampleEncoder(module, place, events, new NegativeSampler(log, seed: 1), pool: 4, negativeWeight: 2, elements: 200, random), new ParallelOptions());

        using SampleStore kept = store.KeepNegatives(negatives);

        Check(kept, module, layer: 0, events, negative: 9, negativeWeight: 2.0 / Math.Min(4, negatives), Math.Min(4, negatives));
    }

    [Test]
    public void Create_AMemoryCap_IsKeptUnlessOneUserIsMore()
    {
        SeededRandom random = new(5);
        RandomLog log = new(random, hasLabels: true, numberOfUsers: 20, numberOfEvents: 300);
        using TorchBackbone module = Backbones.Create(CreateModel(random, log.Log));
        EventTable events = EventTable.Create(log.Log, 5, usesProfiles: false, (_, _) => true);

        using PatchTensors place = TorchModels.CreateIntercept(module.Architecture, layer: 0);
        using SampleStore store = SampleStore.Create(new SampleEncoder(module, place, events, sampler: null, pool: 1, negativeWeight: 1, elements: 500, random), new ParallelOptions());

        Assert.That(store.Chunks, Has.Count.GreaterThan(2));
        foreach (SampleChunk chunk in store.Chunks.Where(chunk => chunk.Rows.Length > 1))
        {
            Assert.That(chunk.Activation.numel(), Is.LessThanOrEqualTo(500));
        }
    }

    private static void Check(
        SampleStore store, TorchBackbone module, int layer, EventTable events, long? negative, double negativeWeight, int pool = 0)
    {
        int[] users = events.Users.ToArray();
        Assert.That(store.Users, Is.EquivalentTo(users.Distinct()));
        Assert.That(store.Chunks.SelectMany(chunk => chunk.Rows), Is.EqualTo(Enumerable.Range(0, store.Users.Length)));
        int perEvent = 1 + pool;
        foreach (SampleChunk chunk in store.Chunks)
        {
            using DisposeScope scope = NewDisposeScope();
            Assert.That(chunk.SamplesPerEvent, Is.EqualTo(perEvent));
            for (int row = 0; row < chunk.Rows.Length; row++)
            {
                int[] own = [.. Enumerable.Range(0, users.Length).Where(i => users[i] == store.Users[chunk.Rows[row]])];
                Assert.That(store.NumberOfEvents[chunk.Rows[row]], Is.EqualTo(own.Length));
                for (int i = 0; i < own.Length; i++)
                {
                    (Tensor activation, Tensor offset) = module.Encode(
                        events.CreateBatch([own[i]], [.. Enumerable.Repeat((int)(negative ?? 0), pool)]), layer, generator: null);
                    Tensor place = chunk.Activation[row].narrow(0, i * perEvent, perEvent);
                    Assert.That(Deviation.Max(place.ToArray(), activation.ToArray()), Is.LessThan(Tolerance));
                    Assert.That(Deviation.Max(Slice(chunk.Offset, row, i, perEvent), offset.ToArray()), Is.LessThan(Tolerance));
                    Assert.That(Slice(chunk.Label, row, i, perEvent), Is.EqualTo(First(events.GetLabel(own[i]) ? 1 : 0, 0, pool)));
                    Assert.That(Slice(chunk.Weight, row, i, perEvent), Is.EqualTo(First(1, (float)negativeWeight, pool)));
                    Assert.That(Slice(chunk.IsEvent, row, i, perEvent), Is.EqualTo(First(1, 0, pool)));
                    Assert.That(Slice(chunk.Position, row, i, perEvent), Is.All.EqualTo((float)(i + 1) / own.Length));
                }

                int padding = (int)chunk.Weight.shape[1] - (own.Length * perEvent);
                Assert.That(chunk.Weight[row].narrow(0, own.Length * perEvent, padding).ToArray(), Is.All.Zero);
                Assert.That(chunk.IsEvent[row].narrow(0, own.Length * perEvent, padding).ToArray(), Is.All.Zero);
            }
        }
    }

    private static float[] Slice(Tensor tensor, int row, int index, int perEvent) => tensor[row].narrow(0, index * perEvent, perEvent).ToArray();

    private static float[] First(float own, float others, int count) => [own, .. Enumerable.Repeat(others, count)];

    private static DeviceCloudModelParameters CreateModel(SeededRandom random, InteractionLog log) => RandomModel.Create(random, new DinArchitecture
    {
        NumberOfItems = log.NumberOfItems,
        EmbeddingDimension = 4,
        HistoryLength = 5,
        ProfileDimension = log.ProfileDimension,
        ActivationUnitSize = 5,
        HiddenLayerSizes = [6, 5],
    });
}
