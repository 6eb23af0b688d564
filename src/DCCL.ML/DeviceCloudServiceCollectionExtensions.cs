using DCCL.ML.Recommendation;
using Microsoft.Extensions.Logging;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds a recommender to the services of an application, such as one of ASP.NET Core.</summary>
public static class DeviceCloudServiceCollectionExtensions
{
    /// <summary>Adds a <see cref="ReloadingRecommender"/> of a model's file as a singleton, loaded when it is first asked for.</summary>
    /// <param name="services">The services.</param>
    /// <param name="modelFile">The path of a file that <c>mlContext.Model.Save</c> wrote, with a DCCL transformer inside.</param>
    /// <param name="options">The options; null for the defaults.</param>
    /// <returns><paramref name="services"/>.</returns>
    /// <remarks>It reports to the application's <see cref="ILogger{TCategoryName}"/> of <see cref="ReloadingRecommender"/>.</remarks>
    public static IServiceCollection AddDeviceCloudRecommender(
        this IServiceCollection services, string modelFile, ReloadingRecommender.Options? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(modelFile);
        return services.AddSingleton(provider => new ReloadingRecommender(
            CreateContext(provider.GetService<ILogger<ReloadingRecommender>>()), modelFile, options));
    }

    /// <summary>Creates an environment that reports to a logger.</summary>
    private static MLContext CreateContext(ILogger? logger)
    {
        MLContext context = new();
        if (logger is not null)
        {
            context.Log += (_, entry) =>
            {
                LogLevel level = ToLevel(entry.Kind);
                if (logger.IsEnabled(level))
                {
                    logger.Log(level, default, entry.RawMessage, exception: null, (text, _) => text);
                }
            };
        }

        return context;
    }

    private static LogLevel ToLevel(ChannelMessageKind kind) => kind switch
    {
        ChannelMessageKind.Error => LogLevel.Error,
        ChannelMessageKind.Warning => LogLevel.Warning,
        ChannelMessageKind.Info => LogLevel.Information,
        _ => LogLevel.Trace,
    };
}
