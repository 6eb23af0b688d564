using DCCL.ML;
using DCCL.ML.Data;
using DCCL.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.Din;

/// <summary>Bad input: each with a clear message, before training starts.</summary>
public sealed class DinTrainerInputTests
{
    private static readonly InteractionColumns _columns = new("UserKey", "ItemKey", "Timestamp");

    [Test]
    public void Fit_AMissingColumn_SaysWhichColumnsThereAre([Values("UserKey", "ItemKey", "Timestamp", "Label", "Profile")] string column)
    {
        InteractionColumns columns = new("UserKey", "ItemKey", "Timestamp", "Label", "Profile");
        CheckSchemaFault(
            Keyed(Rows(), context => context.Transforms.DropColumns(column)),
            columns,
            $"Column '{column}' must exist, but the data have only "
            + string.Join(", ", new[] { "User", "Item", "Timestamp", "Label", "Profile", "Number", "UserKey", "ItemKey" }.Where(name => name != column).Select(name => $"'{name}'"))
            + ". Load the column, or name another one.");
    }

    [TestCase("User", "ItemKey", "Timestamp", null, null, "Column 'User' must be Key<UInt32>, but is String. Append Conversion.MapValueToKey before this trainer.")]
    [TestCase("UserKey", "Timestamp", "Timestamp", null, null, "Column 'Timestamp' must be Key<UInt32>, but is Double. Append Conversion.MapValueToKey before this trainer.")]
    [TestCase("UserKey", "ItemKey", "User", null, null, "Column 'User' must be Int32, UInt32, Int64, Single, Double or DateTime, but is String. Load it as one of these, or append Conversion.ConvertType before this trainer.")]
    [TestCase("UserKey", "ItemKey", "Timestamp", "Number", null, "Column 'Number' must be Boolean or Single, but is Int32. Append Conversion.ConvertType before this trainer.")]
    [TestCase("UserKey", "ItemKey", "Timestamp", null, "Number", "Column 'Number' must be Single or a vector of Single of known size, but is Int32. Append Concatenate, with OneHotEncoding for categories, before this trainer.")]
    public void Fit_AColumnOfAnotherType_SaysWhatItMustBe(string user, string item, string time, string? label, string? profile, string message)
    {
        CheckSchemaFault(Keyed(Rows()), new InteractionColumns(user, item, time, label, profile), message);
    }

    [Test]
    public void Fit_NullInPlaceOfValidationData_CompilesAndHoldsOutSome()
    {
        MLContext context = new(seed: 1);
        DinTrainer trainer = context.DeviceCloud().Trainers.Din(new DinTrainer.Options { Columns = _columns, NumberOfEpochs = 1 });
        IDataView log = Keyed(Rows())(context);

        Assert.That(trainer.Fit(log, null).Parameters.Fingerprint, Is.EqualTo(trainer.Fit(log).Parameters.Fingerprint));
    }

    [Test]
    public void Fit_NoEvents_SaysSo()
    {
        CheckFault<InvalidDataException>(Keyed([]), _columns, "The log must hold at least one event, but has no rows. Check the path and the loader's options.");
    }

    [Test]
    public void Fit_OneUser_SaysSo()
    {
        CheckFault<ArgumentException>(
            Keyed(Rows().Where(row => row.User == "u1")), _columns,
            "The log must have events of at least 2 users, but has 1. Check that column 'UserKey' holds the user.");
    }

    [Test]
    public void Fit_OneItem_SaysSo()
    {
        CheckFault<ArgumentException>(
            Keyed(Rows().Select(row => { row.Item = "i"; return row; })), _columns,
            "The log must have at least 2 items, but has 1. Check that column 'ItemKey' holds the item.");
    }

    [Test]
    public void Fit_NobodyWithTwoEvents_SaysSo()
    {
        CheckFault<ArgumentException>(
            Keyed(Rows().DistinctBy(row => row.User)), _columns,
            "The log must have users with at least 2 events, but all 4 have one. There is no history to learn from.");
    }

    [TestCase(true, "positive, that is true or a number above 0")]
    [TestCase(false, "negative, that is false or a number of 0 or less")]
    public void Fit_LabelsOfOneClass_SaysWhich(bool label, string name)
    {
        CheckFault<ArgumentException>(
            Keyed(Rows().Select(row => { row.Label = label; return row; })), _columns with { LabelColumnName = "Label" },
            $"Column 'Label' must have both classes, but all 12 labels are {name}. Where it holds ratings, "
            + "compare them with a threshold first; or leave the label column out to train on sampled negatives.");
    }

