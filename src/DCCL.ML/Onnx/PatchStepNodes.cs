using DCCL.ML.Model;
using static DCCL.ML.Onnx.Proto.TensorProto.Types;

namespace DCCL.ML.Onnx;

/// <summary>One person's patch in a training step: forwards like <see cref="PatchNodes"/>, and the derivatives by theta backwards.</summary>
/// <remarks>
/// With D = W_down transposed and U = W_up transposed: y = z + q U, q = act(h), h = z D. Backwards from dy: dU = q' dy, dq = dy U',
/// dh = dq act'(h), dD = z' dh, dz = dy + dh D', where ' transposes; and dtheta gathers dD and dU through the basis.
/// </remarks>
internal sealed class PatchStepNodes
{
    private readonly GraphBuilder _graph;
    private readonly DeviceCloudModelParameters _parameters;
    private readonly PatchArchitecture _patch;
    private readonly List<string> _slopes = [];

    public PatchStepNodes(GraphBuilder graph, DeviceCloudModelParameters parameters, PatchArchitecture patch)
    {
        _graph = graph;
        _parameters = parameters;
        _patch = patch;
        float[] others = new float[patch.PatchSize];
        Array.Fill(others, 1);
        others[0] = 0;
        float[] first = new float[patch.PatchSize];
        first[0] = 1;
        First = graph.Constant("patch.first", first, 1, first.Length);
        Others = graph.Constant("patch.others", others, 1, others.Length);
        Coordinates = graph.Node("patch.coordinates", "Add", graph.Node("patch.rest", "Mul", ModelGraph.PatchInput, Others), First);
    }

    /// <summary>Gets 1 for the intercept and 0 for the other coordinates, [1, d].</summary>
    public string First { get; }

    /// <summary>Gets 0 for the intercept and 1 for the other coordinates, [1, d].</summary>
    public string Others { get; }

    private string Coordinates { get; }

    public bool IsPatched(int layer) => _patch.NumberOfBasisColumns > 0 && _patch.Layers.Contains(layer);

    /// <summary>Adds the part of a sample that is the activation of the first patched layer.</summary>
    /// <param name="sample">The activation and, behind it, the item's factors, if patches weigh them, [s, n + K].</param>
    /// <returns>[s, n].</returns>
    public string Activation(string sample) => _patch.NumberOfItemFactors == 0
        ? sample
        : _graph.Node("activation.layer", "Slice", sample, _graph.Integers(0), _graph.Integers(-_patch.NumberOfItemFactors), _graph.Integers(1));

    /// <summary>Adds the item's factors, weighed, to the logit.</summary>
    /// <param name="logit">The logit, [s].</param>
    /// <param name="sample">The activation and, behind it, the factors, [s, n + K].</param>
    /// <returns>[s].</returns>
    public string AddFactors(string logit, string sample)
    {
        if (_patch.NumberOfItemFactors == 0)
        {
            return logit;
        }

        string ofItem = _graph.Node(
            "item.factors", "Slice", sample, _graph.Integers(-_patch.NumberOfItemFactors), _graph.Integers(int.MaxValue), _graph.Integers(1)); // [s, K]
        string own = _graph.Node(
            "patch.factors.weights", "Slice", ModelGraph.PatchInput, _graph.Integers(-_patch.NumberOfItemFactors), _graph.Integers(int.MaxValue), _graph.Integers(1));
        string sum = _graph.Node("patch.factors.sum", "ReduceSum", _graph.Node("patch.factors.weighed", "Mul", ofItem, own), _graph.Integers(1));
        _graph.Attribute("keepdims", 0L);
        return _graph.Node("patch.factors.added", "Add", logit, sum);
    }

    /// <summary>Adds a layer's patch.</summary>
    /// <param name="layer">A patched layer.</param>
    /// <param name="z">Its activation, [s, n].</param>
    /// <returns>The patched activation.</returns>
    public string Forward(int layer, string z)
    {
        int size = _parameters.Architecture.PatchableLayerSizes[layer];
        int rank = _patch.BottleneckSize;
        string prefix = $"patch.{layer}";
        string down = Matrix(layer, "down", offset: 0, rows: rank, columns: size);                           // [n, r]
        string up = Matrix(layer, "up", offset: rank * size, rows: size, columns: rank);                     // [r, n]
        string hidden = _graph.Node($"{prefix}.bottleneck", "MatMul", z, down);                              // [s, r]
        hidden = _patch.Activation switch
        {
            PatchActivation.Tanh => _graph.Node($"{prefix}.activation", "Tanh", hidden),
            PatchActivation.Relu => _graph.Node($"{prefix}.activation", "Relu", hidden),
            PatchActivation.Identity => _graph.Node($"{prefix}.activation", "Identity", hidden),
            _ => throw new NotSupportedException($"The patch activation {_patch.Activation} has no ONNX form."),
        };
        string residual = _graph.Node($"{prefix}.residual", "MatMul", hidden, up);
        return _graph.Node($"{prefix}.patched", "Add", z, residual);                                         // [s, n]
    }

