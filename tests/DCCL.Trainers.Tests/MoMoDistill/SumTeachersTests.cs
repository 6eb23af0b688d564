using System.Numerics.Tensors;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.TestKit;
using DCCL.Trainers.MoMoDistill;
using DCCL.Trainers.Tests.Torch;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.Tests.MoMoDistill;

public sealed class SumTeachersTests
{
    private const int NumberOfFactors = 3;
    private const int NumberOfFolds = 2;

    // Each event is scored with the factors and the sum that do not know its fold, on top of the cloud model's logit.
    [Test]
    public void Score_EventsOfSeveralFolds_AddsEachFoldsSums([Range(1, 5)] int seed)
    {
        SeededRandom random = new(seed);
        using DisposeScope scope = NewDisposeScope();
        RandomLog given = new(random, hasLabels: false);
        using TorchBackbone model = Backbones.Create(RandomModel.Create(random, CreateArchitecture(given.Log.NumberOfItems)));
        EventTable events = EventTable.Create(given.Log, historyLength: 4, usesProfiles: false, (_, _) => true);
        int[] places = [.. Enumerable.Range(0, 10)];
        int[] negatives = [.. places.SelectMany(_ => new[] { 1 + random.Next(given.Log.NumberOfItems), 0 })];
        TrainingBatch batch = events.CreateBatch(places, negatives);
        int[] users = [.. places.Select(place => events.Users[place])];
        int[] folds = [.. places.Select(place => (place % (NumberOfFolds + 1)) - 1)];
        int size = 1 + NumberOfFactors;
        float[][] factors = [.. Enumerable.Range(0, NumberOfFolds).Select(_ => Draw(random, (given.Log.NumberOfItems + 1) * NumberOfFactors))];
        float[][] sums = [.. Enumerable.Range(0, NumberOfFolds).Select(_ => Draw(random, given.Log.NumberOfUsers * size))];
        int gated = users[1];
        UserPatches patches = new(
            size, new float[given.Log.NumberOfUsers * size],
            [.. Enumerable.Range(1, given.Log.NumberOfUsers).Select(user => user == gated ? PatchStatus.Gated : PatchStatus.Patched)]);
        using SumTeachers teachers = new(model, patches, factors, sums);

        (Tensor Logits, Tensor Weights)? scored = teachers.Score(batch, users, folds);

        float[] cloud = model.Forward(batch, generator: null).ToArray();
        float[] weights = [.. places.Select(i => folds[i] >= 0 && users[i] != gated ? 1f : 0f)];
        Assert.That(weights, Does.Contain(0f));
        if (!weights.Contains(1f))
        {
            Assert.That(scored, Is.Null);
            return;
        }

        Assert.That(scored!.Value.Weights.ToArray(), Is.EqualTo(weights));
        float[] logits = scored.Value.Logits.ToArray();
        foreach (int i in places.Where(i => weights[i] == 1))
        {
            int[] items = [events.Items[places[i]], .. negatives.AsSpan(2 * i, 2)];
            for (int candidate = 0; candidate < items.Length; candidate++)
            {
                float added = TensorPrimitives.Dot<float>(
                    factors[folds[i]].AsSpan(items[candidate] * NumberOfFactors, NumberOfFactors), sums[folds[i]].AsSpan(((users[i] - 1) * size) + 1, NumberOfFactors));
                Assert.That(logits[(i * items.Length) + candidate], Is.EqualTo(cloud[(i * items.Length) + candidate] + added).Within(1e-4));
            }
        }
    }

    [Test]
    public void Score_TheCloudsEventsAlone_IsNothing()
    {
        SeededRandom random = new(1);
        using DisposeScope scope = NewDisposeScope();
        RandomLog given = new(random, hasLabels: false);
        using TorchBackbone model = Backbones.Create(RandomModel.Create(random, CreateArchitecture(given.Log.NumberOfItems)));
        EventTable events = EventTable.Create(given.Log, historyLength: 4, usesProfiles: false, (_, _) => true);
        UserPatches patches = new(2, new float[given.Log.NumberOfUsers * 2], [.. Enumerable.Repeat(PatchStatus.Patched, given.Log.NumberOfUsers)]);
        using SumTeachers teachers = new(model, patches, [Draw(random, given.Log.NumberOfItems + 1)], [Draw(random, given.Log.NumberOfUsers * 2)]);

        Assert.That(teachers.Score(events.CreateBatch([0, 1], []), [events.Users[0], events.Users[1]], [-1, -1]), Is.Null);
    }

    private static DinArchitecture CreateArchitecture(int numberOfItems) => new()
    {
        NumberOfItems = numberOfItems,
        EmbeddingDimension = 6,
        HistoryLength = 4,
        ActivationUnitSize = 4,
        HiddenLayerSizes = [8],
    };

    private static float[] Draw(SeededRandom random, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
}
