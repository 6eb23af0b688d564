using DCCL.ML.Recommendation;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace DCCL.ML;

/// <content>Recommendations.</content>
public sealed partial class DeviceCloudCatalog
{
    /// <summary>Makes what recommends items to users by their raw ids, for a service to hold on to.</summary>
    /// <param name="model">A DCCL transformer, or a model with one inside. It can go on being used, or be disposed.</param>
    /// <returns>The recommender; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The model has no DCCL transformer.</exception>
    public Recommender CreateRecommender(ITransformer model)
    {
        ArgumentNullException.ThrowIfNull(model);
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        using IChannel channel = Environment.Start(nameof(CreateRecommender));
        channel.Info(
            $"Recommends {transformer.Parameters.Architecture.NumberOfItems} items to {transformer.History.NumberOfUsers} users, "
            + $"{transformer.Patches?.NumberOfPatchedUsers ?? 0} of them with a patch.");
        return new Recommender(transformer);
    }
}
