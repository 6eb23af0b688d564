using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using Microsoft.ML;

namespace DCCL.Trainers.Tests;

/// <summary>
/// A cloud model with a basis, and people who choose among what they are offered, without labels: in the cloud's period as the cloud model
/// says, in the device's with a patch of their own. The catalogue is so large that everybody has most of it left.
/// </summary>
internal sealed class PlantedChoices
{
    public const int NumberOfUsers = 40;
    private const int NumberOfItems = 300;
    private const int NumberOfCloudEvents = 6;
    private const int NumberOfDeviceEvents = 50;
    private const int NumberOfTestEvents = 20;
    private const int NumberOfOffers = 40;
    private const int PatchSize = 4;
    private const float BasisScale = 8;
    private const double Effect = 2;
    private const double Decisiveness = 3;
    private readonly SeededRandom _random;
    private readonly DeviceCloudModelParameters _parameters;
    private readonly List<int>[] _histories = [.. Enumerable.Range(0, NumberOfUsers).Select(_ => new List<int>())];

    /// <summary>Draws model and people.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="backbone">"din" or "sasrec".</param>
    public PlantedChoices(int seed, string backbone)
    {
        _random = new SeededRandom(seed);
        BackboneArchitecture architecture = backbone == "din"
            ? new DinArchitecture { NumberOfItems = NumberOfItems, EmbeddingDimension = 6, HistoryLength = 5, ActivationUnitSize = 6, HiddenLayerSizes = [10, 8] }
            : new SasRecArchitecture { NumberOfItems = NumberOfItems, EmbeddingDimension = 6, HistoryLength = 5, FeedForwardSize = 8 };
        // A basis so large that the true patches are about as long as what some tens of Adam's steps reach.
        PatchArchitecture patch = new() { PatchSize = PatchSize, BottleneckSize = 2, Layers = [0] };
        DeviceCloudModelParameters drawn = RandomModel.Create(_random, architecture, patch);
        _parameters = new DeviceCloudModelParameters(architecture, patch, null, architecture.Tensors.Concat(patch.GetTensors(architecture)).ToDictionary(
            tensor => tensor.Name,
            tensor => Array.ConvertAll(drawn[tensor.Name].ToArray(), value => tensor.Name.EndsWith(".basis", StringComparison.Ordinal) ? BasisScale * value : value)));
        using ModelScorer scorer = new(_parameters, numberOfThreads: 1);
        Cloud = Draw(scorer, NumberOfCloudEvents, 0, new float[NumberOfUsers * PatchSize]);
        float[] thetas = DrawThetas(scorer);
        Device = Draw(scorer, NumberOfDeviceEvents, 1000, thetas);
        Test = Draw(scorer, NumberOfTestEvents, 2000, thetas);
    }

    public IReadOnlyList<EventRow> Cloud { get; }

    public IReadOnlyList<EventRow> Device { get; }

    public IReadOnlyList<EventRow> Test { get; }

    /// <summary>The cloud model behind the mapping of ids, with the basis that the choices were drawn with.</summary>
    public ITransformer CreateModel(MLContext context) => RememberingModel.Create(context, _parameters, NumberOfUsers, Cloud);

    // Scaled so that a patch moves items against each other by about Effect. Intercepts move none, and stay zero.
    private float[] DrawThetas(ModelScorer scorer)
    {
        long[] offers = Offer();
        float[] cloud = Score(scorer, offers, new float[NumberOfUsers * PatchSize]);
        float[] thetas = [.. Enumerable.Range(0, NumberOfUsers * PatchSize).Select(i => i % PatchSize == 0 ? 0 : (float)_random.NextGaussian())];
        for (int i = 0; i < 5; i++)
        {
            double variance = Score(scorer, offers, thetas).Zip(cloud, (x, y) => (double)x - y).Chunk(NumberOfOffers)
                .Average(own => own.Average(x => x * x) - Math.Pow(own.Average(), 2));
            thetas = [.. thetas.Select(value => (float)(value * Effect / Math.Sqrt(variance)))];
        }

        return thetas;
    }

    private EventRow[] Draw(ModelScorer scorer, int count, double time, float[] thetas)
    {
        List<EventRow> events = [];
        for (int i = 0; i < count; i++)
        {
            long[] offers = Offer();
            float[] logits = Score(scorer, offers, thetas);
            for (int user = 0; user < NumberOfUsers; user++)
            {
                // The largest of logits plus Gumbel noise is a draw from their softmax.
                int chosen = (int)Enumerable.Range(user * NumberOfOffers, NumberOfOffers)
                    .Select(offer => (Item: offers[offer], Value: (Decisiveness * logits[offer]) - Math.Log(-Math.Log(1 - _random.NextDouble()))))
                    .MaxBy(offer => offer.Value).Item;
                events.Add(new EventRow { User = $"u{user + 1}", Item = $"i{chosen}", Timestamp = time + i });
                _histories[user].Add(chosen);
            }
        }

        return [.. events];
    }

    // For each user items not had before [users, offers].
    private long[] Offer() => [.. _histories.SelectMany(history =>
    {
        long[] items = [.. Enumerable.Range(1, NumberOfItems).Except(history).Select(item => (long)item)];
        _random.Shuffle<long>(items);
        return items.Take(NumberOfOffers);
    })];

    private float[] Score(ModelScorer scorer, long[] offers, float[] thetas)
    {
        int length = _parameters.Architecture.HistoryLength;
        ScoringBatch batch = new() { Items = offers, Patches = thetas, History = new long[NumberOfUsers * length] };
        batch.Resize(_parameters.Architecture, NumberOfUsers, NumberOfOffers, length, NumberOfUsers, thetas.Length / NumberOfUsers);
        for (int user = 0; user < NumberOfUsers; user++)
        {
            int[] recent = [.. _histories[user].AsEnumerable().Reverse().Take(length)];
            for (int i = 0; i < recent.Length; i++)
            {
                batch.History[(user * length) + i] = recent[i];
            }
        }

        scorer.Score(batch);
        return batch.Scores[..offers.Length];
    }
}
