using DCCL.ML.Recommendation;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.ML;

namespace DCCL.ML;

/// <summary>Adds a recommender to the services of an application, such as one of ASP.NET Core.</summary>
public static class DeviceCloudServiceCollectionExtensions
{
    /// <summary>Adds a <see cref="ReloadingRecommender"/> of a model's file as a singleton, loaded when it is first asked for.</summary>
    /// <param name="services">The services.</param>
    /// <param name="modelFile">The path of a file that <c>mlContext.Model.Save</c> wrote, with a DCCL transformer inside.</param>
    /// <param name="options">The options; null for the defaults.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddDeviceCloudRecommender(
        this IServiceCollection services, string modelFile, ReloadingRecommender.Options? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(modelFile);
        return services.AddSingleton(_ => new ReloadingRecommender(new MLContext(), modelFile, options));
    }
}
