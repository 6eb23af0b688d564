using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Tests.Scoring;

/// <summary>A pair of raw ids, as applications have it.</summary>
public sealed class IdPair
{
    public string UserId { get; set; } = "";

    public string ItemId { get; set; } = "";

    /// <summary>The mapping of ids to the model's keys, the model, and a stock transformer behind it.</summary>
    internal static TransformerChain<ITransformer> CreateChain(MLContext ml, DeviceCloudPredictionTransformer model)
    {
        IDataView data = ml.Data.LoadFromEnumerable<IdPair>([]);
        ITransformer users = ml.Transforms.Conversion.MapValueToKey("User", nameof(UserId), keyData: Load(ml, model.UserIds!)).Fit(data);
        ITransformer items = ml.Transforms.Conversion.MapValueToKey("Item", nameof(ItemId), keyData: Load(ml, model.ItemIds!)).Fit(data);
        IDataView scored = model.Transform(items.Transform(users.Transform(data)));
        return new TransformerChain<ITransformer>(users, items, model, ml.Transforms.CopyColumns("Logit", "Score").Fit(scored));
    }

    private static IDataView Load(MLContext ml, IEnumerable<string> ids) => ml.Data.LoadFromEnumerable(ids.Select(id => new { Id = id }));
}
