using System.Globalization;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;
using static DCCL.ML.Tests.Scoring.SmallModel;

namespace DCCL.ML.Tests.Scoring;

/// <summary>One row at a time: from objects with ids of any kind, and from many threads, as a pool of engines does it.</summary>
public sealed class PredictionEngineTests
{
    private const double Tolerance = 1e-6;
    private static readonly int[] _numbers = [1000, 7, 42, -5, 2_000_000_000];

    private readonly MLContext _ml = new(seed: 1);
    private readonly DeviceCloudPredictionTransformer _model = SmallModel.Create(servesColdStart: true);
    private readonly Random _random = new(3);

    [OneTimeTearDown]
    public void Dispose() => _model.Dispose();

    [Test]
    public void Predict_StringIds_EqualsTransform() => Check(
        IdPair.CreateChain(_ml, _model),
        (user, item) => new IdPair { UserId = user == 0 ? "nobody" : _model.UserIds![user - 1], ItemId = item == 0 ? "nothing" : _model.ItemIds![item - 1] });

    [Test]
    public void Predict_IntegerIds_EqualsTransform()
    {
        IDataView none = _ml.Data.LoadFromEnumerable<NumberPair>([]);
        ITransformer keys = _ml.Transforms.Conversion
            .MapValueToKey("User", nameof(NumberPair.UserNumber), keyData: _ml.Data.LoadFromEnumerable(_numbers.Select(id => new { Id = id })))
            .Append(_ml.Transforms.Conversion.MapValueToKey(
                "Item", nameof(NumberPair.ItemNumber), keyData: _ml.Data.LoadFromEnumerable(Enumerable.Range(1, NumberOfItems).Select(i => new { Id = 10_000_000_000L * i }))))
            .Fit(none);
        using DeviceCloudPredictionTransformer model = new(_model.Parameters, _model.Patches, _model.History, _model.Columns)
        {
            UserIds = [.. _numbers.Select(id => id.ToString(CultureInfo.InvariantCulture))],
            ItemIds = [.. Enumerable.Range(1, NumberOfItems).Select(i => (10_000_000_000L * i).ToString(CultureInfo.InvariantCulture))],
        };
        Check(
            new TransformerChain<ITransformer>([.. (IEnumerable<ITransformer>)keys, model]),
            (user, item) => new NumberPair { UserNumber = user == 0 ? 99 : _numbers[user - 1], ItemNumber = item == 0 ? -1 : 10_000_000_000L * item });
    }

    [Test]
    public void Predict_Keys_EqualsTransform() => Check(_model, (user, item) => new Pair { User = Key(user), Item = Key(item) });

    [Test]
    public void Predict_HistoryOfTheRow_EqualsTransform() => Check(_model, (user, item) => new PairWithHistory
    {
        User = Key(user),
        Item = Key(item),
        History = [.. Enumerable.Range(0, (user + item) % 5).Select(i => (uint)(1 + ((item + i) % NumberOfItems)))],
    });

    [Test]
    public void Predict_OneEngineForOneObjectChangedInPlace_FollowsTheChange()
    {
        using PredictionEngine<Pair, Prediction> engine = CreateEngine<Pair>(_model);
        Pair pair = new() { User = Key(1), Item = Key(1) };
        Prediction prediction = new();
        float first = engine.Predict(pair).Score;
        pair.Item = Key(2);
        engine.Predict(pair, ref prediction);
        Assert.That(prediction.Score, Is.Not.EqualTo(first));
        pair.Item = Key(1);
        engine.Predict(pair, ref prediction);
        Assert.That(prediction.Score, Is.EqualTo(first));
    }

    [Test]
    public void Dispose_OfAnEngineThatOwnsTheModel_LeavesOtherEnginesAtWork()
    {
        using DeviceCloudPredictionTransformer model = _model.WithPatches(_model.Patches);
        Pair pair = new() { User = Key(1), Item = Key(2) };
        using PredictionEngine<Pair, Prediction> other = CreateEngine<Pair>(model);
        float expected = other.Predict(pair).Score;
        _ml.Model.CreatePredictionEngine<Pair, Prediction>(model).Dispose();
        Assert.That(other.Predict(pair).Score, Is.EqualTo(expected));
    }

