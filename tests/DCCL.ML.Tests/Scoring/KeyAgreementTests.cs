using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Scoring;

/// <summary>Data whose keys stand for other ids than the model's are refused: their scores would be somebody else's.</summary>
public sealed class KeyAgreementTests
{
    private const string Remedy = "Apply the mapping that was fitted with the model, the chain, instead of one fitted on other data.";

    private readonly MLContext _ml = new(seed: 1);
    private readonly DeviceCloudPredictionTransformer _model = SmallModel.Create();

    [OneTimeTearDown]
    public void Dispose() => _model.Dispose();

    [Test]
    public void Transform_UsersMappedAnew_SaysWhoTheFirstOneIs() => CheckRefused(
        Map(["bob", "anna"], ["a"]), $"Column 'User' must be mapped as the model's log was, in which key 1 is 'anna', but key 1 is 'bob'. {Remedy}");

    [Test]
    public void Transform_ItemsMappedAnew_SaysWhichOneDiffers() => CheckRefused(
        Map(["anna"], ["a", "b", "d"]), $"Column 'Item' must be mapped as the model's log was, in which key 3 is 'c', but key 3 is 'd'. {Remedy}");

    [Test]
    public void Transform_HistoryMappedAnew_SaysSo()
    {
        IDataView data = Map(["anna"], ["a", "b"]);
        IDataView histories = _ml.Transforms.Conversion.MapValueToKey("History", "Before", keyData: Load(["b", "a"])).Fit(data).Transform(data);
        CheckRefused(histories, $"Column 'History' must be mapped as the model's log was, in which key 1 is 'a', but key 1 is 'b'. {Remedy}");
    }

    [Test]
    public void Transform_FewerOrMoreIdsInTheSameOrder_Scores()
    {
        IDataView fewer = Map(["anna", "bob"], ["a"]);
        IDataView more = Map([.. _model.UserIds!, "frank"], [.. _model.ItemIds!, "g"]);
        Assert.That(_model.Transform(fewer).GetColumn<float>("Score").Single(), Is.EqualTo(_model.Transform(more).GetColumn<float>("Score").Single()));
    }

    [Test]
    public void Transform_ModelWithoutIds_Scores()
    {
        using DeviceCloudPredictionTransformer model = new(_model.Parameters, _model.Patches, _model.History, _model.Columns);
        string[] users = ["bob", "anna", "c", "d", "e"];
        string[] items = ["a", "b", "c", "d", "e", "f"];
        Assert.That(model.Transform(Map(users, items)).GetColumn<float>("Score").Single(), Is.Not.NaN);
        Assert.That(() => model.Transform(Map(["bob", "anna"], items)), Throws.ArgumentException.With.Message.EqualTo(
            "Column 'User' must have 5 keys, as in the model's log, but has 2, and no values behind the model's keys tell whether they are the same. "
            + "Apply the mapping that was fitted with the model, the chain."));
    }

    [Test]
    public void Transform_KeysOfAGrownMapping_AreUnknown()
    {
        IDataView data = Map([.. _model.UserIds!, "frank"], [.. _model.ItemIds!, "g"], ("frank", "a"), ("anna", "g"), ("nobody", "a"));
        string[] statuses = [.. _ml.Transforms.Conversion.MapKeyToValue("Status", "PatchStatus").Fit(_model.Transform(data)).Transform(_model.Transform(data)).GetColumn<string>("Status")];
        float[] scores = [.. _model.Transform(data).GetColumn<float>("Score")];
        Assert.That(statuses, Is.EqualTo(new[] { "UnknownUser", "UnknownItem", "UnknownUser" }));
        Assert.That(scores[0], Is.EqualTo(scores[2]));
        Assert.That(scores[1], Is.NaN);
    }

    [Test]
    public void Transform_NumbersAsIds_AreComparedAsText()
    {
        using DeviceCloudPredictionTransformer model = new(_model.Parameters, _model.Patches, _model.History, _model.Columns)
        {
            UserIds = ["10", "20", "30", "40", "50"],
            ItemIds = _model.ItemIds,
        };
        IDataView good = MapNumbers([10, 20]);
        Assert.That(model.Transform(good).GetColumn<float>("Score").Count(), Is.EqualTo(1));
        Assert.That(
            () => model.Transform(MapNumbers([10, 21])),
            Throws.ArgumentException.With.Message.EqualTo(
                $"Column 'User' must be mapped as the model's log was, in which key 2 is '20', but key 2 is '21'. {Remedy}"));
    }

    private void CheckRefused(IDataView data, string message)
    {
        Assert.That(() => _model.Transform(data), Throws.ArgumentException.With.Message.EqualTo(message));
        Assert.That(() => _model.GetOutputSchema(data.Schema), Throws.ArgumentException.With.Message.EqualTo(message));
        Assert.That(() => _model.GetRowToRowMapper(data.Schema), Throws.ArgumentException.With.Message.EqualTo(message));
    }

    private IDataView Map(string[] users, string[] items, params (string User, string Item)[] rows)
    {
        rows = rows.Length == 0 ? [("anna", "a")] : rows;
        IDataView row = _ml.Data.LoadFromEnumerable(rows.Select(pair => new { UserId = pair.User, Id = pair.Item, Before = new[] { "a", "b" } }));
        return _ml.Transforms.Conversion.MapValueToKey("User", "UserId", keyData: Load(users))
            .Append(_ml.Transforms.Conversion.MapValueToKey("Item", "Id", keyData: Load(items))).Fit(row).Transform(row);
    }

    private IDataView MapNumbers(int[] users)
    {
        IDataView row = _ml.Data.LoadFromEnumerable([new { UserId = 10, Id = "a" }]);
        return _ml.Transforms.Conversion.MapValueToKey("User", "UserId", keyData: _ml.Data.LoadFromEnumerable(users.Select(id => new { Id = id })))
            .Append(_ml.Transforms.Conversion.MapValueToKey("Item", "Id", keyData: Load(["a"]))).Fit(row).Transform(row);
    }

    private IDataView Load(IEnumerable<string> ids) => _ml.Data.LoadFromEnumerable(ids.Select(id => new { Id = id }));
}
