using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.ML.Tests.Scoring;

public sealed class BehaviorHistoryTests
{
    [Test]
    public void FromLog_EventsWithLabels_KeepsThePositiveOnes()
    {
        BehaviorHistory history = BehaviorHistory.FromLog(SmallModel.Log(2), SmallModel.Architecture(2));
        Assert.Multiple(() =>
        {
            Assert.That(history.GetItems(1).ToArray(), Is.EqualTo(new[] { 1, 2, 4 }));
            Assert.That(history.GetItems(2).ToArray(), Is.EqualTo(new[] { 5, 6 }));
            Assert.That(history.GetItems(5).ToArray(), Is.Empty);
            Assert.That(history.GetProfile(2).ToArray(), Is.EqualTo(new[] { 0.3f, 0.4f }).Within(1e-6));
            Assert.That(history.Cutoffs.ToArray(), Is.All.EqualTo(double.NegativeInfinity));
            Assert.That(() => history.GetItems(6), Throws.TypeOf<ArgumentOutOfRangeException>());
        });
    }

    [Test]
    public void FromLog_MoreEventsThanTheModelLooksAt_KeepsThemOfEarlierItemsTheLast()
    {
        int[] items = [1, 2, 1, 3, 4, 5, 4, 5];
        InteractionLog log = InteractionLog.Create(1, SmallModel.NumberOfItems, [.. items.Select(_ => 1)], items, timestamps: null);
        BehaviorHistory history = BehaviorHistory.FromLog(log, SmallModel.Architecture());

        // The network reads three. Item 4 comes again among them, and item 1 after its first time.
        Assert.That(history.GetItems(1).ToArray(), Is.EqualTo(new[] { 2, 1, 3, 5, 4, 5 }));
        Assert.That(history.GetRecentItems(1, 3).ToArray(), Is.EqualTo(new[] { 5, 4, 5 }));
        Assert.That(history.GetRecentItems(1, 9).ToArray(), Is.EqualTo(history.GetItems(1).ToArray()));
        Assert.That(() => history.GetRecentItems(1, -1), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void FromLog_OtherProfiles_SaysWhichLength()
    {
        Assert.That(
            () => BehaviorHistory.FromLog(SmallModel.Log(1), SmallModel.Architecture(2)),
            Throws.ArgumentException.With.Message.StartsWith("The log's profiles must have the model's length 2, but have 1."));
    }

    [TestCase(new[] { 0, 2 }, new[] { 1 }, 0, "The offsets must go from 0 to the number of items.")]
    [TestCase(new[] { 0, 2, 1 }, new[] { 1 }, 0, "The offsets must not fall, but do at user 2.")]
    [TestCase(new[] { 0, 1 }, new[] { 0 }, 0, "The items must be key values from 1, but one is 0.")]
    [TestCase(new[] { 0, 1 }, new[] { 1 }, 3, "1 profiles of length 3 cannot have 0 values.")]
    public void Constructor_PartsThatDoNotFit_SaysWhich(int[] offsets, int[] items, int profileDimension, string message)
    {
        Assert.That(
            () => new BehaviorHistory(offsets, items, profileDimension, [], new double[offsets.Length - 1]),
            Throws.ArgumentException.With.Message.EqualTo(message));
    }

    [Test]
    public void Select_UserOutsideTheTable_IsCloudAndUser0Unknown()
    {
        PatchSelector selector = SmallModel.Create().PatchSelector;
        float[] patch = [1, 1, 1];
        Assert.That(selector.Select(99, [1], [], patch), Is.EqualTo(PatchStatus.Cloud));
        Assert.That(patch, Is.All.Zero);
        Assert.That(selector.Select(0, [1], [], patch), Is.EqualTo(PatchStatus.UnknownUser));
        Assert.That(selector.Select(1, [], [], patch), Is.EqualTo(PatchStatus.Patched));
        Assert.That(patch, Is.EqualTo(new[] { 0.5f, -1, 1 }));
    }

    [Test]
    public void Read_KeyColumns_GivesIdsAsText()
    {
        MLContext ml = new(seed: 1);
        IDataView data = ml.Data.LoadFromEnumerable([new { A = 2.5f, B = "x" }, new { A = 1f, B = "y" }]);
        data = ml.Transforms.Conversion.MapValueToKey("A").Append(ml.Transforms.Conversion.MapValueToKey("B")).Fit(data).Transform(data);
        Assert.That(KeyIds.Read(data.Schema["A"]), Is.EqualTo(new[] { "2.5", "1" }));
        Assert.That(KeyIds.Read(data.Schema["B"]), Is.EqualTo(new[] { "x", "y" }));
        Assert.That(KeyIds.Read(ml.Data.LoadFromEnumerable(SmallModel.AllPairs()).Schema["User"]), Is.Null);
    }
}
