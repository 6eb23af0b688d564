using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Interop;

public sealed class SchemaShapeColumnsTests
{
    [Test]
    public void Append_ToAnInput_ReplacesColumnsOfTheSameName()
    {
        SchemaShape input = new([SchemaShapeColumns.Key("User"), SchemaShapeColumns.PredictedLabel("Score")]);

        SchemaShape output = SchemaShapeColumns.Append(input, SchemaShapeColumns.Score(), SchemaShapeColumns.Probability());

        Assert.That(
            output.Select(column => (column.Name, SchemaShapeColumns.Describe(column))),
            Is.EquivalentTo(new[] { ("User", "Key<UInt32>"), ("Score", "Single"), ("Probability", "Single") }));
    }

    [Test]
    public void TryFind_OfAColumnThatIsNotThere_IsFalse()
    {
        SchemaShape shape = new([SchemaShapeColumns.Score()]);

        Assert.Multiple(() =>
        {
            Assert.That(SchemaShapeColumns.TryFind(shape, "Item", out _), Is.False);
            Assert.That(SchemaShapeColumns.TryFind(shape, "Score", out SchemaShape.Column found), Is.True);
            Assert.That(found.ItemType, Is.EqualTo(NumberDataViewType.Single));
        });
    }

    // The oracle is ML.NET's own estimator, which promises a key with text values.
    [Test]
    public void PatchStatus_IsShapedAs_WhatMapValueToKeyPromises()
    {
        MLContext context = new(seed: 1);
        SchemaShape input = new([SchemaShapeColumns.Scalar("Text", TextDataViewType.Instance)]);
        SchemaShape promised = context.Transforms.Conversion.MapValueToKey("PatchStatus", "Text").GetOutputSchema(input);
        SchemaShape.Column expected = promised.Single(column => column.Name == "PatchStatus");

        SchemaShape.Column actual = SchemaShapeColumns.PatchStatus();

        Assert.Multiple(() =>
        {
            Assert.That(SchemaShapeColumns.Describe(actual), Is.EqualTo(SchemaShapeColumns.Describe(expected)));
            Assert.That(actual.Kind, Is.EqualTo(expected.Kind));
            Assert.That(
                actual.Annotations.Select(column => (column.Name, column.Kind, column.ItemType)),
                Is.EqualTo(expected.Annotations.Select(column => (column.Name, column.Kind, column.ItemType))));
        });
    }
}
