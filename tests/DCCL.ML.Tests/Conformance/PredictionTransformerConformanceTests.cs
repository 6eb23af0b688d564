using DCCL.ML.Data;
using DCCL.ML.Scoring;
using DCCL.TestKit.Conformance;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;
using static DCCL.ML.Tests.Scoring.SmallModel;

namespace DCCL.ML.Tests.Conformance;

public sealed class PredictionTransformerConformanceTests
{
    private static readonly DataViewType _itemKey = new KeyDataViewType(typeof(uint), NumberOfItems);

    private static readonly InputColumn[] _inputs =
    [
        InputColumn.Key("User"),
        InputColumn.Key("Item"),
        new InputColumn("History", TextDataViewType.Instance, _itemKey, new VectorDataViewType(NumberDataViewType.UInt32, 3)) { IsOptional = true },
        new InputColumn(
            "Profile", TextDataViewType.Instance, NumberDataViewType.Single, new VectorDataViewType(NumberDataViewType.Double, 2),
            new VectorDataViewType(NumberDataViewType.Single))
        {
            IsOptional = true, WrongSizes = [new VectorDataViewType(NumberDataViewType.Single, 3)],
        },
    ];

    // One and several threads; 1500 rows are three batches, the last of them not full; of 6500 too many could be read ahead.
    [TestCase(1, 1500)]
    [TestCase(0, 6500)]
    [TestCase(0, 5)]
    [TestCase(0, 0)]
    public void PredictionTransformer_WithAllColumns_Conforms(int numberOfThreads, int numberOfRows)
    {
        MLContext context = new(seed: 1);
        using DeviceCloudPredictionTransformer model = WithThreads(Create(servesColdStart: true, profileDimension: 2), numberOfThreads);
        IDataView data = context.Data.LoadFromEnumerable(FullPair.Create(numberOfRows));
        TransformerConformance.Check(context, model, data, new ConformanceOptions { Inputs = _inputs, ExplainsFaults = true });
    }

    [Test]
    public void PredictionTransformer_InAChainOnTextFiles_Conforms()
    {
        MLContext context = new(seed: 1);
        using DeviceCloudPredictionTransformer model = WithThreads(Create(servesColdStart: true), 0);
        string path = Path.Combine(TestContext.CurrentContext.WorkDirectory, "pairs.csv");
        string[] users = [.. model.UserIds!, "frank"];
        string[] items = [.. model.ItemIds!, "g"];
        SeededRandom random = new(2);
        File.WriteAllLines(path, Enumerable.Range(0, 8000).Select(_ => $"{users[random.Next(users.Length)]},{items[random.Next(items.Length)]}"));
        IDataView data = context.Data.LoadFromTextFile<IdPair>(path, ',');
        ITransformer keys = context.Transforms.Conversion.MapValueToKey("User", nameof(IdPair.UserId), keyData: Ids(context, model.UserIds!))
            .Append(context.Transforms.Conversion.MapValueToKey("Item", nameof(IdPair.ItemId), keyData: Ids(context, model.ItemIds!)))
            .Fit(data);

        TransformerConformance.Check(
            context, new TransformerChain<DeviceCloudPredictionTransformer>([.. (IEnumerable<ITransformer>)keys, model]), data,
            new ConformanceOptions
            {
                Inputs = [new InputColumn("UserId"), new InputColumn("ItemId")],
                MaximumReadAhead = 6000, // ML.NET's own mappings read some hundred rows ahead, each on threads of its own
            });
    }

    [Test]
    public void PredictionTransformer_OnScoresOfAnother_Conforms()
    {
        MLContext context = new(seed: 1);
        using DeviceCloudPredictionTransformer first = Create();
        using DeviceCloudPredictionTransformer second = Create(servesColdStart: true);
        IDataView scored = first.Transform(context.Data.LoadFromEnumerable(FullPair.Create(1100)));
        TransformerConformance.Check(context, second, scored, new ConformanceOptions { Inputs = [.. _inputs.Take(3)], ExplainsFaults = true });
    }

    private static IDataView Ids(MLContext context, IEnumerable<string> ids) => context.Data.LoadFromEnumerable(ids.Select(id => new { Id = id }));

    private static DeviceCloudPredictionTransformer WithThreads(DeviceCloudPredictionTransformer model, int numberOfThreads) =>
        new(model.Parameters, model.Patches, model.History, model.Columns)
        {
            UserIds = model.UserIds,
            ItemIds = model.ItemIds,
            NumberOfThreads = numberOfThreads,
        };

    private sealed class IdPair
    {
        [LoadColumn(0)]
        public string UserId { get; set; } = "";

        [LoadColumn(1)]
        public string ItemId { get; set; } = "";
    }
}
