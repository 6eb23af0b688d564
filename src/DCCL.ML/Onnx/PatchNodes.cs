using DCCL.ML.Model;

namespace DCCL.ML.Onnx;

/// <summary>Adds the residual patches to a graph, whatever its backbone is.</summary>
/// <remarks>
/// <c>W = Offset + theta[1:] Basis</c> is computed once per row of the patch input and then applied to that row's
/// group; with one row, to all groups. The matrices of all layers are one product, because for one person and a hundred candidates it
/// is the number of nodes that costs: all are stored as [n, r], one below the other, and then cut apart.
/// </remarks>
internal sealed class PatchNodes
{
    private readonly GraphBuilder _graph;
    private readonly DeviceCloudModelParameters _parameters;
    private readonly PatchArchitecture _patch;
    private readonly CandidateShape _candidates;
    private readonly float[]? _baked;
    private bool _hasMatrices;

    /// <param name="graph">The graph that receives the nodes.</param>
    /// <param name="parameters">The model.</param>
    /// <param name="patch">The patches' shape.</param>
    /// <param name="candidates">For which shapes the graph is.</param>
    /// <param name="baked">The one patch that takes the place of the input; null where there is an input.</param>
    public PatchNodes(GraphBuilder graph, DeviceCloudModelParameters parameters, PatchArchitecture patch, CandidateShape candidates, float[]? baked = null)
    {
        _candidates = candidates;
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
        if (_patch.NumberOfBasisColumns == 0 || !_patch.Layers.Contains(layer))
        {
            return activation;
        }

        (string down, string up) = _baked is null ? Matrices(layer) : BakedMatrices(layer); // [p, n, r], [p, r, n]
        string hidden = _graph.ProductByRow($"patch.{layer}.bottleneck", activation, down, _candidates); // [g, c, r]
        hidden = _patch.Activation switch
        {
            PatchActivation.Tanh => _graph.Node($"patch.{layer}.activation", "Tanh", hidden),
            PatchActivation.Relu => _graph.Node($"patch.{layer}.activation", "Relu", hidden),
            PatchActivation.Identity => hidden,
            _ => throw new NotSupportedException($"The patch activation {_patch.Activation} has no ONNX form."),
        };
        string residual = _graph.ProductByRow($"patch.{layer}.residual", hidden, up, _candidates); // [g, c, n]
        return _graph.Node($"patch.{layer}.patched", "Add", activation, residual);
    }

    /// <summary>Adds to the logit what no layer sees: the intercept theta_0, and the item's factors, weighed.</summary>
    /// <param name="logit">The logit, [groups, candidates].</param>
    /// <param name="item">The candidates' key values, [groups, candidates].</param>
    /// <returns>The patched logit.</returns>
    public string AddToLogit(string logit, string item)
    {
        logit = _patch.NumberOfItemFactors == 0 ? logit : _graph.Node("patch.factors.added", "Add", logit, WeighFactors(item));
        if (_baked is not null)
        {
            return _graph.Node("patch.logit", "Add", logit, _graph.Constant("patch.intercept", _baked.AsSpan(0, 1), 1, 1));
        }

        string intercept = _graph.Node(
            "patch.intercept", "Slice", ModelGraph.PatchInput, _graph.Integers(0), _graph.Integers(1), _graph.Integers(1)); // [p, 1]
        return _graph.Node("patch.logit", "Add", logit, intercept);
    }

    /// <summary>Adds the factors of items.</summary>
    /// <param name="item">Key values, of any shape.</param>
    /// <returns>[that shape, K].</returns>
    public string Factors(string item)
    {
        const string Name = "item.factors";
        return _graph.Has(Name)
            ? Name
            : _graph.Node(Name, "Gather", _graph.Constant(
                PatchArchitecture.FactorsTensor, _parameters[PatchArchitecture.FactorsTensor].Span, _parameters.Architecture.NumberOfItems + 1, _patch.NumberOfItemFactors), item);
    }

    // Element by element and then the sum, where a matrix product of ONNX Runtime 1.31 gives equal rows unequal last bits.
    private string WeighFactors(string item)
    {
        int first = _patch.PatchSize - _patch.NumberOfItemFactors;
        string weights = _baked is null
            ? _graph.Node("patch.factors.weights", "Unsqueeze", _graph.Node(
                "patch.factors.part", "Slice", ModelGraph.PatchInput, _graph.Integers(first), _graph.Integers(_patch.PatchSize), _graph.Integers(1)), _graph.Integers(1))
            : _graph.Constant("patch.factors.weights", _baked.AsSpan(first), 1, 1, _patch.NumberOfItemFactors); // [p, 1, K]
        string sum = _graph.Node("patch.factors.sum", "ReduceSum", _graph.Node("patch.factors.weighed", "Mul", Factors(item), weights), _graph.Integers(2));
        _graph.Attribute("keepdims", 0L);
        return sum; // [g, c]
    }

