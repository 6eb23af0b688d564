using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Scoring;
using Microsoft.ML;

namespace DCCL.Benchmarks.Evidence.Baselines;

/// <summary>What was planted in the built-in data, in the device period: all of it, or what is personal, added to a cloud model's scores.</summary>
/// <remarks>Not to be reached: it knows what others have to learn. Thread-safe.</remarks>
internal sealed class PlantedTruth : IItemScorer
{
    private readonly SyntheticDeviceCloud _world;
    private readonly string[] _users;
    private readonly string[] _items;
    private readonly ModelItemScorer? _cloud;

    private PlantedTruth(SyntheticDeviceCloud world, string[] users, string[] items, ModelItemScorer? cloud)
    {
        _world = world;
        _users = users;
        _items = items;
        _cloud = cloud;
    }

    /// <inheritdoc/>
    public string Name => _cloud is null ? "truth" : MethodCatalog.Reachable;

    /// <summary>Looks up the ids of the keys.</summary>
    /// <param name="context">What is trained with.</param>
    /// <param name="cloud">The cloud model to add to; null for the truth alone.</param>
    public static PlantedTruth Create(MethodContext context, DeviceCloudPredictionTransformer? cloud)
    {
        DataViewSchema schema = context.Data.Keys.Transform(context.Data.Cloud).Schema;
        return new PlantedTruth(
            EvidenceData.CreateGenerator(context.Options),
            KeyIds.Read(schema[context.Data.Columns.UserColumnName])!,
            KeyIds.Read(schema[context.Data.Columns.ItemColumnName])!,
            cloud is null ? null : new ModelItemScorer(cloud.Scorer, new PatchSelector(cloud.Parameters, patches: null)));
    }

    /// <inheritdoc/>
    public void Score(UserMoment moment, ReadOnlySpan<int> items, Span<float> scores)
    {
        _cloud?.Score(moment, items, scores);
        string user = _users[moment.User - 1];
        string? previous = moment.History.IsEmpty ? null : _items[moment.History[^1] - 1];
        for (int i = 0; i < items.Length; i++)
        {
            string item = _items[items[i] - 1];
            double all = _world.GetTrueLogit(user, item, _world.DeviceStart, previous);
            scores[i] = _cloud is null
                ? (float)all
                : scores[i] + (float)(all - _world.GetTrueLogit(user, item, _world.DeviceStart, previous, withResidual: false));
        }
    }
}