    [Test]
    public void Predict_ManyEnginesOnManyThreads_EqualsTransform()
    {
        ITransformer chain = IdPair.CreateChain(_ml, _model);
        IdPair[] pairs = CreateIdPairs();
        float[] expected = [.. chain.Transform(_ml.Data.LoadFromEnumerable(pairs)).GetColumn<float>("Score")];
        OnThreads(8, thread =>
        {
            using PredictionEngine<IdPair, Prediction> engine = CreateEngine<IdPair>(chain);
            for (int i = 0; i < 300; i++)
            {
                int row = (i + (thread * 7)) % pairs.Length;
                Assert.That(engine.Predict(pairs[row]).Score, Is.EqualTo(expected[row]).Within(Tolerance));
            }
        });
    }

    /// <summary>An engine disposes of the model that it was made from, unless told otherwise; others go on using it.</summary>
    [Test]
    public void Predict_WhileAnotherThreadDisposesTheModel_EqualsTransform()
    {
        using DeviceCloudPredictionTransformer model = _model.WithPatches(_model.Patches);
        ITransformer chain = IdPair.CreateChain(_ml, model);
        IdPair[] pairs = CreateIdPairs();
        float[] expected = [.. chain.Transform(_ml.Data.LoadFromEnumerable(pairs)).GetColumn<float>("Score")];
        using CancellationTokenSource done = new();
        Thread disposer = new(() =>
        {
            while (!done.IsCancellationRequested)
            {
                model.Dispose(); // as an engine does when it is disposed of
            }
        });
        disposer.Start();
        try
        {
            OnThreads(4, thread =>
            {
                using PredictionEngine<IdPair, Prediction> engine = CreateEngine<IdPair>(chain);
                for (int i = 0; i < 100; i++)
                {
                    int row = (i + (thread * 7)) % pairs.Length;
                    Assert.That(engine.Predict(pairs[row]).Score, Is.EqualTo(expected[row]).Within(Tolerance));
                }
            });
        }
        finally
        {
            done.Cancel();
            disposer.Join();
        }
    }

    private static void OnThreads(int count, Action<int> act)
    {
        Exception? fault = null;
        Thread[] threads =
        [
            .. Enumerable.Range(0, count).Select(i => new Thread(() =>
            {
                try
                {
                    act(i);
                }
                catch (Exception caught)
                {
                    fault = caught;
                }
            })),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        if (fault is not null)
        {
            throw new AggregateException(fault);
        }
    }

    private IdPair[] CreateIdPairs() =>
    [
        .. from user in _model.UserIds!.Append("nobody")
           from item in _model.ItemIds!
           select new IdPair { UserId = user, ItemId = item },
    ];

    private PredictionEngine<TPair, Prediction> CreateEngine<TPair>(ITransformer model)
        where TPair : class =>
        _ml.Model.CreatePredictionEngine<TPair, Prediction>(model, new PredictionEngineOptions { OwnsTransformer = false });

    private void Check<TPair>(ITransformer model, Func<int, int, TPair> create)
        where TPair : class
    {
        (int User, int Item)[] keys = [.. from user in Enumerable.Range(0, NumberOfUsers + 1) from item in Enumerable.Range(0, NumberOfItems + 1) select (user, item)];
        _random.Shuffle(keys);
        TPair[] pairs = [.. keys.Select(key => create(key.User, key.Item))];
        Prediction[] batched = [.. _ml.Data.CreateEnumerable<Prediction>(model.Transform(_ml.Data.LoadFromEnumerable(pairs)), reuseRowObject: false)];
        using PredictionEngine<TPair, Prediction> engine = CreateEngine<TPair>(model);
        for (int i = 0; i < pairs.Length; i++)
        {
            Prediction prediction = engine.Predict(pairs[i]);
            Assert.That(prediction.Score, Is.EqualTo(batched[i].Score).Within(Tolerance), $"{keys[i]}");
            Assert.That(prediction.Probability, Is.EqualTo(batched[i].Probability).Within(Tolerance), $"{keys[i]}");
            Assert.That((prediction.PredictedLabel, prediction.PatchStatus), Is.EqualTo((batched[i].PredictedLabel, batched[i].PatchStatus)), $"{keys[i]}");
        }

        Assert.That(batched.Select(row => (PatchStatus)row.PatchStatus).Distinct(), Has.Exactly(6).Items, "every status is among them");
        Assert.That(batched.Select(row => row.Score).Distinct().Count(), Is.GreaterThan(20));
    }

    private sealed class NumberPair
    {
        public int UserNumber { get; set; }

        public long ItemNumber { get; set; }
    }
}
