using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;
using TorchSharp;
using TorchSharp.Modules;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MetaPatch;

/// <summary>The global part of all patches, basis and offset, as torch tensors, and the patches' arithmetic.</summary>
/// <remarks>Not thread-safe. Owns its tensors. <see cref="PatchArchitecture"/> has the equations.</remarks>
internal sealed class PatchTensors : IDisposable
{
    private const string FactorsTensor = "patch.factors";
    private readonly Dictionary<string, Parameter> _tensors = [];
    private readonly Dictionary<int, int> _widths;
    private readonly Tensor? _factors;

    /// <summary>Creates the tensors from their values.</summary>
    public PatchTensors(PatchArchitecture architecture, BackboneArchitecture backbone, Func<TensorShape, float[]> values)
    {
        Architecture = architecture;
        _widths = architecture.NumberOfBasisColumns == 0 ? [] : architecture.Layers.ToDictionary(layer => layer, layer => backbone.PatchableLayerSizes[layer]);
        SampleWidth = backbone.PatchableLayerSizes[FirstLayer] + architecture.NumberOfItemFactors;
        foreach (TensorShape shape in architecture.GetTensors(backbone))
        {
            using Tensor tensor = torch.tensor(values(shape), [.. shape.Dimensions.Select(length => (long)length)]);
            if (shape.Name == FactorsTensor)
            {
                _factors = tensor.clone().DetachFromDisposeScope();
                continue;
            }

            Parameter parameter = new(tensor, requires_grad: true);
            parameter.DetachFromDisposeScope();
            _tensors.Add(shape.Name, parameter);
        }
    }

    private PatchTensors(PatchTensors original)
    {
        Architecture = original.Architecture;
        _widths = original._widths;
        SampleWidth = original.SampleWidth;
        _factors = original._factors?.alias().DetachFromDisposeScope();
        foreach ((string name, Parameter tensor) in original._tensors)
        {
            using Tensor shared = tensor.detach();
            Parameter replica = new(shared, requires_grad: true);
            replica.DetachFromDisposeScope();
            _tensors.Add(name, replica);
        }
    }

    public PatchArchitecture Architecture { get; }

    /// <summary>Gets the first patched layer: everything up to its activation is the same for all patches.</summary>
    public int FirstLayer => Architecture.Layers.Count == 0 ? 0 : Architecture.Layers[0];

    /// <summary>Gets all tensors that can be learnt, by name; the factors of items are given.</summary>
    public IReadOnlyDictionary<string, Parameter> Tensors => _tensors;

    /// <summary>Whether patches change a layer; an intercept alone changes none.</summary>
    public bool IsPatched(int layer) => _widths.ContainsKey(layer);

    /// <summary>
    /// Draws random tensors. The offset of <c>W_up</c> is zero, so that a patch of zeros changes nothing; that of <c>W_down</c> is
    /// not, or no gradient would ever reach the patch.
    /// </summary>
    /// <param name="architecture">The shape of the patches.</param>
    /// <param name="backbone">The network that is patched.</param>
    /// <param name="random">Draws the tensors.</param>
    /// <param name="factors">The factors of the items [items + 1, K]; null if patches weigh none.</param>
    public static PatchTensors CreateRandom(PatchArchitecture architecture, BackboneArchitecture backbone, SeededRandom random, float[]? factors = null) =>
        new(architecture, backbone, shape =>
        {
            if (shape.Name == FactorsTensor)
            {
                return factors ?? throw new ArgumentNullException(nameof(factors), "The factors of the items are not drawn.");
            }

            int layer = int.Parse(shape.Name.Split('.')[1], System.Globalization.CultureInfo.InvariantCulture);
            int width = backbone.PatchableLayerSizes[layer];
            int half = architecture.BottleneckSize * width;
            float[] values = new float[shape.NumberOfElements];
            bool isOffset = shape.Dimensions.Count == 1;
            for (int i = 0; i < values.Length; i++)
            {
                bool isDown = i % (2 * half) < half;
                double deviation = isDown ? 1 / Math.Sqrt(width) : isOffset ? 0 : 1 / Math.Sqrt(architecture.BottleneckSize);
                values[i] = deviation == 0 ? 0 : (float)(deviation * random.NextGaussian());
            }

            return values;
        });

    /// <summary>Creates a replica for another thread: the same values in the same memory, but gradients of its own.</summary>
    public PatchTensors Replicate() => new(this);

