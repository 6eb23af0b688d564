using DCCL.ML.Model;

namespace DCCL.ML.Onnx;

/// <summary>Adds the residual patches to a graph, whatever its backbone is.</summary>
/// <remarks>
/// <c>W = Offset + theta[1:] Basis</c> is computed once per row of the patch input and then applied to that row's
/// group; with one row, to all groups. Both matrices are stored transposed, so that no transposition is left at run time.
/// </remarks>
internal sealed class PatchNodes
{
    private readonly GraphBuilder _graph;
    private readonly DeviceCloudModelParameters _parameters;
    private readonly PatchArchitecture _patch;
    private readonly float[]? _baked;
    private string? _coordinates;

    /// <param name="graph">The graph that receives the nodes.</param>
    /// <param name="parameters">The model.</param>
    /// <param name="patch">The patches' shape.</param>
    /// <param name="baked">The one patch that takes the place of the input; null where there is an input.</param>
    public PatchNodes(GraphBuilder graph, DeviceCloudModelParameters parameters, PatchArchitecture patch, float[]? baked = null)
    {
        _baked = baked;
        _graph = graph;
        _parameters = parameters;
        _patch = patch;
    }

    /// <summary>Adds a layer's patch, if the layer has one.</summary>
    /// <param name="layer">The index into <see cref="BackboneArchitecture.PatchableLayerSizes"/>.</param>
    /// <param name="activation">The layer's activation z, [groups, candidates, n].</param>
    /// <returns>The patched activation, or <paramref name="activation"/> itself.</returns>
    public string AfterActivation(int layer, string activation)
    {
        if (_patch.PatchSize == 1 || !_patch.Layers.Contains(layer))
        {
            return activation;
        }

        int size = _parameters.Architecture.PatchableLayerSizes[layer];
        int rank = _patch.BottleneckSize;
        string down = Matrix(layer, "down", offset: 0, rows: rank, columns: size); // [p, n, r]
        string up = Matrix(layer, "up", offset: rank * size, rows: size, columns: rank); // [p, r, n]

        string hidden = _graph.Node($"patch.{layer}.bottleneck", "MatMul", activation, down); // [g, c, r]
        hidden = _patch.Activation switch
        {
            PatchActivation.Tanh => _graph.Node($"patch.{layer}.activation", "Tanh", hidden),
            PatchActivation.Relu => _graph.Node($"patch.{layer}.activation", "Relu", hidden),
            PatchActivation.Identity => hidden,
            _ => throw new NotSupportedException($"The patch activation {_patch.Activation} has no ONNX form."),
        };
        string residual = _graph.Node($"patch.{layer}.residual", "MatMul", hidden, up); // [g, c, n]
        return _graph.Node($"patch.{layer}.patched", "Add", activation, residual);
    }

    /// <summary>Adds the intercept theta_0 to the logit.</summary>
    /// <param name="logit">The logit, [groups, candidates].</param>
    /// <returns>The patched logit.</returns>
    public string AddIntercept(string logit)
    {
        if (_baked is not null)
        {
            return _graph.Node("patch.logit", "Add", logit, _graph.Constant("patch.intercept", _baked.AsSpan(0, 1), 1, 1));
        }

        string intercept = _graph.Node(
            "patch.intercept", "Slice", ModelGraph.PatchInput, _graph.Integers(0), _graph.Integers(1), _graph.Integers(1)); // [p, 1]
        return _graph.Node("patch.logit", "Add", logit, intercept);
    }

    private string Matrix(int layer, string name, int offset, int rows, int columns)
    {
        float[] values = GetTransposedBasis(_parameters, _patch, layer, offset, rows, columns);
        string prefix = $"patch.{layer}.{name}";
        if (_baked is not null)
        {
            float[] theta = [1, .. _baked.AsSpan(1)];
            return _graph.Constant($"{prefix}.matrix", WeightArithmetic.Combine(theta, values), 1, columns, rows);
        }

        string basis = _graph.Constant($"{prefix}.basis", values, _patch.PatchSize, rows * columns);
        string flat = _graph.Node($"{prefix}.flat", "MatMul", Coordinates(), basis); // [p, columns * rows]
        return _graph.Node($"{prefix}.matrix", "Reshape", flat, _graph.Integers(-1, columns, rows)); // [p, columns, rows]
    }

    /// <summary>Gets one matrix's offset, then its basis, each transposed: [d, columns * rows].</summary>
    public static float[] GetTransposedBasis(
        DeviceCloudModelParameters parameters, PatchArchitecture patch, int layer, int offset, int rows, int columns)
    {
        int total = 2 * rows * columns;
        float[] values = new float[patch.PatchSize * rows * columns];
        WeightArithmetic.Transpose(parameters[$"patch.{layer}.offset"].Span.Slice(offset, rows * columns), values, rows, columns);
        for (int k = 1; k < patch.PatchSize; k++)
        {
            ReadOnlySpan<float> row = parameters[$"patch.{layer}.basis"].Span.Slice(((k - 1) * total) + offset, rows * columns);
            WeightArithmetic.Transpose(row, values.AsSpan(k * rows * columns), rows, columns);
        }

        return values;
    }

    /// <summary>Adds (1, theta_1, ..., theta_{d - 1}), [p, d]: the 1 multiplies the offset.</summary>
    private string Coordinates()
    {
        if (_coordinates is null)
        {
            float[] others = new float[_patch.PatchSize];
            Array.Fill(others, 1);
            others[0] = 0;
            float[] first = new float[_patch.PatchSize];
            first[0] = 1;
            string rest = _graph.Node("patch.rest", "Mul", ModelGraph.PatchInput, _graph.Constant("patch.others", others, others.Length));
            _coordinates = _graph.Node("patch.coordinates", "Add", rest, _graph.Constant("patch.first", first, first.Length));
        }

        return _coordinates;
    }
}
