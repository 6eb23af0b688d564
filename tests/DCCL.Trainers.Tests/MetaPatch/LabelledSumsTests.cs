using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.TestKit;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.MetaPatch;

public sealed class LabelledSumsTests
{
    private const int NumberOfUsers = 40;
    private const int NumberOfItems = 12;
    private const int NumberOfFactors = 2;
    private const int CloudEvents = 3;
    private const int DeviceEvents = 10;
    private const double L2 = 5;
    private const double InterceptL2 = 0.5;

    // A user's patch is the sum of what was liked less the sum of what was refused, with the intercept beside it at which the loss has no slope.
    [Test]
    public void Create_AGivenStrength_AddsUpWhatWasLikedLessWhatWasRefused([Values(0.5, 1)] double strength)
    {
        using Fixture fixture = new(followsGroups: true, strength);

        UserPatches patches = fixture.Create(start: null);

        Assert.That(patches.NumberOfPatchedUsers, Is.EqualTo(NumberOfUsers));
        foreach ((int user, int first, int count) in fixture.Events.GetUsers())
        {
            double[] sum = fixture.Sum(user, CloudEvents + DeviceEvents);
            Assert.That(patches[user][1..].ToArray(), Is.EqualTo(Array.ConvertAll(sum, value => strength * value)).Within(1e-4));
            double slope = InterceptL2 * patches[user][0];
            for (int place = first; place < first + count; place++)
            {
                float[] factors = fixture.GetFactors(fixture.Events.Items[place]);
                int sign = fixture.Events.GetLabel(place) ? 1 : -1;
                double others = Enumerable.Range(0, NumberOfFactors).Sum(k => (sum[k] - (sign * factors[k] / (4 * L2))) * factors[k]); // nothing foresees itself
                double logit = fixture.Logits[place] + patches[user][0] + (strength * others);
                slope += (1 / (1 + Math.Exp(-logit))) - (sign > 0 ? 1 : 0);
            }

            Assert.That(slope, Is.EqualTo(0).Within(1e-3));
        }
    }

    [Test]
    public void Create_TastesThatTheFactorsKnow_AreKept()
    {
        using Fixture fixture = new(followsGroups: true, strength: null);

        UserPatches patches = fixture.Create(start: null);

        Assert.That(Enumerable.Range(1, NumberOfUsers).Count(user => patches[user][1..].ContainsAnyExcept(0f)), Is.GreaterThan(NumberOfUsers / 2));
    }

    // A base rate is an intercept's, and no sum's.
    [Test]
    public void Create_LabelsAtRandom_KeepsNoSum()
    {
        using Fixture fixture = new(followsGroups: false, strength: null);

        UserPatches patches = fixture.Create(start: null);

        Assert.That(Enumerable.Range(1, NumberOfUsers).Where(user => patches[user][1..].ContainsAnyExcept(0f)), Is.Empty);
    }

    [Test]
    public void Create_PatchesOfBefore_AreTheStartingPoint()
    {
        using Fixture fixture = new(followsGroups: true, strength: 0);
        float[] values = [.. Enumerable.Range(0, NumberOfUsers * (1 + NumberOfFactors)).Select(i => (i % 5) - 2f)];
        UserPatches start = new(1 + NumberOfFactors, values, [.. Enumerable.Repeat(PatchStatus.Patched, NumberOfUsers)]);

        UserPatches patches = fixture.Create(start);

        for (int user = 1; user <= NumberOfUsers; user++)
        {
            Assert.That(patches[user][1..].ToArray(), Is.EqualTo(start[user][1..].ToArray()));
        }
    }

    // Users of whom half like the even items and half the odd ones, or at random; factors that know the groups.
    private sealed class Fixture : IDisposable
    {
        private readonly TrainingRun _run = new(new MLContext(seed: 1), "test", new TrainingRunOptions { NumberOfThreads = 2 });
        private readonly TorchBackbone _model;
        private readonly InteractionLog _log;
        private readonly float[] _factors;
        private readonly MetaPatchTrainer.Options _options;

        public Fixture(bool followsGroups, double? strength)
        {
            SeededRandom random = new(2);
            List<int> users = [];
            List<int> items = [];
            List<bool> labels = [];
            for (int user = 1; user <= NumberOfUsers; user++)
            {
                for (int i = 0; i < CloudEvents + DeviceEvents; i++)
                {
                    int item = 1 + random.Next(NumberOfItems);
                    bool isLiked = followsGroups ? item % 2 == user % 2 : random.Next(2) == 0;
                    users.Add(user);
                    items.Add(i < CloudEvents && followsGroups && !isLiked ? 1 + (item % NumberOfItems) : item);
                    labels.Add(i < CloudEvents || isLiked);
                }
            }

            _log = InteractionLog.Create(NumberOfUsers, NumberOfItems, [.. users], [.. items], timestamps: null, [.. labels]);
            Events = EventTable.Create(_log, historyLength: 4, usesProfiles: false, (_, index) => index >= CloudEvents);
            _factors = [.. Enumerable.Range(0, (NumberOfItems + 1) * NumberOfFactors).Select(i =>
                i < NumberOfFactors ? 0 : (float)(FactorSums.GetScale(L2) * (i % NumberOfFactors == 0 ? i / NumberOfFactors % 2 == 0 ? 0.4 : -0.4 : 0.05 * random.NextGaussian())))];
            DinArchitecture architecture = new()
            {
                NumberOfItems = NumberOfItems,
                EmbeddingDimension = 6,
                HistoryLength = 4,
                ActivationUnitSize = 6,
                HiddenLayerSizes = [10, 8],
            };
            _model = Backbones.Create(RandomModel.Create(random, architecture));
            using TorchSharp.DisposeScope scope = TorchSharp.torch.NewDisposeScope();
            Logits = _model.Forward(Events.CreateBatch([.. Enumerable.Range(0, Events.Count)], []), generator: null).ToArray();
            _options = new MetaPatchTrainer.Options { L2 = L2, InterceptL2 = InterceptL2, Strength = strength };
        }

        public EventTable Events { get; }

        public float[] Logits { get; }

        public UserPatches Create(UserPatches? start)
        {
            FactorSums sums = new(_run, _factors, NumberOfFactors, _options);
            return new LabelledSums(_run, _options, _model, _log, Events).Create(sums, sums, fraction: 0.5, start);
        }

        public float[] GetFactors(int item) => _factors[(item * NumberOfFactors)..((item + 1) * NumberOfFactors)];

        public double[] Sum(int user, int end)
        {
            double[] sum = new double[NumberOfFactors];
            int[] items = _log.GetItems(user)[..end].ToArray();
            bool[] labels = _log.GetLabels(user)[..end].ToArray();
            foreach ((int item, bool isLiked) in items.Zip(labels).Distinct())
            {
                for (int k = 0; k < NumberOfFactors; k++)
                {
                    sum[k] += (isLiked ? 1 : -1) * GetFactors(item)[k] / (4 * L2);
                }
            }

            return sum;
        }

        public void Dispose()
        {
            _model.Dispose();
            _run.Dispose();
        }
    }
}
