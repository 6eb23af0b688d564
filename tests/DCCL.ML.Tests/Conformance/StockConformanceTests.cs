using DCCL.TestKit;
using DCCL.TestKit.Conformance;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using NUnit.Framework;

namespace DCCL.ML.Tests.Conformance;

/// <summary>ML.NET's own estimators pass: the suite asks for what ML.NET's users have, not for more.</summary>
public sealed class StockConformanceTests
{
    [Test]
    public void MapValueToKey_OfMLNet_Conforms() => EstimatorConformance.Check(
        Measurement.Load,
        context => context.Transforms.Conversion.MapValueToKey("Key", nameof(Measurement.Place)),
        new ConformanceOptions { Inputs = [new InputColumn(nameof(Measurement.Place))] });

    [Test]
    public void LogisticRegression_OfMLNet_Conforms() => EstimatorConformance.Check(
        Measurement.Load,
        context => context.BinaryClassification.Trainers.LbfgsLogisticRegression(
            new LbfgsLogisticRegressionBinaryTrainer.Options { NumberOfThreads = 1, MaximumNumberOfIterations = 5 }),
        new ConformanceOptions
        {
            Inputs =
            [
                new InputColumn("Label", TextDataViewType.Instance, new VectorDataViewType(BooleanDataViewType.Instance, 2)),
                new InputColumn(
                    "Features", TextDataViewType.Instance, NumberDataViewType.Single, new VectorDataViewType(NumberDataViewType.Double, 2)),
            ],
            HasOwnSeed = true,
        });
}
