using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace DCCL.ML;

/// <summary>What device-cloud collaborative learning offers, reached by <c>mlContext.DeviceCloud()</c>.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
public sealed partial class DeviceCloudCatalog
{
    internal DeviceCloudCatalog(MLContext context)
    {
        Environment = context;
        Trainers = new DeviceCloudTrainers(context);
        Transforms = new DeviceCloudTransforms(context);
    }

    /// <summary>Gets the trainers. The package DCCL.Trainers adds them as extension methods.</summary>
    public DeviceCloudTrainers Trainers { get; }

    /// <summary>Gets the transforms.</summary>
    public DeviceCloudTransforms Transforms { get; }

    /// <summary>Gets the environment that the catalog belongs to, for extensions of the catalog.</summary>
    public IHostEnvironment Environment { get; }
}
