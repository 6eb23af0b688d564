using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using NUnit.Framework;

namespace DCCL.ML.Tests.Scoring;

public sealed class DeviceCloudExtensionsTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Test]
    public void Catalog_OfAContext_LeadsToTheTrainers()
    {
        Assert.That(_ml.DeviceCloud().Environment, Is.SameAs(_ml));
        Assert.That(_ml.DeviceCloud().Trainers.Environment, Is.SameAs(_ml));
    }

    [Test]
    public void DeviceCloudModel_InNestedChains_IsFound()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        Assert.That(model.DeviceCloudModel(), Is.SameAs(model));
        Assert.That(CreateChain(model).DeviceCloudModel(), Is.SameAs(model));
    }

    [Test]
    public void DeviceCloudModel_NoneOrTwo_SaysWhatThereIs()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        Assert.That(
            () => CreateKeys().DeviceCloudModel(),
            Throws.ArgumentException.With.Message.StartsWith(
                "The model must have one transformer of a DCCL trainer, but has 0 (ValueToKeyMappingTransformer). "
                + "Append one of the DeviceCloud trainers."));
        Assert.That(
            () => new TransformerChain<ITransformer>(model, model).DeviceCloudModel(),
            Throws.ArgumentException.With.Message.StartsWith("The model must have one transformer of a DCCL trainer, but has 2 (")
                .And.Message.Contains("Pass the part of the chain that ends in the one you mean."));
    }

    [Test]
    public void TransformBeforeDeviceCloud_OfAChain_MapsTheRawLog()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        IDataView mapped = CreateChain(model).TransformBeforeDeviceCloud(CreateRaw());
        Assert.That(mapped.Schema["User"].Type, Is.InstanceOf<KeyDataViewType>());
        Assert.That(mapped.Schema.GetColumnOrNull("Score"), Is.Null);
        Assert.That(model.TransformBeforeDeviceCloud(mapped), Is.SameAs(mapped));
    }

    [Test]
    public void ReplaceDeviceCloudModel_InNestedChains_KeepsTheRest()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        using DeviceCloudPredictionTransformer other = model.WithPatches(null);
        TransformerChain<ITransformer> chain = CreateChain(model);

        ITransformer replaced = chain.ReplaceDeviceCloudModel(other);

        Assert.That(replaced.DeviceCloudModel(), Is.SameAs(other));
        Assert.That(((IEnumerable<ITransformer>)replaced).First(), Is.SameAs(chain.First()));
        Assert.That(replaced.Transform(CreateRaw()).Schema.GetColumnOrNull("Label2"), Is.Not.Null, "what comes after the model stays");
        Assert.That(model.ReplaceDeviceCloudModel(other), Is.SameAs(other));
        Assert.That(
            new TransformerChain<ITransformer>(chain.First(), model).ReplaceDeviceCloudModel(other),
            Is.InstanceOf<TransformerChain<DeviceCloudPredictionTransformer>>());
    }

    [Test]
    public void CheckLog_OfAChain_PromisesWhatTheChainDelivers()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        TransformerChain<ITransformer> chain = CreateChain(model);
        SchemaShape promised = chain.CheckLog(SchemaShapeColumns.Of(CreateRaw().Schema));
        Assert.That(
            promised.Select(column => $"{column.Name} {SchemaShapeColumns.Describe(column)}"),
            Is.EquivalentTo(SchemaShapeColumns.Of(chain.Transform(CreateRaw()).Schema).Select(
                column => $"{column.Name} {SchemaShapeColumns.Describe(column)}")));
    }

    [Test]
    public void CheckLog_WithoutAColumnOfTheMapping_SaysWhichPartReadsIt()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        SchemaShape log = new([SchemaShapeColumns.Scalar("UserId", TextDataViewType.Instance), SchemaShapeColumns.Vector("Other", NumberDataViewType.Single)]);
        const string Message = "The log must have what the model's ValueToKeyMappingTransformer reads, but has only 'UserId' .*: .*'ItemId'.* "
            + "Pass the raw log, with the columns of the log that the model was trained on.$";
        Assert.That(() => CreateChain(model).CheckLog(log), Throws.ArgumentException.With.Message.Matches(Message));
        Assert.That(
            () => CreateChain(model).TransformBeforeDeviceCloud(_ml.Data.LoadFromEnumerable([new { UserId = "anna" }])),
            Throws.ArgumentException.With.Message.Matches(Message));
    }

    [Test]
    public void CheckLog_AHistoryOfNumbers_IsRefused()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        MLContext context = new(seed: 1);
        IDataView log = context.Data.LoadFromEnumerable([new LogRow { User = 1, Item = 1 }]);
        SchemaShape right = SchemaShapeColumns.Of(log.Schema);
        SchemaShape wrong = SchemaShapeColumns.Of(context.Transforms.CopyColumns("History", "Numbers").Fit(log).Transform(log).Schema);

        Assert.That(() => model.CheckLog(right), Throws.Nothing);
        Assert.That(() => model.CheckLog(wrong), Throws.ArgumentException.With.Message.Contains("Column 'History' must be"));
    }

    [Test]
    public void CheckLog_APartThatWantsVectorsOfASize_TakesVectorsOfAnySize()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        IDataView raw = _ml.Data.LoadFromEnumerable(CreatePairs().Select(pair => new RawPairWithWords { UserId = pair.UserId, ItemId = pair.ItemId }));
        ITransformer scaled = _ml.Transforms.NormalizeMinMax("Words").Fit(raw);
        ITransformer chain = new TransformerChain<ITransformer>(scaled, CreateChain(model));
        Assert.That(() => scaled.GetOutputSchema(_ml.Data.LoadFromEnumerable([new { Words = new float[1] }]).Schema), Throws.Exception, "it does want three");

        SchemaShape promised = chain.CheckLog(SchemaShapeColumns.Of(raw.Schema));

        Assert.That(promised.Select(column => column.Name), Is.SupersetOf(new[] { "UserId", "Words", "Score", "PatchStatus" }));
    }

    [Test]
    public void SaveAndLoad_OfAChain_KeepsTheModelInside()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        IDataView raw = CreateRaw();
        using MemoryStream zip = new();
        _ml.Model.Save(CreateChain(model), raw.Schema, zip);
        zip.Position = 0;
        ITransformer loaded = new MLContext(seed: 3).Model.Load(zip, out _);
        using PredictionEngine<RawPair, SmallModel.Prediction> engine =
            _ml.Model.CreatePredictionEngine<RawPair, SmallModel.Prediction>(loaded);
        Assert.That(
            engine.Predict(new RawPair { UserId = "bob", ItemId = "c" }).Score,
            Is.EqualTo(CreateChain(model).Transform(raw).GetColumn<float>("Score").ElementAt(6)).Within(1e-6));
    }

    private static RawPair[] CreatePairs() =>
    [
        .. "anna bob carla dora emil anna".Split(' ').Zip(
            "abcdef", (user, item) => new RawPair { UserId = user, ItemId = item.ToString() }),
        new RawPair { UserId = "bob", ItemId = "c" },
    ];

    private IDataView CreateRaw() => _ml.Data.LoadFromEnumerable(CreatePairs());

    private ValueToKeyMappingTransformer CreateKeys() => _ml.Transforms.Conversion.MapValueToKey("User", "UserId").Fit(CreateRaw());

    private TransformerChain<ITransformer> CreateChain(DeviceCloudPredictionTransformer model)
    {
        IDataView raw = CreateRaw();
        ValueToKeyMappingTransformer items = _ml.Transforms.Conversion.MapValueToKey("Item", "ItemId").Fit(raw);
        IDataView mapped = model.Transform(items.Transform(CreateKeys().Transform(raw)));
        ITransformer after = _ml.Transforms.CopyColumns("Label2", "PredictedLabel").Fit(mapped);
        return new TransformerChain<ITransformer>(CreateKeys(), new TransformerChain<ITransformer>(items, model), after);
    }

    private sealed class RawPairWithWords : RawPair
    {
        [VectorType(3)]
        public float[] Words { get; set; } = [1, 2, 3];
    }

    private class RawPair
    {
        public string UserId { get; set; } = "";

        public string ItemId { get; set; } = "";

        public float Time { get; set; }

        public bool Label { get; set; }
    }

    private sealed class LogRow
    {
        [KeyType(SmallModel.NumberOfUsers)]
        public uint User { get; set; }

        [KeyType(SmallModel.NumberOfItems)]
        public uint Item { get; set; }

        public float Time { get; set; }

        public bool Label { get; set; }

        [KeyType(SmallModel.NumberOfItems)]
        [VectorType]
        public uint[] History { get; set; } = [];

        [VectorType]
        public float[] Numbers { get; set; } = [];
    }
}
