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
    /// <param name="observations">How much is kept of what is observed of users; null for the defaults.</param>
    /// <returns>The recommender; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The model has no DCCL transformer, or a limit is out of range.</exception>
    public Recommender CreateRecommender(ITransformer model, ObservationLimits? observations = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        UserObservations kept = new(observations ?? new ObservationLimits());
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        using IChannel channel = Environment.Start(nameof(CreateRecommender));
        channel.Info(
            MessageSensitivity.None,
            $"Recommends {transformer.Parameters.Architecture.NumberOfItems} items to {transformer.History.NumberOfUsers} users, "
            + $"{transformer.Patches?.NumberOfPatchedUsers ?? 0} of them with a patch.");
        return new Recommender(transformer, kept, transformer.NumberOfThreads);
    }
}
