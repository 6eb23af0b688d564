using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.Trainers.Tests;

/// <summary>
/// A cloud model with a basis, and people whose answers are drawn from it: in the cloud's period from the cloud model itself, in
/// the device's from the model with a patch of their own, which is known. Each period has items of its own.
/// </summary>
internal sealed class PlantedFleet
{
    public const int NumberOfUsers = 30;
    public const int NumberOfItems = 25;
    public const int NumberOfCloudEvents = 6;
    public const int NumberOfDeviceEvents = 40;
    private const int NumberOfTestEvents = 40;
    private const int NumberOfCloudItems = 8;
    private const double Effect = 1.5;
    private readonly SeededRandom _random;
    private readonly List<EventRow> _cloud = [];
    private readonly List<EventRow> _device = [];
    private readonly List<EventRow> _test = [];
    private readonly List<int>[] _histories;

    /// <summary>Draws model and people.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="sameForAll">Whether everybody has the same patch, which the cloud model could learn.</param>
    /// <param name="backbone">"din" or "sasrec".</param>
    public PlantedFleet(int seed, bool sameForAll = false, string backbone = "din")
    {
        _random = new SeededRandom(seed);
        BackboneArchitecture architecture = backbone == "din"
            ? new DinArchitecture
            {
                NumberOfItems = NumberOfItems,
                EmbeddingDimension = 6,
                HistoryLength = 5,
                ActivationUnitSize = 6,
                HiddenLayerSizes = [10, 8],
            }
            : new SasRecArchitecture { NumberOfItems = NumberOfItems, EmbeddingDimension = 6, HistoryLength = 5, FeedForwardSize = 8 };
        Parameters = RandomModel.Create(_random, architecture, new PatchArchitecture { PatchSize = 4, BottleneckSize = 2, Layers = [0] });
        _histories = [.. Enumerable.Range(0, NumberOfUsers).Select(_ => new List<int>())];
        Thetas = DrawThetas(sameForAll);
        Draw(_cloud, NumberOfCloudEvents, 0, new float[Thetas.Length], 1..NumberOfCloudItems, keepsHistory: true);
        Draw(_device, NumberOfDeviceEvents, 1000, Thetas, (NumberOfCloudItems + 1)..NumberOfItems, keepsHistory: true);
        Draw(_test, NumberOfTestEvents, 2000, Thetas, (NumberOfCloudItems + 1)..NumberOfItems, keepsHistory: false);
        TestLoss = Measure(Thetas);
    }

    /// <summary>Gets the columns of the log, after the mapping.</summary>
    public static InteractionColumns Columns { get; } = new("UserKey", "ItemKey", "Timestamp", "Label");

    public DeviceCloudModelParameters Parameters { get; }

    /// <summary>Gets everybody's true patch [users, d].</summary>
    public float[] Thetas { get; private set; }

    /// <summary>Gets the mean cross-entropy of the test events under the true patches: nobody can do better.</summary>
    public double TestLoss { get; }

    public IReadOnlyList<EventRow> Cloud => _cloud;

    public IReadOnlyList<EventRow> Device => _device;

    public IReadOnlyList<EventRow> Test => _test;

    /// <summary>Maps raw ids to keys: user un has key n, item in has key n.</summary>
    public static ITransformer MapKeys(MLContext context) => EventRow.MapKeys(context).Fit(context.Data.LoadFromEnumerable(
        Enumerable.Range(1, Math.Max(NumberOfUsers, NumberOfItems)).Select(n => new EventRow
        {
            User = $"u{Math.Min(n, NumberOfUsers)}",
            Item = $"i{Math.Min(n, NumberOfItems)}",
        })));

    /// <summary>The cloud model behind the mapping of ids, as a chain's Fit would return it.</summary>
    /// <param name="context">The context.</param>
    /// <param name="withBasis">Whether the basis that the answers were drawn with is part of the model.</param>
    /// <param name="patches">The patches; null for none.</param>
    public ITransformer CreateModel(MLContext context, bool withBasis = true, UserPatches? patches = null)
    {
        ITransformer keys = MapKeys(context);
        InteractionLog log = InteractionLog.Read(keys.Transform(context.Data.LoadFromEnumerable(_cloud)), Columns);
        double[] cutoffs = [.. Enumerable.Range(1, NumberOfUsers).Select(user => log.GetTimestamps(user)[^1])];
        DeviceCloudModelParameters parameters = withBasis ? Parameters : new DeviceCloudModelParameters(
            Parameters.Architecture, null, null, Parameters.Architecture.Tensors.ToDictionary(shape => shape.Name, shape => Parameters[shape.Name].ToArray()));
        DeviceCloudPredictionTransformer model = new(parameters, patches, BehaviorHistory.FromLog(log, parameters.Architecture, cutoffs), Columns)
        {
            UserIds = [.. Enumerable.Range(1, NumberOfUsers).Select(n => $"u{n}")],
            ItemIds = [.. Enumerable.Range(1, NumberOfItems).Select(n => $"i{n}")],
            NumberOfThreads = 1,
        };
        return new TransformerChain<DeviceCloudPredictionTransformer>([.. (IEnumerable<ITransformer>)keys, model]);
    }

