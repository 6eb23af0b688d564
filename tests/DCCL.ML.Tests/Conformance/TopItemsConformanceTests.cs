using DCCL.ML.Scoring;
using DCCL.ML.Tests.Scoring;
using DCCL.TestKit;
using DCCL.TestKit.Conformance;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Conformance;

public sealed class TopItemsConformanceTests
{
    [Test]
    public void TopItems_OfRawIds_Conforms()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create(servesColdStart: true);
        string[] users = [.. model.UserIds!, "frank"];
        EstimatorConformance.Check(
            context => context.Data.LoadFromEnumerable(Enumerable.Range(0, 40).Select(i => new { User = users[i * 5 % users.Length], Number = i })),
            context => context.DeviceCloud().Transforms.TopItems(model, 3),
            new ConformanceOptions
            {
                HasOwnSeed = true,
                ExplainsFaults = true,
                Inputs =
                [
                    new InputColumn("User", NumberDataViewType.UInt32, new KeyDataViewType(typeof(ulong), 5), new VectorDataViewType(TextDataViewType.Instance, 2)),
                ],
            });
    }
}