    /// <summary>Computes what no patch changes.</summary>
    /// <param name="model">The cloud model.</param>
    /// <param name="batch">The samples.</param>
    /// <returns>
    /// The activation of the first patched layer, with the factors of the items behind it if patches weigh them [groups, candidates, width + K], and
    /// the logit's share that bypasses the layers [groups, candidates].
    /// </returns>
    public (Tensor Activation, Tensor Offset) Encode(TorchBackbone model, TrainingBatch batch)
    {
        (Tensor activation, Tensor offset) = model.Encode(batch, FirstLayer, generator: null);
        return (_factors is null ? activation : torch.cat([activation, LookupFunction.Look(_factors, batch.Items)], dim: 2), offset);
    }

    /// <summary>Gets the length of what <see cref="Encode"/> gives of a sample.</summary>
    public int SampleWidth { get; }

    /// <summary>Divides what <see cref="Encode"/> gave.</summary>
    /// <param name="sample">The activation and, behind it, the factors [users, samples, width + K].</param>
    /// <returns>The activation; and the factors, null if patches weigh none.</returns>
    public (Tensor Activation, Tensor? Factors) Divide(Tensor sample)
    {
        long factors = Architecture.NumberOfItemFactors;
        long width = sample.shape[2] - factors;
        return factors == 0 ? (sample, null) : (sample.narrow(2, 0, width).contiguous(), sample.narrow(2, width, factors));
    }

    /// <summary>Computes the logits under patches, apart from the intercepts.</summary>
    /// <param name="model">The cloud model.</param>
    /// <param name="sample">The activation and, behind it, the factors [users, samples, width + K].</param>
    /// <param name="offset">The logit's share that bypasses the layers [users, samples].</param>
    /// <param name="patches">theta [users, d].</param>
    /// <returns>[users, samples].</returns>
    public Tensor Decode(TorchBackbone model, Tensor sample, Tensor offset, Tensor patches)
    {
        (Tensor activation, Tensor? factors) = Divide(sample);
        return model.Decode(
            activation, factors is null ? offset : offset.Plus(WeighFactors(factors, patches)), FirstLayer, (layer, z) => Apply(layer, z, patches), generator: null);
    }

    /// <summary>Creates tensors with other factors.</summary>
    /// <param name="factors">The factors of the items [items + 1, K].</param>
    /// <param name="backbone">The network that is patched.</param>
    public PatchTensors WithFactors(float[] factors, BackboneArchitecture backbone)
    {
        Dictionary<string, float[]> own = Export();
        own[FactorsTensor] = factors;
        return new PatchTensors(Architecture, backbone, shape => own[shape.Name]);
    }

    /// <summary>Copies the factors of the items [items + 1, K], row-major; empty if patches weigh none.</summary>
    public float[] GetFactors() => _factors?.ToArray() ?? [];

    /// <summary>What the factors add to the logits [users, samples].</summary>
    /// <param name="factors">The factors of the items [users, samples, K].</param>
    /// <param name="patches">theta [users, d].</param>
    public Tensor WeighFactors(Tensor factors, Tensor patches) =>
        torch.bmm(factors, patches.narrow(1, Architecture.PatchSize - factors.shape[2], factors.shape[2]).unsqueeze(2)).squeeze(2);

    /// <summary>Adds each user's patch to an activation.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="z">The activation [users, samples, width].</param>
    /// <param name="patches">theta [users, d].</param>
    /// <returns>z + W_up act(W_down z), or <paramref name="z"/> where the layer is not patched.</returns>
    public Tensor Apply(int layer, Tensor z, Tensor patches)
    {
        if (!IsPatched(layer))
        {
            return z;
        }

        (Tensor down, Tensor up) = GetMatrices(layer, patches);
        return z.Plus(torch.bmm(Activate(torch.bmm(z, down.transpose(1, 2))), up.transpose(1, 2)));
    }

