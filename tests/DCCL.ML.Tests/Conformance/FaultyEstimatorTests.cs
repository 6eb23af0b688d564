using DCCL.TestKit;
using DCCL.TestKit.Conformance;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Conformance;

/// <summary>The suite finds what is wrong with an estimator.</summary>
public sealed class FaultyEstimatorTests
{
    private static readonly ConformanceOptions _options = new() { Inputs = [new InputColumn(nameof(Measurement.Place))] };

    [Test]
    public void Check_APromiseOfMore_NamesTheColumn() => Expect(
        "Promised schema: there must be the columns <Extra: Scalar Single>, but are <*>.",
        context => new Faulty(MapKeys(context))
        {
            Promise = shape => SchemaShapeColumns.Append(shape, SchemaShapeColumns.Scalar("Extra", NumberDataViewType.Single)),
        });

    [Test]
    public void Check_APromiseOfAnotherType_NamesBoth() => Expect(
        "Promised schema: there must be the columns <Key: Scalar Single>, but are <Key: Scalar Key<UInt32>; KeyValues: Vector String>.",
        context => new Faulty(MapKeys(context))
        {
            Promise = shape => SchemaShapeColumns.Append(shape, SchemaShapeColumns.Scalar("Key", NumberDataViewType.Single)),
        });

    [Test]
    public void Check_APromiseWithoutAnnotations_NamesThem() => Expect(
        "Promised schema: there must be the columns <Key: Scalar Key<UInt32>>, but are <Key: Scalar Key<UInt32>; KeyValues: Vector String>.",
        context => new Faulty(MapKeys(context)) { Promise = shape => SchemaShapeColumns.Append(shape, SchemaShapeColumns.Key("Key")) });

    [Test]
    public void Check_AnotherModelEachTime_NamesThePart()
    {
        int fits = 0;
        Expect(
            "Determinism: the part '*' must have the same * bytes, but differs at *.",
            context => new Faulty(MapKeys(context)) { Train = data => context.Data.TakeRows(data, 3 + ++fits) });
    }

    [Test]
    public void Check_TheContextsSeedWhereThereShouldBeOnesOwn_NamesThePart()
    {
        static IEstimator<ITransformer> Create(MLContext context) => context.Transforms.ApproximatedKernelMap("Map", nameof(Measurement.Features), rank: 2);
        ConformanceOptions options = new();
        Expect("Determinism: the part '*' must have the same * bytes, but differs at *.", Create, options with { HasOwnSeed = true });
        Assert.That(() => EstimatorConformance.Check(Measurement.Load, Create, options), Throws.Nothing);
    }

    [Test]
    public void Check_WhatIsRefusedByFitOnly_NamesTheMethod() => Expect(
        "Wrong input: GetOutputSchema must refuse 'Place' missing, but takes it.",
        context => new Faulty(MapKeys(context)) { Refuses = false });

    [Test]
    public void Check_AnotherException_NamesIt() => Expect(
        "Wrong input: Fit must refuse 'Place' missing with an ArgumentException, but throws NotSupportedException: *",
        context => new Faulty(MapKeys(context)) { Train = _ => throw new NotSupportedException() });

    [Test]
    public void Check_AMessageWithoutARemedy_QuotesIt() => Expect(
        "Wrong input: GetOutputSchema must say what 'Place' must be, what it is, and what to do where it is missing, but says: *",
        MapKeys,
        _options with { ExplainsFaults = true });

    private static IEstimator<ITransformer> MapKeys(MLContext context) => context.Transforms.Conversion.MapValueToKey("Key", nameof(Measurement.Place));

    private static void Expect(string pattern, Func<MLContext, IEstimator<ITransformer>> create, ConformanceOptions? options = null) => Assert.That(
        () => EstimatorConformance.Check(Measurement.Load, create, options ?? _options),
        Throws.TypeOf<ConformanceException>().With.Message.Matches(
            $"(?s)^{System.Text.RegularExpressions.Regex.Escape(pattern).Replace("\\*", ".*", StringComparison.Ordinal)}$"));

    /// <summary>A stock estimator made wrong.</summary>
    private sealed class Faulty(IEstimator<ITransformer> inner) : IEstimator<ITransformer>
    {
        public Func<SchemaShape, SchemaShape> Promise { get; init; } = shape => shape;

        public Func<IDataView, IDataView> Train { get; init; } = data => data;

        public bool Refuses { get; init; } = true;

        public ITransformer Fit(IDataView input) => inner.Fit(Train(input));

        public SchemaShape GetOutputSchema(SchemaShape inputSchema)
        {
            try
            {
                return Promise(inner.GetOutputSchema(inputSchema));
            }
            catch (ArgumentException) when (!Refuses)
            {
                return inputSchema;
            }
        }
    }
}
