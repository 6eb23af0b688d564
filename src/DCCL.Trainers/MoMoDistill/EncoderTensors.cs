using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;
using TorchSharp;
using TorchSharp.Modules;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MoMoDistill;

/// <summary>The patch encoder <c>U(theta, u) = theta + V1 tanh(V2 theta + V3 u + b)</c> in torch, with V1 = 0 at first.</summary>
/// <remarks>Not thread-safe. Owns its tensors.</remarks>
internal sealed class EncoderTensors : IDisposable
{
    private readonly Dictionary<string, Parameter> _tensors = [];

    public EncoderTensors(PatchEncoderArchitecture architecture, BackboneArchitecture backbone, PatchArchitecture patch, SeededRandom random)
    {
        Architecture = architecture;
        ColumnFactors = new float[patch.PatchSize];
        Array.Fill(ColumnFactors, 1f);
        foreach (TensorShape shape in architecture.GetTensors(backbone, patch))
        {
            float[] values = new float[shape.NumberOfElements];
            double deviation = shape.Name is "encoder.v2" or "encoder.v3" ? 1 / Math.Sqrt(shape.Dimensions[0]) : 0;
            for (int i = 0; i < values.Length && deviation > 0; i++)
            {
                values[i] = (float)(deviation * random.NextGaussian());
            }

            using Tensor tensor = torch.tensor(values, [.. shape.Dimensions.Select(length => (long)length)]);
            Parameter parameter = new(tensor, requires_grad: true);
            parameter.DetachFromDisposeScope();
            _tensors.Add(shape.Name, parameter);
        }
    }

    public PatchEncoderArchitecture Architecture { get; }

    /// <summary>Gets what each column of the basis has been multiplied by since the patches were learnt.</summary>
    public float[] ColumnFactors { get; private set; }

    public IEnumerable<Parameter> Tensors => _tensors.Values;

    /// <summary>U(theta, u).</summary>
    /// <param name="patches">theta [users, d].</param>
    /// <param name="users">u [users, user size].</param>
    public Tensor Encode(Tensor patches, Tensor users) =>
        patches.Plus(
            torch.tanh(patches.matmul(_tensors["encoder.v2"]).Plus(users.matmul(_tensors["encoder.v3"])).Plus(_tensors["encoder.bias"]))
                .matmul(_tensors["encoder.v1"]));

    /// <summary>Follows a rescaling of the basis: what U adds is divided by the factors.</summary>
    public void Rescale(float[] columnFactors)
    {
        using IDisposable noGradients = torch.no_grad();
        using Tensor factors = torch.tensor(columnFactors);
        _tensors["encoder.v1"].div_(factors);
        ColumnFactors = columnFactors;
    }

    public Dictionary<string, float[]> Export() => _tensors.ToDictionary(pair => pair.Key, pair => pair.Value.ToArray());

    public void Import(IReadOnlyDictionary<string, float[]> values)
    {
        foreach ((string name, Parameter tensor) in _tensors)
        {
            tensor.CopyFrom(values[name]);
        }
    }

    public void Dispose()
    {
        foreach (Parameter tensor in _tensors.Values)
        {
            tensor.grad?.Dispose();
            tensor.Dispose();
        }
    }
}