    private (string Down, string Up) Matrices(int layer)
    {
        if (!_hasMatrices)
        {
            AddMatrices();
            _hasMatrices = true;
        }

        // ONNX Runtime makes this transposition a part of the product that follows.
        string up = _graph.Node($"patch.{layer}.up.matrix", "Transpose", $"patch.{layer}.up.rows");
        _graph.Attribute("perm", 0, 2, 1);
        return ($"patch.{layer}.down.matrix", up);
    }

    private void AddMatrices()
    {
        List<float> offset = [];
        List<float>[] basis = [.. Enumerable.Range(0, _patch.NumberOfBasisColumns).Select(_ => new List<float>())];
        List<(string Name, long Rows)> pieces = [];
        foreach (int layer in _patch.Layers)
        {
            int size = _parameters.Architecture.PatchableLayerSizes[layer];
            int length = _patch.BottleneckSize * size;
            ReadOnlySpan<float> offsets = _parameters[$"patch.{layer}.offset"].Span;
            offset.AddRange(Rows(offsets, size));
            for (int k = 0; k < basis.Length; k++)
            {
                basis[k].AddRange(Rows(_parameters[$"patch.{layer}.basis"].Span.Slice(2 * length * k, 2 * length), size));
            }

            pieces.Add(($"patch.{layer}.down.matrix", size));
            pieces.Add(($"patch.{layer}.up.rows", size));
        }

        string constant = _graph.Constant("patch.basis", [.. basis.SelectMany(row => row)], basis.Length, offset.Count);
        constant = _graph.Node("patch.basis.all", "Pad", constant, _graph.Integers(1, 0, _patch.NumberOfItemFactors, 0)); // other coordinates take no part; evaluated once
        string flat = _graph.Node("patch.flat", "Gemm", ModelGraph.PatchInput, constant, _graph.Constant("patch.offset", [.. offset], offset.Count));
        string rows = _graph.Node("patch.rows", "Reshape", flat, _graph.Integers(-1, offset.Count / _patch.BottleneckSize, _patch.BottleneckSize));
        _graph.Split(pieces, rows, 1);
    }

    /// <summary>W_down transposed, [n, r], and below it W_up, [n, r] as it is.</summary>
    private float[] Rows(ReadOnlySpan<float> matrices, int size)
    {
        int length = _patch.BottleneckSize * size;
        return [.. WeightArithmetic.Transpose(matrices[..length], _patch.BottleneckSize, size), .. matrices[length..]];
    }

    private (string Down, string Up) BakedMatrices(int layer)
    {
        int size = _parameters.Architecture.PatchableLayerSizes[layer];
        int rank = _patch.BottleneckSize;
        return (Bake("down", 0, rank, size), Bake("up", rank * size, size, rank));

        string Bake(string name, int offset, int rows, int columns)
        {
            float[] theta = [1, .. _baked.AsSpan(1)];
            float[] values = WeightArithmetic.Combine(theta, GetTransposedBasis(_parameters, _patch, layer, offset, rows, columns));
            return _graph.Constant($"patch.{layer}.{name}.matrix", values, 1, columns, rows);
        }
    }

    /// <summary>Gets one matrix's offset, then its basis, each transposed, and zeros for the factors: [d, columns * rows].</summary>
    public static float[] GetTransposedBasis(
        DeviceCloudModelParameters parameters, PatchArchitecture patch, int layer, int offset, int rows, int columns)
    {
        int total = 2 * rows * columns;
        float[] values = new float[patch.PatchSize * rows * columns];
        WeightArithmetic.Transpose(parameters[$"patch.{layer}.offset"].Span.Slice(offset, rows * columns), values, rows, columns);
        for (int k = 1; k <= patch.NumberOfBasisColumns; k++)
        {
            ReadOnlySpan<float> row = parameters[$"patch.{layer}.basis"].Span.Slice(((k - 1) * total) + offset, rows * columns);
            WeightArithmetic.Transpose(row, values.AsSpan(k * rows * columns), rows, columns);
        }

        return values;
    }
}