    /// <summary>The mean cross-entropy of a model on events.</summary>
    public static double GetLoss(MLContext context, ITransformer model, IEnumerable<EventRow> events)
    {
        IDataView scored = model.Transform(context.Data.LoadFromEnumerable(events));
        return scored.GetColumn<float>("Score").Zip(scored.GetColumn<bool>("Label"), (score, label) =>
            Math.Log(1 + Math.Exp(label ? -score : score))).Average();
    }

    /// <summary>The derivative of each user's cross-entropy on the device's events by the intercept, under patches [users, d].</summary>
    public double[] GetDeviceSlopes(float[] thetas)
    {
        double[] slopes = new double[NumberOfUsers];
        Array.ForEach(_histories, history => history.Clear());
        EventRow[] all = [.. _cloud, .. _device];
        for (int first = 0; first < all.Length; first += NumberOfUsers)
        {
            EventRow[] rows = all[first..(first + NumberOfUsers)];
            int[] items = [.. rows.Select(row => int.Parse(row.Item[1..], System.Globalization.CultureInfo.InvariantCulture))];
            float[] logits = Score([.. items.Select(item => (long)item)], thetas);
            for (int user = 0; user < NumberOfUsers; user++)
            {
                slopes[user] += first < _cloud.Count ? 0 : (1 / (1 + Math.Exp(-logits[user]))) - (rows[user].Label ? 1 : 0);
                if (rows[user].Label)
                {
                    _histories[user].Add(items[user]);
                }
            }
        }

        return slopes;
    }

    private float[] DrawThetas(bool sameForAll)
    {
        int size = Parameters.Patch!.PatchSize;
        float[] one = [.. Enumerable.Range(0, size).Select(_ => (float)_random.NextGaussian())];
        float[] thetas = [.. Enumerable.Range(0, NumberOfUsers * size).Select(i => sameForAll ? one[i % size] : (float)_random.NextGaussian())];

        // Scaled so that a patch moves logits by about Effect.
        for (int i = 0; i < 5; i++)
        {
            float[] patched = Score(ItemsForAll(), thetas);
            float[] cloud = Score(ItemsForAll(), new float[thetas.Length]);
            double square = patched.Zip(cloud, (x, y) => Math.Pow(x - y, 2)).Average();
            thetas = [.. thetas.Select(value => (float)(value * Effect / Math.Sqrt(square)))];
        }

        return thetas;
    }

    private static long[] ItemsForAll() => [.. Enumerable.Range(0, NumberOfUsers).Select(user => 1L + (user % NumberOfItems))];

    private void Draw(List<EventRow> events, int count, double time, float[] thetas, Range range, bool keepsHistory)
    {
        for (int i = 0; i < count; i++)
        {
            long[] items = [.. Enumerable.Range(0, NumberOfUsers).Select(_ => range.Start.Value + (long)_random.Next(1 + range.End.Value - range.Start.Value))];
            float[] logits = Score(items, thetas);
            for (int user = 0; user < NumberOfUsers; user++)
            {
                bool label = _random.NextDouble() < 1 / (1 + Math.Exp(-logits[user]));
                events.Add(new EventRow { User = $"u{user + 1}", Item = $"i{items[user]}", Timestamp = time + i, Label = label });
                if (keepsHistory && label)
                {
                    _histories[user].Add((int)items[user]);
                }
            }
        }
    }

    private double Measure(float[] thetas)
    {
        double sum = 0;
        for (int i = 0; i < _test.Count; i += NumberOfUsers)
        {
            float[] logits = Score([.. _test.Skip(i).Take(NumberOfUsers).Select(row => long.Parse(row.Item[1..], System.Globalization.CultureInfo.InvariantCulture))], thetas);
            sum += logits.Select((logit, user) => Math.Log(1 + Math.Exp(_test[i + user].Label ? -logit : logit))).Sum();
        }

        return sum / _test.Count;
    }

    // One candidate for each user, after their histories.
    private float[] Score(long[] items, float[] thetas)
    {
        ScoringBatch batch = new();
        int length = Parameters.Architecture.HistoryLength;
        batch.Resize(Parameters.Architecture, NumberOfUsers, 1, length, NumberOfUsers, Parameters.Patch!.PatchSize);
        items.CopyTo(batch.Items, 0);
        thetas.CopyTo(batch.Patches, 0);
        Array.Clear(batch.History);
        for (int user = 0; user < NumberOfUsers; user++)
        {
            List<int> history = _histories[user];
            for (int i = 0; i < Math.Min(length, history.Count); i++)
            {
                batch.History[(user * length) + i] = history[^(1 + i)];
            }
        }

        using ModelScorer scorer = new(Parameters, numberOfThreads: 1);
        scorer.Score(batch);
        return batch.Scores[..NumberOfUsers];
    }
}
