using DCCL.ML.Data;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Data;

public sealed class InteractionColumnsTests
{
    private static readonly DataViewSchema _schema = CreateSchema();

    [Test]
    public void Check_EveryAcceptedType_Passes()
    {
        foreach (string timestamp in new[] { "Int32", "UInt32", "Int64", "Single", "Double", "DateTime" })
        {
            Assert.That(() => new InteractionColumns("Key", "OtherKey", timestamp, "Single", "Vector").Check(_schema), Throws.Nothing);
        }

        Assert.That(() => new InteractionColumns("Key", "OtherKey", null, "Boolean", "Single").Check(_schema), Throws.Nothing);
    }

    [TestCase("Key", "Text", null, null, null, "Column 'Text' must be Key<UInt32>, but is String. Append Conversion.MapValueToKey before this trainer.")]
    [TestCase("Int64", "Key", null, null, null, "Column 'Int64' must be Key<UInt32>, but is Int64. Append Conversion.MapValueToKey before this trainer.")]
    [TestCase("SmallKey", "Key", null, null, null, "Column 'SmallKey' must be Key<UInt32>, but is Key<Byte, 0-8>. Append Conversion.MapValueToKey before this trainer.")]
    [TestCase("Key", "OtherKey", "Text", null, null, "Column 'Text' must be Int32, UInt32, Int64, Single, Double or DateTime, but is String. Load it as one of these, or append Conversion.ConvertType before this trainer.")]
    [TestCase("Key", "OtherKey", "Key", null, null, "Column 'Key' must be Int32, UInt32, Int64, Single, Double or DateTime, but is Key<UInt32, 0-8>. Load it as one of these, or append Conversion.ConvertType before this trainer.")]
    [TestCase("Key", "OtherKey", null, "Int64", null, "Column 'Int64' must be Boolean or Single, but is Int64. Append Conversion.ConvertType before this trainer.")]
    [TestCase("Key", "OtherKey", null, null, "VariableVector", "Column 'VariableVector' must be Single or a vector of Single of known size, but is Vector<Single>. Append Concatenate, with OneHotEncoding for categories, before this trainer.")]
    public void Check_WrongType_SaysSubjectExpectationActualRemedy(
        string user, string item, string? timestamp, string? label, string? profile, string message)
        => Assert.That(() => new InteractionColumns(user, item, timestamp, label, profile).Check(_schema), Throws.ArgumentException.With.Message.EqualTo(message));

    [Test]
    public void Check_OneColumnForUserAndItem_IsRefused() => Assert.That(
        () => new InteractionColumns("Key", "Key").Check(_schema),
        Throws.ArgumentException.With.Message.EqualTo("User and item must be two columns, but both are 'Key'. Name the other one."));

    [Test]
    public void Check_MissingColumn_ListsTheOthers()
    {
        DataViewSchema.Builder builder = new();
        builder.AddColumn("User", new KeyDataViewType(typeof(uint), 3));
        builder.AddColumn("Time", NumberDataViewType.Int64);

        Assert.That(
            () => new InteractionColumns("User", "Item").Check(builder.ToSchema()),
            Throws.ArgumentException.With.Message.EqualTo(
                "Column 'Item' must exist, but the data have only 'User', 'Time'. Load the column, or name another one."));
    }

    [Test]
    public void Check_SchemaShape_JudgesLikeTheSchema()
    {
        SchemaShape shape = new(
        [
            SchemaShapeColumns.Key("Key"),
            SchemaShapeColumns.Key("OtherKey"),
            SchemaShapeColumns.Scalar("Text", TextDataViewType.Instance),
            SchemaShapeColumns.Scalar("Int64", NumberDataViewType.Int64),
            SchemaShapeColumns.Scalar("Boolean", BooleanDataViewType.Instance),
            SchemaShapeColumns.Vector("Vector", NumberDataViewType.Single),
        ]);

        Assert.That(() => new InteractionColumns("Key", "OtherKey", "Int64", "Boolean", "Vector").Check(shape), Throws.Nothing);
        Assert.That(
            () => new InteractionColumns("Key", "Text", "Int64").Check(shape),
            Throws.ArgumentException.With.Message.EqualTo(
                "Column 'Text' must be Key<UInt32>, but is String. Append Conversion.MapValueToKey before this trainer."));
        Assert.That(
            () => new InteractionColumns("Key", "OtherKey", "Vector").Check(shape),
            Throws.ArgumentException.With.Message.StartsWith(
                "Column 'Vector' must be Int32, UInt32, Int64, Single, Double or DateTime, but is Vector<Single>."));
        Assert.That(
            () => new InteractionColumns("Key", "Absent").Check(shape),
            Throws.ArgumentException.With.Message.StartsWith("Column 'Absent' must exist, but the data have only 'Key',"));
    }

    private static DataViewSchema CreateSchema()
    {
        DataViewSchema.Builder builder = new();
        builder.AddColumn("Key", new KeyDataViewType(typeof(uint), 9));
        builder.AddColumn("OtherKey", new KeyDataViewType(typeof(uint), 9));
        builder.AddColumn("SmallKey", new KeyDataViewType(typeof(byte), 9));
        builder.AddColumn("Text", TextDataViewType.Instance);
        builder.AddColumn("Boolean", BooleanDataViewType.Instance);
        builder.AddColumn("Int32", NumberDataViewType.Int32);
        builder.AddColumn("UInt32", NumberDataViewType.UInt32);
        builder.AddColumn("Int64", NumberDataViewType.Int64);
        builder.AddColumn("Single", NumberDataViewType.Single);
        builder.AddColumn("Double", NumberDataViewType.Double);
        builder.AddColumn("DateTime", DateTimeDataViewType.Instance);
        builder.AddColumn("Vector", new VectorDataViewType(NumberDataViewType.Single, 4));
        builder.AddColumn("VariableVector", new VectorDataViewType(NumberDataViewType.Single));
        return builder.ToSchema();
    }
}