    /// <summary>Adds a layer's share of the derivative by theta.</summary>
    /// <param name="layer">A patched layer.</param>
    /// <param name="z">Its activation, [s, n].</param>
    /// <param name="slope">The derivative of the loss by the patched activation, [s, n].</param>
    /// <returns>The derivative by the activation, [s, n].</returns>
    public string Backward(int layer, string z, string slope)
    {
        int size = _parameters.Architecture.PatchableLayerSizes[layer];
        int rank = _patch.BottleneckSize;
        string prefix = $"patch.{layer}";
        string up = _graph.Product($"{prefix}.backward.up", $"{prefix}.activation", slope, transposesLeft: true); // [r, n]
        string hidden = _graph.Product($"{prefix}.backward.activation", slope, $"{prefix}.up.matrix", transposesRight: true); // [s, r]
        hidden = Derive(prefix, hidden);
        string down = _graph.Product($"{prefix}.backward.down", z, hidden, transposesLeft: true);            // [n, r]
        Gather($"{prefix}.down", down, size * rank);
        Gather($"{prefix}.up", up, size * rank);
        string back = _graph.Product($"{prefix}.backward.back", hidden, $"{prefix}.down.matrix", transposesRight: true);
        return _graph.Node($"{prefix}.backward.input", "Add", slope, back);
    }

    /// <summary>Adds the derivative of the loss by theta, [1, d], all layers and the intercept together.</summary>
    /// <param name="slope">The derivative of the loss by the logits, [s, 1].</param>
    public string Gradient(string slope)
    {
        string sum = _graph.Node("patch.intercept.sum", "ReduceSum", slope, _graph.Integers(0));             // [1, 1]
        string gradient = _graph.Node("patch.intercept.gradient", "Mul", sum, First);
        foreach (string layer in _slopes)
        {
            string masked = _graph.Node($"{layer}.masked", "Mul", layer, Others);                            // theta_0 is no coordinate
            gradient = _graph.Node($"{layer}.added", "Add", gradient, masked);
        }

        return _patch.NumberOfItemFactors == 0 ? gradient : _graph.Node("patch.factors.gradient.added", "Add", gradient, FactorsGradient(slope));
    }

    // Zeros for the coordinates before them, [1, d].
    private string FactorsGradient(string slope)
    {
        string own = _graph.Product("patch.factors.gradient", slope, "item.factors", transposesLeft: true); // [1, K]
        int others = _patch.PatchSize - _patch.NumberOfItemFactors;
        string all = _graph.Node("patch.factors.gradient.all", "Concat", _graph.Constant("patch.factors.gradient.others", new float[others], 1, others), own);
        _graph.Attribute("axis", 1L);
        return all;
    }

    private string Derive(string prefix, string slope)
    {
        string derivative;
        switch (_patch.Activation)
        {
            case PatchActivation.Tanh:
                string square = _graph.Node($"{prefix}.backward.square", "Mul", $"{prefix}.activation", $"{prefix}.activation");
                derivative = _graph.Node($"{prefix}.backward.derivative", "Sub", _graph.Number(1), square);
                break;
            case PatchActivation.Relu:
                string positive = _graph.Node($"{prefix}.backward.positive", "Greater", $"{prefix}.bottleneck", _graph.Number(0));
                derivative = _graph.Cast($"{prefix}.backward.derivative", positive, DataType.Float);
                break;
            default:
                return slope;
        }

        return _graph.Node($"{prefix}.backward.bottleneck", "Mul", slope, derivative);
    }

    private void Gather(string matrix, string slope, int length)
    {
        string flat = _graph.Node($"{matrix}.slope.flat", "Reshape", slope, _graph.Integers(1, length));
        _slopes.Add(_graph.Product($"{matrix}.slope", flat, $"{matrix}.basis", transposesRight: true));      // [1, d]
    }

    private string Matrix(int layer, string name, int offset, int rows, int columns)
    {
        string prefix = $"patch.{layer}.{name}";
        float[] values = PatchNodes.GetTransposedBasis(_parameters, _patch, layer, offset, rows, columns);
        string basis = _graph.Constant($"{prefix}.basis", values, _patch.PatchSize, rows * columns);
        string flat = _graph.Node($"{prefix}.flat", "MatMul", Coordinates, basis);                           // [1, columns rows]
        return _graph.Node($"{prefix}.matrix", "Reshape", flat, _graph.Integers(columns, rows));
    }
}
