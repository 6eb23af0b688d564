using DCCL.ML.Model;
using DCCL.Trainers.Din;
using DCCL.Trainers.SasRec;

namespace DCCL.Trainers.Torch;

/// <summary>Makes the torch module of a model: the one place that knows all backbones.</summary>
internal static class Backbones
{
    /// <summary>Creates a module with a model's weights.</summary>
    /// <param name="parameters">The model.</param>
    /// <param name="dropout">The dropout rate, if the module is trained on.</param>
    public static TorchBackbone Create(DeviceCloudModelParameters parameters, double dropout = 0) => parameters.Architecture switch
    {
        DinArchitecture architecture => new DinModule(architecture, dropout, shape => parameters[shape.Name].ToArray()),
        SasRecArchitecture architecture => new SasRecModule(architecture, dropout, shape => parameters[shape.Name].ToArray()),
        _ => throw new NotSupportedException($"There is no torch module for the architecture '{parameters.Architecture.Name}'."),
    };

    /// <summary>The weights of a model's backbone, without basis and encoder.</summary>
    public static Dictionary<string, float[]> GetWeights(DeviceCloudModelParameters parameters) =>
        parameters.Architecture.Tensors.ToDictionary(shape => shape.Name, shape => parameters[shape.Name].ToArray());
}