    [TestCase(double.NaN, "NaN")]
    [TestCase(-1, "-1")]
    [TestCase(double.PositiveInfinity, "Infinity")]
    public void Fit_ATimeThatIsNone_SaysWhere(double time, string text)
    {
        Row[] rows = [.. Rows()];
        rows[4].Timestamp = time;

        CheckFault<InvalidDataException>(
            Keyed(rows), _columns,
            $"Row 5 of column 'Timestamp' must be a finite time that is not negative, but is {text}. Correct or remove the row.");
    }

    [Test]
    public void Fit_HoldingBackAllButTheFirstEvents_SaysSo()
    {
        MLContext context = new(seed: 1);
        DinTrainer trainer = context.DeviceCloud().Trainers.Din(new DinTrainer.Options { Columns = _columns, HoldBackFraction = 0.9 });

        Assert.That(() => trainer.Fit(Keyed(Rows())(context)), Throws.ArgumentException.With.Message.EqualTo(
            "The log must have events with something before them, but none is left once the most recent ones are held back. "
            + "Lower HoldBackFraction or NumberOfValidationUsers."));
    }

    [Test]
    public void Fit_AValidationLogWithoutEvents_SaysSo()
    {
        MLContext context = new(seed: 1);
        Watcher watcher = new();
        DinTrainer trainer = context.DeviceCloud().Trainers.Din(Create(_columns, watcher));

        Assert.That(
            () => trainer.Fit(Keyed(Rows())(context), Keyed([])(context)),
            Throws.InstanceOf<InvalidDataException>().With.Message.StartsWith("The log must hold at least one event, but has no rows."));
        Assert.That(watcher.Reports, Is.Empty);
    }

    [Test]
    public void Fit_Null_IsRefused()
    {
        DinTrainer trainer = new MLContext(seed: 1).DeviceCloud().Trainers.Din("User", "Item");

        Assert.That(() => trainer.Fit(null!), Throws.ArgumentNullException);
    }

    private static void CheckSchemaFault(Func<MLContext, IDataView> load, InteractionColumns columns, string message)
    {
        MLContext context = new(seed: 1);
        DinTrainer trainer = context.DeviceCloud().Trainers.Din(Create(columns, new Watcher()));

        Assert.That(
            () => trainer.GetOutputSchema(EstimatorConformance.Describe(load(context).Schema)), Throws.ArgumentException.With.Message.EqualTo(message));
        CheckFault<ArgumentException>(load, columns, message);
    }

    private static void CheckFault<TException>(Func<MLContext, IDataView> load, InteractionColumns columns, string message)
        where TException : Exception
    {
        MLContext context = new(seed: 1);
        Watcher watcher = new();
        DinTrainer trainer = context.DeviceCloud().Trainers.Din(Create(columns, watcher));

        Assert.That(() => trainer.Fit(load(context)), Throws.InstanceOf<TException>().With.Message.EqualTo(message));
        Assert.That(watcher.Reports, Is.Empty);
    }

    private static DinTrainer.Options Create(InteractionColumns columns, Watcher watcher) => new()
    {
        Columns = columns,
        Run = new TrainingRunOptions { NumberOfThreads = 1, Progress = watcher },
    };

    private static IEnumerable<Row> Rows() =>
        Enumerable.Range(0, 12).Select(i => new Row { User = $"u{i % 4}", Item = $"i{i % 5}", Timestamp = i, Label = i % 2 == 0 });

    // The ids of all rows are known even where a log has few of them.
    private static Func<MLContext, IDataView> Keyed(IEnumerable<Row> rows, Func<MLContext, IEstimator<ITransformer>>? last = null) => context =>
    {
        IDataView log = context.Data.LoadFromEnumerable(rows);
        IDataView known = context.Data.LoadFromEnumerable(rows.DefaultIfEmpty(new Row()));
        IEstimator<ITransformer> keys = context.Transforms.Conversion.MapValueToKey("UserKey", "User")
            .Append(context.Transforms.Conversion.MapValueToKey("ItemKey", "Item"));
        ITransformer mapping = (last is null ? keys : keys.Append(last(context))).Fit(known);
        return mapping.Transform(log);
    };

    private sealed class Row
    {
        public string User { get; set; } = "u";

        public string Item { get; set; } = "i";

        public double Timestamp { get; set; }

        public bool Label { get; set; }

        [VectorType(2)]
        public float[] Profile { get; set; } = [0, 0];

        public int Number { get; set; }
    }
}
