using System.Globalization;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Scoring;

public sealed class GrownKeysTests
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly Row[] _old = [.. Enumerable.Range(1, 6).Select(i => new Row { UserId = $"u{Math.Min(i, 5)}", ItemId = 100 * i, Kind = "k1" })];

    [Test]
    public void WithGrownKeys_NewIds_GetKeysBehindTheOldOnes()
    {
        using DeviceCloudPredictionTransformer model = CreateModel();
        ITransformer chain = CreateChain(model);
        IDataView news = _ml.Data.LoadFromEnumerable<Row>(
        [
            new() { UserId = "u9", ItemId = 300, Kind = "k2" },
            new() { UserId = "u2", ItemId = 900 },
            new() { UserId = "", ItemId = 100 },
            new() { UserId = "u9", ItemId = 900 },
            new() { UserId = "u7", ItemId = 800 },
        ]);

        ITransformer grown = chain.WithGrownKeys(news);

        IDataView mapped = grown.TransformBeforeDeviceCloud(news);
        Assert.That(mapped.GetColumn<uint>("User"), Is.EqualTo(new uint[] { 6, 2, 0, 6, 7 }));
        Assert.That(mapped.GetColumn<uint>("Item"), Is.EqualTo(new uint[] { 3, 7, 1, 7, 8 }));
        Assert.That(mapped.GetColumn<uint>("Sort"), Is.EqualTo(new uint[] { 0, 0, 0, 0, 0 }), "another column's keys do not grow");
        Assert.That(KeyIds.Read(mapped.Schema["User"]), Is.EqualTo(new[] { "u1", "u2", "u3", "u4", "u5", "u9", "u7" }));
        Assert.That(KeyIds.Read(mapped.Schema["Item"]), Is.EqualTo(new[] { "100", "200", "300", "400", "500", "600", "900", "800" }));
        Assert.That(grown.DeviceCloudModel(), Is.SameAs(model));
        Assert.That(grown, Is.InstanceOf<TransformerChain<DeviceCloudPredictionTransformer>>());
    }

    [Test]
    public void WithGrownKeys_OldData_ScoreAsBefore()
    {
        using DeviceCloudPredictionTransformer model = CreateModel();
        ITransformer chain = CreateChain(model);
        IDataView old = _ml.Data.LoadFromEnumerable(_old);

        ITransformer grown = chain.WithGrownKeys(_ml.Data.LoadFromEnumerable<Row>([new() { UserId = "u9", ItemId = 900 }]));

        Assert.That(grown.Transform(old).GetColumn<float>("Score"), Is.EqualTo(chain.Transform(old).GetColumn<float>("Score")));
        Assert.That(grown.Transform(old).GetColumn<uint>("Sort"), Is.EqualTo(chain.Transform(old).GetColumn<uint>("Sort")));
    }

    [Test]
    public void WithGrownKeys_AgainAndAgain_NestsNoDeeper()
    {
        using DeviceCloudPredictionTransformer model = CreateModel();
        ITransformer grown = CreateChain(model);
        int depth = 0;
        for (int i = 0; i < 5; i++)
        {
            grown = grown.WithGrownKeys(_ml.Data.LoadFromEnumerable<Row>([new() { UserId = $"new{i}", ItemId = i }]));
            depth = i == 0 ? GetDepth(grown) : depth;
        }

        Assert.That(GetDepth(grown), Is.EqualTo(depth));
    }

    [Test]
    public void WithGrownKeys_ATransformerAlone_IsItself()
    {
        using DeviceCloudPredictionTransformer model = CreateModel();

        Assert.That(model.WithGrownKeys(_ml.Data.LoadFromEnumerable(_old)), Is.SameAs(model));
    }

    // Together with the item's mapping, or by a mapping of its own behind it.
    [Test]
    public void WithGrownKeys_AHistoryMappedAsItemsAre_GrowsByTheSameKeys([Values] bool isMappedByItself)
    {
        using DeviceCloudPredictionTransformer model = CreateModel();
        ITransformer chain = CreateChainWithHistory(model, isMappedByItself, ["u1", "u2"]);
        IDataView news = _ml.Data.LoadFromEnumerable<RowWithHistory>(
        [
            new() { UserId = "u9", ItemId = 900, History = [300, 700, 900] },
            new() { UserId = "u2", ItemId = 800, History = [800, 100] },
        ]);

        IDataView mapped = chain.WithGrownKeys(news).TransformBeforeDeviceCloud(news);

        // 700 is no item of anybody: a history gives it no key.
        Assert.That(mapped.GetColumn<uint[]>("History"), Is.EqualTo(new uint[][] { [3, 0, 7], [8, 1] }));
        Assert.That(KeyIds.Read(mapped.Schema["History"]), Is.EqualTo(KeyIds.Read(mapped.Schema["Item"])));
    }

    [Test]
    public void WithGrownKeys_AHistoryMappedBeforeTheItem_SaysWhatToDo()
    {
        using DeviceCloudPredictionTransformer model = CreateModel();
        IDataView old = _ml.Data.LoadFromEnumerable(CreateRows());
        TransformerChain<DeviceCloudPredictionTransformer> chain = new(
            _ml.Transforms.Conversion.MapValueToKey("History").Append(_ml.Transforms.Conversion.MapValueToKey("Item", "ItemId")).Fit(old), model);

        Assert.That(
            () => chain.WithGrownKeys(old),
            Throws.ArgumentException.With.Message.EqualTo(
                "Column 'History' must be mapped to the keys of 'Item', together with it or after it, but is mapped before it. "
                + "Put the two into one Conversion.MapValueToKey, and train anew."));
    }

    [Test]
    public void WithGrownKeys_AHistoryOfOtherKeys_NamesTheFirst()
    {
        using DeviceCloudPredictionTransformer model = CreateModel();
        RowWithHistory[] rows = CreateRows();
        rows[0].History = [200, 100];
        IDataView old = _ml.Data.LoadFromEnumerable(rows);
        TransformerChain<DeviceCloudPredictionTransformer> chain = new(
            _ml.Transforms.Conversion.MapValueToKey("Item", "ItemId").Append(_ml.Transforms.Conversion.MapValueToKey("History")).Fit(old), model);

        Assert.That(
            () => chain.WithGrownKeys(old),
            Throws.ArgumentException.With.Message.StartsWith(
                "Column 'History' must be mapped as the model's log was, in which key 1 is '100', but key 1 is '200'."));
    }

    /// <summary>The small model, with ids that are texts and numbers.</summary>
    private static DeviceCloudPredictionTransformer CreateModel()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        return new DeviceCloudPredictionTransformer(model.Parameters, model.Patches, model.History, model.Columns)
        {
            UserIds = ["u1", "u2", "u3", "u4", "u5"],
            ItemIds = ["100", "200", "300", "400", "500", "600"],
        };
    }

    private static int GetDepth(ITransformer model) => model is IEnumerable<ITransformer> chain ? 1 + chain.Max(GetDepth) : 0;

    private TransformerChain<DeviceCloudPredictionTransformer> CreateChain(DeviceCloudPredictionTransformer model)
    {
        ITransformer keys = _ml.Transforms.Conversion
            .MapValueToKey([new("User", "UserId"), new("Item", "ItemId"), new("Sort", "Kind")])
            .Fit(_ml.Data.LoadFromEnumerable(_old));
        return new TransformerChain<DeviceCloudPredictionTransformer>(keys, model);
    }

    private TransformerChain<DeviceCloudPredictionTransformer> CreateChainWithHistory(
        DeviceCloudPredictionTransformer model, bool isMappedByItself, string[] users)
    {
        IDataView keys = _ml.Data.LoadFromEnumerable(model.ItemIds!.Select(id => new { Value = long.Parse(id, CultureInfo.InvariantCulture) }));
        IDataView userKeys = _ml.Data.LoadFromEnumerable(users.Select(id => new { Value = id }));
        InputOutputColumnPair[] items = [new("Item", "ItemId"), new("History")];
        IEstimator<ITransformer> mapping = _ml.Transforms.Conversion.MapValueToKey("User", "UserId", keyData: userKeys);
        mapping = isMappedByItself
            ? mapping.Append(_ml.Transforms.Conversion.MapValueToKey([items[0]], keyData: keys)).Append(_ml.Transforms.Conversion.MapValueToKey([items[1]], keyData: keys))
            : mapping.Append(_ml.Transforms.Conversion.MapValueToKey(items, keyData: keys));
        return new TransformerChain<DeviceCloudPredictionTransformer>(mapping.Fit(_ml.Data.LoadFromEnumerable(CreateRows())), model);
    }

    private static RowWithHistory[] CreateRows() =>
        [.. Enumerable.Range(1, 6).Select(i => new RowWithHistory { UserId = "u1", ItemId = 100 * i, History = [100 * i] })];

    private sealed class RowWithHistory
    {
        public string UserId { get; set; } = "";

        public long ItemId { get; set; }

        public long[] History { get; set; } = [];
    }

    private sealed class Row
    {
        public string UserId { get; set; } = "";

        public long ItemId { get; set; }

        public string Kind { get; set; } = "";
    }
}
