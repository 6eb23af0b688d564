using DCCL.ML.Data;
using DCCL.Trainers.Torch;
using NUnit.Framework;
using TorchSharp;
using static TorchSharp.torch;

namespace DCCL.Trainers.Tests.Torch;

public sealed class SpectralEmbeddingTests
{
    // Singular vectors in float32 after ten iterations; products of them of order 1, and gaps between singular values of about 0.1.
    private const double Tolerance = 1e-3;

    [Test]
    public void Compute_RandomLog_EqualsTheDenseDecomposition([Range(1, 20)] int seed)
    {
        SeededRandom random = new(seed);
        bool hasLabels = random.Next(2) == 0;
        RandomLog log = new(random, hasLabels, numberOfUsers: 12, numberOfItems: 9, numberOfEvents: 150);
        const int size = 3;

        float[] actual = SpectralEmbedding.Compute(log.Log, size, random);

        double[,] expected = Decompose(log, hasLabels, size);
        double[] products = [.. Products(10, (i, j) => Enumerable.Range(0, size).Sum(k => (double)actual[(i * size) + k] * actual[(j * size) + k]))];
        double[] expectedProducts = [.. Products(10, (i, j) => Enumerable.Range(0, size).Sum(k => expected[i, k] * expected[j, k]))];
        Assert.That(products, Is.EqualTo(expectedProducts).Within(Tolerance * expectedProducts.Max()));
    }

    [Test]
    public void Compute_MoreElementsThanUsers_LeavesTheRestZero()
    {
        RandomLog log = new(new SeededRandom(1), hasLabels: true, numberOfUsers: 4, numberOfItems: 9);

        float[] vectors = SpectralEmbedding.Compute(log.Log, 6, new SeededRandom(2));

        Assert.That(vectors, Has.Length.EqualTo(10 * 6));
        Assert.That(vectors, Has.None.NaN);
        Assert.That(vectors.Where((_, i) => i < 6 || i % 6 >= 4), Is.All.Zero);
        Assert.That(vectors.Where((_, i) => i % 6 == 0), Is.Not.All.Zero);
    }

    [Test]
    public void Compute_TheSameSeed_GivesTheSameBytes()
    {
        RandomLog log = new(new SeededRandom(1), hasLabels: false, numberOfUsers: 40, numberOfItems: 23);
        float[] first = SpectralEmbedding.Compute(log.Log, 4, new SeededRandom(2));
        for (int i = 0; i < 60; i++)
        {
            Assert.That(SpectralEmbedding.Compute(log.Log, 4, new SeededRandom(2)), Is.EqualTo(first));
        }
    }

    [Test]
    public void Compute_TwoTastes_TellsTheirItemsApart()
    {
        // Users with an odd number like items with an odd number, the others the others.
        List<int> users = [];
        List<int> items = [];
        SeededRandom random = new(3);
        for (int user = 1; user <= 30; user++)
        {
            int[] own = [.. Enumerable.Range(1, 20).Where(item => item % 2 == user % 2)];
            random.Shuffle<int>(own);
            users.AddRange(Enumerable.Repeat(user, 6));
            items.AddRange(own[..6]);
        }

        float[] vectors = SpectralEmbedding.Compute(InteractionLog.Create(30, 20, [.. users], [.. items], null), 1, random);

        int[] signs = [.. Enumerable.Range(1, 20).Select(item => Math.Sign(vectors[item]) * (item % 2 == 0 ? 1 : -1))];
        Assert.That(signs, Is.All.EqualTo(signs[0]));
        Assert.That(signs[0], Is.Not.Zero);
    }

    [Test]
    public void Compute_LabelsThatTheMeansExplain_IsZero()
    {
        // Everybody refuses item 1 and likes item 2: nothing is left but what the smoothing leaves, of rank one, and no number is NaN.
        InteractionLog log = InteractionLog.Create(2, 2, [1, 1, 2, 2], [1, 2, 1, 2], null, [false, true, false, true]);

        Assert.That(SpectralEmbedding.Compute(log, 2, new SeededRandom(1)), Has.None.NaN);
    }

