using DCCL.TestKit.Conformance;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using NUnit.Framework;

namespace DCCL.ML.Tests.Conformance;

/// <summary>The suite finds what is wrong.</summary>
public sealed class FaultyTransformerTests
{
    private static readonly MLContext _context = new(seed: 1);
    private static readonly IDataView _data = Measurement.Load(_context);
    private static readonly ITransformer _good = Fit(1);
    private static readonly ITransformer _other = Fit(0.01f);

    [TestCase(Fault.ReadsAtOnce, "Laziness: Transform must not read the data, but opens a cursor.")]
    [TestCase(Fault.ReadsEverythingAhead, "Laziness: at most 4096 rows must be read ahead, but \\d{4} are at row 0.")]
    [TestCase(Fault.ReadsEverythingInBetween, "Laziness: at most 4096 rows must be read ahead, but \\d{4} are at row 1000.")]
    [TestCase(Fault.ReadsAllColumns, "Active columns: for no column only \\[\\] must be read, but \\[Features, Label, Place\\] is.")]
    [TestCase(Fault.ActivatesAllColumns, "Access: 'Label' must not be active where only 'Place' is asked for.")]
    [TestCase(Fault.SharesItsCursor, "Second cursor: there must be 6500 rows, but are 0.")]
    [TestCase(Fault.ReordersRows, "Order of rows: row 0 must have the id .*, but has .*")]
    [TestCase(Fault.InventsIds, "Order of rows: row 0 must have the id .*, but has .*")]
    [TestCase(Fault.ForgetsThePosition, "Position: row -1 must have the position -1, but has 0.")]
    [TestCase(Fault.CountsBatchesDown, "Position: batches must not fall, but do from 0 to -1.")]
    [TestCase(Fault.BeginsAnew, "Position: a cursor at its end must stay there, but goes on.")]
    [TestCase(Fault.DoesNotShuffle, "Shuffling: data that can be shuffled must be, but come in their old order.")]
    [TestCase(Fault.LosesRowsInSets, "Cursor set: there must be 6500 rows, but are 64\\d\\d.")]
    [TestCase(Fault.RepeatsRowsInSets, "Cursor set: a batch must be in one cursor, but 0 is in two.")]
    [TestCase(Fault.GivesTooManyCursors, "Cursor set: a set must have 1 to 1 cursors, but has 2.")]
    [TestCase(Fault.ScoresOtherwiseInSets, "Cursor set: column 'Score' must be .* in row 0, but is .*")]
    [TestCase(Fault.ThrowsInSets, "Cursor set: cursors must give their rows, but one throws: .*Row 10 is broken.*")]
    [TestCase(Fault.MapsOtherwise, "Row mapper: column 'Score' must be .* in row 0, but is .*")]
    [TestCase(Fault.MapsAlthoughItCannot, "Row mapper: GetRowToRowMapper must throw where IsRowToRowMapper is false, but gives one.")]
    [TestCase(Fault.PromisesLess, "Schema: there must be the columns .*, but are .*")]
    [TestCase(Fault.TakesAnything, "Wrong input: GetOutputSchema must refuse 'Features' missing, but takes it.")]
    [TestCase(Fault.DropsAnnotations, "Annotations: 'PredictedLabel' must have a ScoreColumnSetId, a UInt32, but has none.")]
    [TestCase(Fault.ChangesTypeOnLoad, "Save and load: the type must stay .*FaultyTransformer, but becomes .*BinaryPredictionTransformer.*")]
    public void Check_ATransformerWithAFault_NamesIt(Fault fault, string message)
    {
        ConformanceOptions options = new() { Inputs = [new InputColumn("Features")] };
        ITransformer model = new FaultyTransformer(fault, _good, _other);
        Assert.That(
            () => TransformerConformance.Check(_context, model, _data, options),
            Throws.TypeOf<ConformanceException>().With.Message.Matches($"(?s)^{message}$"));
    }

    [Test]
    public void Check_EveryFault_HasACase()
    {
        IEnumerable<object?> cases = typeof(FaultyTransformerTests).GetMethod(nameof(Check_ATransformerWithAFault_NamesIt))!
            .GetCustomAttributes(typeof(TestCaseAttribute), inherit: false).Select(test => ((TestCaseAttribute)test).Arguments[0]);
        Assert.That(cases, Is.EquivalentTo(Enum.GetValues<Fault>()));
    }

    [Test]
    public void Check_ATransformerThatLoadsAsSomethingElse_NamesTheValue()
    {
        _context.ComponentCatalog.RegisterAssembly(typeof(TwiceThenThrice).Assembly);
        ITransformer model = _context.Transforms.CustomMapping(
            (Input input, Output output) => output.Product = 2 * input.Features[0], TwiceThenThrice.Contract).Fit(_data);
        Assert.That(
            () => PersistenceCheck(model),
            Throws.TypeOf<ConformanceException>().With.Message.StartsWith("Save and load: column 'Product' must be "));

        // The rest is in order.
        void PersistenceCheck(ITransformer custom) =>
            TransformerConformance.Check(_context, custom, _data, new ConformanceOptions());
    }

    private static ITransformer Fit(float l2) => _context.BinaryClassification.Trainers.LbfgsLogisticRegression(l2Regularization: l2).Fit(_data);

    [CustomMappingFactoryAttribute(Contract)]
    public sealed class TwiceThenThrice : CustomMappingFactory<Input, Output>
    {
        public const string Contract = nameof(TwiceThenThrice);

        public override Action<Input, Output> GetMapping() => (input, output) => output.Product = 3 * input.Features[0];
    }

    public sealed class Input
    {
        [VectorType(2)]
        public float[] Features { get; set; } = [];
    }

    public sealed class Output
    {
        public float Product { get; set; }
    }
}
