using DCCL.ML.Model;
using DCCL.ML.Onnx;

namespace DCCL.ML.Export;

/// <summary>A model computed in double precision, slowly and plainly: what every export is compared with.</summary>
/// <remarks>
/// It shares no arithmetic with the code that builds graphs, so that a fault there shows. The training's own forward pass, on torch, is held to the
/// same numbers by tests. Immutable and thread-safe.
/// </remarks>
internal sealed class ReferenceModel
{
    private readonly DeviceCloudModelParameters _parameters;
    private readonly ReferenceTensors _tensors;
    private readonly IReferenceNetwork _network;
    private readonly int _numberOfLayers;
    private readonly int _firstLayer;
    private readonly int _numberOfFactors;

    /// <param name="parameters">The model.</param>
    public ReferenceModel(DeviceCloudModelParameters parameters)
    {
        _parameters = parameters;
        _tensors = new ReferenceTensors(parameters);
        _network = CreateNetwork(parameters);
        _numberOfLayers = parameters.Architecture.PatchableLayerSizes.Count;
        _firstLayer = parameters.Patch is null ? 0 : DeviceGraph.GetFirstLayer(parameters.Patch);
        _numberOfFactors = parameters.Patch?.NumberOfItemFactors ?? 0;
    }

    /// <summary>Computes what no patch changes.</summary>
    /// <param name="item">The target's key value.</param>
    /// <param name="history">The history's key values, the most recent first; 0 is padding.</param>
    /// <param name="profile">The profile.</param>
    /// <returns>The activation of the first patched layer, before its patch, and behind it the item's factors; and the logit's share that bypasses the layers.</returns>
    public (double[] Activation, double Offset) Encode(long item, ReadOnlySpan<long> history, ReadOnlySpan<float> profile)
    {
        double[] activation = _network.GetFirstActivation(item, history, profile);
        for (int layer = 1; layer <= _firstLayer; layer++)
        {
            activation = _network.Forward(layer, activation);
        }

        double[] factors = _numberOfFactors == 0 ? [] : _tensors.Row(PatchArchitecture.FactorsTensor, (int)item, _numberOfFactors);
        return ([.. activation, .. factors], _tensors.Row("item.bias", (int)item, 1)[0]);
    }

    /// <summary>Computes the logit.</summary>
    /// <param name="activation">The activation of the first patched layer, and behind it the item's factors.</param>
    /// <param name="offset">The logit's share that bypasses the layers.</param>
    /// <param name="theta">The patch; empty for the cloud model.</param>
    /// <returns>The logit; and how large its terms are, which bounds what rounding does to it.</returns>
    public (double Logit, double Magnitude) Decode(double[] activation, double offset, ReadOnlySpan<float> theta)
    {
        double[] z = AddPatch(_firstLayer, activation[..^_numberOfFactors], theta);
        for (int layer = _firstLayer + 1; layer < _numberOfLayers; layer++)
        {
            z = AddPatch(layer, _network.Forward(layer, z), theta);
        }

        double[] factors = activation[^_numberOfFactors..];
        ReadOnlySpan<float> weights = theta.IsEmpty ? new float[_numberOfFactors] : theta[^_numberOfFactors..];
        for (int k = 0; k < factors.Length; k++)
        {
            factors[k] *= weights[k];
        }

        double[] terms = [.. _network.GetLogitTerms(z), offset, theta.IsEmpty ? 0 : theta[0], .. factors];
        return (terms.Sum(), terms.Sum(Math.Abs));
    }

    /// <summary>Like ModelGraph.AddBackbone, this knows all kinds of backbones.</summary>
    private static IReferenceNetwork CreateNetwork(DeviceCloudModelParameters parameters) => parameters.Architecture switch
    {
        DinArchitecture din => new ReferenceDin(parameters, din),
        SasRecArchitecture sasRec => new ReferenceSasRec(parameters, sasRec),
        BackboneArchitecture other => throw new NotSupportedException($"The architecture '{other.Name}' has no reference to compare its export with."),
    };

    // z + W_up act(W_down z), (W_down, W_up) = offset + sum over k of theta_k basis_k
    private double[] AddPatch(int layer, double[] z, ReadOnlySpan<float> theta)
    {
        if (theta.IsEmpty || _parameters.Patch is not { NumberOfBasisColumns: > 0 } patch || !patch.Layers.Contains(layer))
        {
            return z;
        }

        int size = 2 * patch.BottleneckSize * z.Length;
        double[] matrices = _tensors.Row($"patch.{layer}.offset", 0, size);
        for (int k = 1; k <= patch.NumberOfBasisColumns; k++)
        {
            ReferenceTensors.AddTo(matrices, _tensors.Row($"patch.{layer}.basis", k - 1, size), theta[k]);
        }

        double[] result = [.. z];
        for (int r = 0; r < patch.BottleneckSize; r++)
        {
            double sum = 0;
            for (int n = 0; n < z.Length; n++)
            {
                sum += matrices[(r * z.Length) + n] * z[n];
            }

            double hidden = patch.Activation switch
            {
                PatchActivation.Tanh => Math.Tanh(sum),
                PatchActivation.Relu => Math.Max(0, sum),
                _ => sum,
            };
            for (int n = 0; n < z.Length; n++)
            {
                result[n] += matrices[(patch.BottleneckSize * z.Length) + (n * patch.BottleneckSize) + r] * hidden;
            }
        }

        return result;
    }
}