    /// <summary>
    /// Computes what a layer contributes to the derivative of the logit by the coordinates on the basis at
    /// theta = 0: <c>dlogit/dz . (Basis_up act(Offset_down z))</c>.
    /// </summary>
    /// <param name="layer">A patched layer.</param>
    /// <param name="z">Its activation [samples, width].</param>
    /// <param name="slope">The derivative of the cloud model's logit by the activation [samples, width].</param>
    /// <returns>[samples, d - 1 - K].</returns>
    public Tensor Differentiate(int layer, Tensor z, Tensor slope)
    {
        int rank = Architecture.BottleneckSize;
        int width = _widths[layer];
        int columns = Architecture.NumberOfBasisColumns;
        Tensor down = _tensors[$"patch.{layer}.offset"].narrow(0, 0, rank * width).view(rank, width);
        Tensor up = _tensors[$"patch.{layer}.basis"].narrow(1, rank * width, rank * width).view(columns, width, rank);
        Tensor hidden = Activate(z.matmul(down.t()));                                                        // [samples, rank]
        Tensor projected = slope.matmul(up.permute(1, 0, 2).reshape(width, columns * rank));                 // [samples, columns rank]
        return (projected.view(-1, columns, rank) * hidden.unsqueeze(1)).sum(2);
    }

    /// <summary>Multiplies the basis.</summary>
    public void ScaleColumns(double factor)
    {
        using IDisposable noGradients = torch.no_grad();
        foreach (int layer in _widths.Keys)
        {
            _tensors[$"patch.{layer}.basis"].MultiplyInPlace(factor);
        }
    }

    /// <summary>Multiplies each column of the basis.</summary>
    public void ScaleColumns(Tensor factors)
    {
        using IDisposable noGradients = torch.no_grad();
        foreach (int layer in _widths.Keys)
        {
            _tensors[$"patch.{layer}.basis"].mul_(factors.unsqueeze(1));
        }
    }

    /// <summary>Moves the gradients of a replica here, adding to what is there.</summary>
    public void TakeGradients(PatchTensors replica)
    {
        foreach ((string name, Parameter tensor) in _tensors)
        {
            tensor.TakeGradient(replica._tensors[name]);
        }
    }

    /// <summary>Sets the offset of W_up to zero again after an optimiser's step.</summary>
    public void FreezeUpOffset()
    {
        foreach ((int layer, int width) in _widths)
        {
            using Tensor? gradient = _tensors[$"patch.{layer}.offset"].grad;
            using Tensor? up = gradient?.narrow(0, Architecture.BottleneckSize * width, Architecture.BottleneckSize * width);
            up?.zero_();
        }
    }

    /// <summary>Copies all tensors out, the factors of the items among them.</summary>
    public Dictionary<string, float[]> Export()
    {
        Dictionary<string, float[]> values = _tensors.ToDictionary(pair => pair.Key, pair => pair.Value.ToArray());
        if (_factors is not null)
        {
            values.Add(FactorsTensor, _factors.ToArray());
        }

        return values;
    }

    /// <summary>Overwrites all tensors that can be learnt.</summary>
    public void Import(IReadOnlyDictionary<string, float[]> values)
    {
        foreach ((string name, Parameter tensor) in _tensors)
        {
            tensor.CopyFrom(values[name]);
        }
    }

    public void Dispose()
    {
        _factors?.Dispose();
        foreach (Parameter tensor in _tensors.Values)
        {
            tensor.grad?.Dispose();
            tensor.Dispose();
        }
    }

    /// <summary>Makes each user's W_down [users, rank, width] and W_up [users, width, rank].</summary>
    /// <param name="layer">A patched layer.</param>
    /// <param name="patches">theta [users, d].</param>
    public (Tensor Down, Tensor Up) GetMatrices(int layer, Tensor patches)
    {
        int rank = Architecture.BottleneckSize;
        int width = _widths[layer];
        Tensor matrices = torch.addmm(                                                                       // [users, 2 rank width]
            _tensors[$"patch.{layer}.offset"], patches.narrow(1, 1, Architecture.NumberOfBasisColumns), _tensors[$"patch.{layer}.basis"], 1, 1);
        return (matrices.narrow(1, 0, rank * width).view(-1, rank, width), matrices.narrow(1, rank * width, rank * width).view(-1, width, rank));
    }

    /// <summary>The activation function inside a patch.</summary>
    public Tensor Activate(Tensor x) => Architecture.Activation switch
    {
        PatchActivation.Tanh => torch.tanh(x),
        PatchActivation.Relu => torch.nn.functional.relu(x),
        _ => x,
    };

    /// <summary>The activation function's derivative, from its value.</summary>
    public Tensor GetSlope(Tensor activated) => Architecture.Activation switch
    {
        PatchActivation.Tanh => activated.Squared().Complement(),
        PatchActivation.Relu => activated.IsMoreThan(0),
        _ => torch.ones_like(activated),
    };
}
