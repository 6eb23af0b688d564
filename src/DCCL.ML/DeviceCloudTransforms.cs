using DCCL.ML.Recommendation;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace DCCL.ML;

/// <summary>The transforms of device-cloud collaborative learning, reached by <c>mlContext.DeviceCloud().Transforms</c>.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
public sealed class DeviceCloudTransforms
{
    internal DeviceCloudTransforms(MLContext context)
    {
        Environment = context;
    }

    /// <summary>Gets the environment that the catalog belongs to, for extensions of the catalog.</summary>
    public IHostEnvironment Environment { get; }

    /// <summary>Creates an estimator that adds to each row the best items for its user.</summary>
    /// <param name="model">A DCCL transformer, or a model with one inside. It can go on being used, or be disposed.</param>
    /// <param name="numberOfItems">The number of items at most.</param>
    /// <returns>The estimator; there is nothing for it to learn.</returns>
    /// <exception cref="ArgumentException">The model has no DCCL transformer.</exception>
    public TopItemsEstimator TopItems(ITransformer model, int numberOfItems = 10) =>
        TopItems(model, new TopItemsEstimator.Options { NumberOfItems = numberOfItems });

    /// <summary>Creates an estimator that adds to each row the best items for its user.</summary>
    /// <param name="model">A DCCL transformer, or a model with one inside. It can go on being used, or be disposed.</param>
    /// <param name="options">The options.</param>
    /// <returns>The estimator; there is nothing for it to learn.</returns>
    /// <exception cref="ArgumentException">The model has no DCCL transformer, or an option is out of range.</exception>
    public TopItemsEstimator TopItems(ITransformer model, TopItemsEstimator.Options options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        return new TopItemsEstimator(Environment, model.DeviceCloudModel(), options);
    }
}