    [Test]
    public void FindDirections_RandomLog_ProjectsOnTheLeadingSingularVectorsOfWhoHadWhat([Range(1, 10)] int seed)
    {
        RandomLog log = new(new SeededRandom(seed), hasLabels: false, numberOfUsers: 12, numberOfItems: 9, numberOfEvents: 60);
        double[,] matrix = new double[12, 10];
        for (int user = 0; user < 12; user++)
        {
            foreach ((int item, bool _) in log.Events[user].Select(e => (e.Item, e.Label)))
            {
                matrix[user, item] = 1;
            }
        }

        float[] actual = SpectralEmbedding.FindDirections(log.Log, 3, new SeededRandom(2));

        using DisposeScope scope = NewDisposeScope();
        (_, _, Tensor transposed) = linalg.svd(tensor(matrix), fullMatrices: false);
        double[] expected = Products(10, (i, j) => Enumerable.Range(0, 3).Sum(k => transposed[k, i].item<double>() * transposed[k, j].item<double>())).ToArray();
        double[] products = Products(10, (i, j) => Enumerable.Range(0, 3).Sum(k => (double)actual[(i * 3) + k] * actual[(j * 3) + k])).ToArray();
        Assert.That(products, Is.EqualTo(expected).Within(5 * Tolerance));
    }

    [Test]
    public void FindDirections_MoreThanTheRank_LeavesTheRestZero()
    {
        // Two users who had the same: one direction.
        InteractionLog log = InteractionLog.Create(3, 4, [1, 1, 2, 2, 2], [1, 3, 1, 3, 3], null);

        float[] vectors = SpectralEmbedding.FindDirections(log, 3, new SeededRandom(1));

        float half = MathF.Sqrt(0.5f);
        Assert.That(vectors.Select(Math.Abs), Is.EqualTo((float[])[0, 0, 0, half, 0, 0, 0, 0, 0, half, 0, 0, 0, 0, 0]).Within(1e-5));
    }

    private static IEnumerable<double> Products(int count, Func<int, int, double> product) =>
        Enumerable.Range(0, count).SelectMany(i => Enumerable.Range(0, count).Select(j => product(i, j)));

    // The definition, element by element, decomposed in double precision.
    private static double[,] Decompose(RandomLog log, bool hasLabels, int size)
    {
        int users = log.Events.Length;
        double[,] matrix = new double[users, 10];
        (int User, int Item, bool Label)[] events = [.. log.Events.SelectMany((own, user) => own.Select(e => (user, e.Item, e.Label)))];
        double[] rowMeans = [.. Enumerable.Range(0, users).Select(user =>
            (events.Count(e => e.User == user && e.Label) + (4.0 * events.Count(e => e.Label) / events.Length)) / (log.Events[user].Length + 4.0))];
        foreach ((int user, int item, bool label) in events)
        {
            (int User, int Item, bool Label)[] same = [.. events.Where(e => e.Item == item)];
            matrix[user, item] += hasLabels
                ? (label ? 1 : 0) - rowMeans[user] - (same.Sum(e => (e.Label ? 1 : 0) - rowMeans[e.User]) / (same.Length + 8.0))
                : 1 / Math.Sqrt((double)log.Events[user].Length * same.Length);
        }

        using DisposeScope scope = NewDisposeScope();
        (_, Tensor values, Tensor transposed) = linalg.svd(tensor(matrix), fullMatrices: false);
        int skipped = hasLabels ? 0 : 1;
        double[,] result = new double[10, size];
        double squares = 0;
        for (int k = 0; k < size; k++)
        {
            for (int item = 0; item < 10; item++)
            {
                result[item, k] = transposed[k + skipped, item].item<double>() * Math.Sqrt(values[k + skipped].item<double>());
                squares += result[item, k] * result[item, k] * events.Count(e => e.Item == item);
            }
        }

        double scale = Math.Sqrt(squares / (size * events.Length));
        for (int k = 0; k < size; k++)
        {
            for (int item = 0; item < 10; item++)
            {
                result[item, k] /= scale;
            }
        }

        return result;
    }
}
