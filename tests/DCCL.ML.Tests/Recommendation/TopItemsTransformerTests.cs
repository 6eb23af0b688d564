using System.IO.Compression;
using DCCL.ML.Recommendation;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Recommendation;

public sealed class TopItemsTransformerTests
{
    private static readonly string[] _users = ["anna", "bob", "stranger", "carla", "carla", "dora", "emil", "anna"];

    private readonly MLContext _ml = new(seed: 1);

    [Test]
    public void Transform_RawIds_GivesWhatTheRecommenderRecommends([Values] bool excludesSeen, [Values(2, 4, 9)] int numberOfItems)
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create(servesColdStart: true);
        using Recommender recommender = _ml.DeviceCloud().CreateRecommender(model);
        using TopItemsTransformer transformer = _ml.DeviceCloud().Transforms
            .TopItems(model, new TopItemsEstimator.Options { NumberOfItems = numberOfItems, ExcludesSeen = excludesSeen })
            .Fit(LoadIds());

        TopRow[] rows = Read(transformer.Transform(LoadIds()));

        string[] ids = [.. model.ItemIds!];
        for (int i = 0; i < _users.Length; i++)
        {
            IReadOnlyList<RecommendedItem> expected = recommender.Recommend(
                _users[i], numberOfItems, new RecommendationOptions { ExcludesSeen = excludesSeen });
            uint[] missing = new uint[numberOfItems - expected.Count];
            Assert.That(
                rows[i].TopItems,
                Is.EqualTo([.. expected.Select(item => (uint)Array.IndexOf(ids, item.ItemId) + 1), .. missing]).AsCollection, _users[i]);
            Assert.That(
                rows[i].TopScores,
                Is.EqualTo([.. expected.Select(item => item.Score), .. missing.Select(_ => float.NaN)]).AsCollection, _users[i]);
        }
    }

    [Test]
    public void Transform_Keys_GivesTheSameAsRawIds()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        IDataView keys = _ml.Data.LoadFromEnumerable(new[] { 1, 2, 0, 3, 3, 4, 5, 1 }.Select(key => new SmallModel.Pair { User = SmallModel.Key(key) }));
        using TopItemsTransformer transformer = _ml.DeviceCloud().Transforms.TopItems(model, 3).Fit(keys);

        TopRow[] byKey = Read(transformer.Transform(keys));
        TopRow[] byId = Read(transformer.Transform(LoadIds()));

        Assert.That(byKey.Select(row => row.TopItems), Is.EqualTo(byId.Select(row => row.TopItems)));
        Assert.That(byKey.Select(row => row.TopScores), Is.EqualTo(byId.Select(row => row.TopScores)));
        Assert.That(byKey[0].TopItems, Is.Not.EqualTo(byKey[1].TopItems));
    }

    [Test]
    public void Transform_InAChain_SavedAndLoaded_GivesTheSameRawIds()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        IDataView data = LoadIds();
        ITransformer chain = _ml.DeviceCloud().Transforms.TopItems(model, 3)
            .Append(_ml.Transforms.Conversion.MapKeyToValue("Names", "TopItems")).Fit(data);
        using MemoryStream stream = new();
        _ml.Model.Save(chain, data.Schema, stream);
        stream.Position = 0;

        ITransformer loaded = new MLContext(seed: 2).Model.Load(stream, out _);

        Assert.That(((IEnumerable<ITransformer>)loaded).First(), Is.InstanceOf<TopItemsTransformer>());
        string[][] names = ReadNames(loaded.Transform(data));
        Assert.That(names, Is.EqualTo(ReadNames(chain.Transform(data))));
        Assert.That(names[0], Is.EquivalentTo(new[] { "c", "e", "f" })); // what Anna has not had
    }

    [Test]
    public void PredictionEngine_OfAUser_GivesTheSameAsTransform()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        using TopItemsTransformer transformer = _ml.DeviceCloud().Transforms.TopItems(model, 3).Fit(LoadIds());
        using PredictionEngine<UserRow, TopRow> engine = _ml.Model.CreatePredictionEngine<UserRow, TopRow>(transformer);
        TopRow[] rows = Read(transformer.Transform(LoadIds()));

        for (int i = 0; i < _users.Length; i++)
        {
            TopRow row = engine.Predict(new UserRow { User = _users[i] });
            Assert.That(row.TopItems, Is.EqualTo(rows[i].TopItems));
            Assert.That(row.TopScores, Is.EqualTo(rows[i].TopScores));
        }
    }

    [Test]
    public void Transform_UsersMappedAnew_SaysWhoTheFirstOneIs()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        using TopItemsTransformer transformer = _ml.DeviceCloud().Transforms.TopItems(model, 3).Fit(LoadIds());
        IDataView ids = _ml.Data.LoadFromEnumerable(new[] { "bob", "anna" }.Select(user => new UserRow { User = user }));
        IDataView keys = _ml.Transforms.Conversion.MapValueToKey("User").Fit(ids).Transform(ids);

        Assert.That(
            () => transformer.Transform(keys),
            Throws.ArgumentException.With.Message.StartsWith(
                "Column 'User' must be mapped as the model's log was, in which key 1 is 'anna', but key 1 is 'bob'."));
    }

    /// <summary>An engine disposes of the transformer that it was made from, unless told otherwise; others go on using it.</summary>
    [Test]
    public void PredictionEngine_WhileAnotherThreadDisposesTheTransformer_GivesTheSame()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        using TopItemsTransformer transformer = _ml.DeviceCloud().Transforms.TopItems(model, 3).Fit(LoadIds());
        using PredictionEngine<UserRow, TopRow> engine = _ml.Model.CreatePredictionEngine<UserRow, TopRow>(
            transformer, new PredictionEngineOptions { OwnsTransformer = false });
        TopRow[] rows = Read(transformer.Transform(LoadIds()));
        using CancellationTokenSource done = new();
        Task disposer = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
            {
                transformer.Dispose();
            }
        });

        for (int i = 0; i < 200; i++)
        {
            int row = i % rows.Length;
            Assert.That(engine.Predict(new UserRow { User = _users[row] }).TopScores, Is.EqualTo(rows[row].TopScores));
        }

        done.Cancel();
        disposer.Wait();
    }

    [Test]
    public void Transform_CursorSet_CoversEachRowOnce()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        using TopItemsTransformer transformer = _ml.DeviceCloud().Transforms.TopItems(model, 1).Fit(LoadIds());
        IDataView data = transformer.Transform(LoadIds());
        Dictionary<DataViewRowId, uint> firstItems = [];
        foreach (DataViewRowCursor cursor in data.GetRowCursorSet(data.Schema, 3))
        {
            using DataViewRowCursor owned = cursor;
            ValueGetter<DataViewRowId> idGetter = cursor.GetIdGetter();
            ValueGetter<VBuffer<uint>> getter = cursor.GetGetter<VBuffer<uint>>(data.Schema["TopItems"]);
            while (cursor.MoveNext())
            {
                DataViewRowId id = default;
                VBuffer<uint> items = default;
                idGetter(ref id);
                getter(ref items);
                firstItems.Add(id, items.GetItemOrDefault(0));
            }
        }

        Assert.That(firstItems.Values, Is.EquivalentTo(Read(data).Select(row => row.TopItems[0])));
    }

    [Test]
    public void OutputSchema_PromisedBeforeFitting_IsWhatComesOut()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        TopItemsEstimator estimator = _ml.DeviceCloud().Transforms.TopItems(model, 3);
        SchemaShape promised = estimator.GetOutputSchema(EstimatorConformance.Describe(LoadIds().Schema));
        using TopItemsTransformer transformer = estimator.Fit(LoadIds());
        DataViewSchema schema = transformer.Transform(LoadIds()).Schema;

        Assert.That(
            promised.Select(column => $"{column.Name} {SchemaShapeColumns.Describe(column)}"),
            Is.EquivalentTo(new[] { "User String", "TopItems Vector<Key<UInt32>>", "TopScores Vector<Single>" }));
        Assert.That(
            schema.Select(column => $"{column.Name} {column.Type}"),
            Is.EqualTo(new[] { "User String", "TopItems Vector<Key<UInt32, 0-5>, 3>", "TopScores Vector<Single, 3>" }));
        VBuffer<ReadOnlyMemory<char>> names = default;
        schema["TopItems"].GetKeyValues(ref names);
        Assert.That(names.DenseValues().Select(name => name.ToString()), Is.EqualTo(model.ItemIds));
    }

    [Test]
    public void UserColumn_MissingOrOfAnotherType_SaysWhatToDo()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        TopItemsEstimator estimator = _ml.DeviceCloud().Transforms.TopItems(model, new TopItemsEstimator.Options { UserColumnName = "Who" });
        IDataView numbers = _ml.Data.LoadFromEnumerable([new NumberRow { Who = 1 }]);
        const string WrongType = "Column 'Who' must be Key<UInt32> or String, but is Single. "
            + "Append Conversion.MapValueToKey, or ConvertType to String, before this transform.";
        const string Missing = "Column 'Who' must exist, but the data have only 'User'. Load the column, or name another one.";

        Assert.That(() => estimator.Fit(numbers), Throws.ArgumentException.With.Message.EqualTo(WrongType));
        Assert.That(
            () => estimator.GetOutputSchema(EstimatorConformance.Describe(numbers.Schema)),
            Throws.ArgumentException.With.Message.EqualTo(WrongType));
        Assert.That(() => estimator.Fit(LoadIds()), Throws.ArgumentException.With.Message.EqualTo(Missing));
        Assert.That(
            () => estimator.GetOutputSchema(EstimatorConformance.Describe(LoadIds().Schema)),
            Throws.ArgumentException.With.Message.EqualTo(Missing));
    }

    [Test]
    public void Options_OutOfRange_AreAllNamed()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        TopItemsEstimator.Options options = new() { NumberOfItems = 0, ItemsColumnName = "", ScoresColumnName = "" };

        Assert.That(
            () => _ml.DeviceCloud().Transforms.TopItems(model, options),
            Throws.ArgumentException.With.Message.EqualTo(
                "TopItemsEstimator.Options: NumberOfItems must be from 1 to 65536, but is 0. "
                + "ItemsColumnName must be the name of a column, but is empty. ScoresColumnName must be the name of a column, but is empty. "
                + "ItemsColumnName and ScoresColumnName must differ, but both are ''."));
    }

    [Test]
    public void Load_OptionsAltered_SaysSo()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        using TopItemsTransformer transformer = _ml.DeviceCloud().Transforms.TopItems(model, 3).Fit(LoadIds());
        using MemoryStream stream = new();
        _ml.Model.Save(transformer, LoadIds().Schema, stream);
        using (ZipArchive archive = new(stream, ZipArchiveMode.Update, leaveOpen: true))
        {
            ZipArchiveEntry entry = archive.Entries.Single(part => part.Name == "Options");
            using Stream part = entry.Open();
            part.Position = 20;
            part.WriteByte((byte)'?');
        }

        stream.Position = 0;
        Exception? fault = Assert.Catch(() => new MLContext(seed: 2).Model.Load(stream, out _));
        Assert.That(fault?.GetBaseException(), Is.InstanceOf<InvalidDataException>().With.Message.Contains("The file was altered"));
    }

    private IDataView LoadIds() => _ml.Data.LoadFromEnumerable(_users.Select(user => new UserRow { User = user }).ToArray());

    private TopRow[] Read(IDataView data) => [.. _ml.Data.CreateEnumerable<TopRow>(data, reuseRowObject: false)];

    private static string[][] ReadNames(IDataView data) =>
        [.. data.GetColumn<ReadOnlyMemory<char>[]>("Names").Select(row => row.Select(name => name.ToString()).ToArray())];

    private sealed class UserRow
    {
        public string User { get; set; } = "";
    }

    private sealed class NumberRow
    {
        public float Who { get; set; }
    }

    private sealed class TopRow
    {
        public uint[] TopItems { get; set; } = [];

        public float[] TopScores { get; set; } = [];
    }
}
