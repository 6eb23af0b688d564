using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace DCCL.ML;

/// <summary>The trainers of device-cloud collaborative learning: extension methods on this class, in the package DCCL.Trainers.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
public sealed class DeviceCloudTrainers
{
    internal DeviceCloudTrainers(MLContext context)
    {
        Environment = context;
    }

    /// <summary>Gets the environment that the catalog belongs to, for trainers.</summary>
    public IHostEnvironment Environment { get; }
}
