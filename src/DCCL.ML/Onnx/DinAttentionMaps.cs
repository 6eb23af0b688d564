using DCCL.ML.Model;
using static DCCL.ML.Onnx.WeightArithmetic;

namespace DCCL.ML.Onnx;

/// <summary>Adds the activation unit of a Deep Interest Network in the form that is fastest for one history and many candidates.</summary>
/// <remarks>
/// <para>
/// Before its activation function the unit is affine in the target: <c>(t, 1) M_j</c> with the map
/// <c>M_j = (diag(k_j) W_product + W_target, k_j W_history + b)</c>. The maps of all events depend on the history alone; what is
/// left for each candidate is one product with them. Of the two terms of the activation function (see <see cref="DinGraph"/>)
/// the linear one, with the output weights, is itself a map.
/// </para>
/// <para>
/// The product, [a, l, c], is by far the largest value. It is computed in blocks of hidden units, so that a block stays in a
/// core's cache while it is bent and summed up; candidates come last, because then each step runs over long rows.
/// </para>
/// </remarks>
internal sealed class DinAttentionMaps(GraphBuilder graph, DeviceCloudModelParameters parameters, DinArchitecture architecture)
{
    /// <summary>The number of hidden units in a block.</summary>
    public const int BlockSize = 16;

    private readonly int _dimension = architecture.EmbeddingDimension;
    private readonly int _size = architecture.ActivationUnitSize;
    private readonly bool _isSoftmax = architecture.AttentionWeights == AttentionWeights.Softmax;

    /// <summary>Adds the pooled history.</summary>
    /// <param name="keys">The events with their recency, [1, l, d].</param>
    /// <param name="target">The candidates, [1, c, d].</param>
    /// <param name="mask">1 for events, 0 for padding, [1, l].</param>
    /// <returns>The pooled history of each candidate, [1, c, d].</returns>
    public string Pool(string keys, string target, string mask)
    {
        string eventMask = graph.Node("attention.mask", "Unsqueeze", mask, graph.Integers(2)); // [1, l, 1]
        string maps = AddMaps(keys); // [a, l, d + 1]
        string targetOne = graph.Node("attention.target.one", "Pad", target, graph.Integers(0, 0, 0, 0, 0, 1), graph.Number(1));
        targetOne = graph.Node("attention.target.transposed", "Transpose", targetOne); // [1, d + 1, c]
        graph.Attribute("perm", 0, 2, 1);

        string linear = graph.Node("attention.linear", "MatMul", AddLinearMap(maps, eventMask), targetOne); // [1, l, c]
        List<string> sums = [graph.Node("attention.linear.flat", "Reshape", linear, graph.Integers(1, -1))]; // [1, l c]
        for (int start = 0; start < _size; start += BlockSize)
        {
            sums.Add(AddBlock(maps, targetOne, start, Math.Min(BlockSize, _size - start)));
        }

        string scores = graph.Node("attention.scores.flat", "Sum", [.. sums]);
        scores = graph.Node("attention.scores.by_event", "Reshape", scores, graph.Node("attention.shape", "Shape", linear));
        scores = graph.Node("attention.scores", "Transpose", scores); // [1, c, l]
        graph.Attribute("perm", 0, 2, 1);
        if (_isSoftmax)
        {
            scores = graph.Node("attention.softmax", "Softmax", scores);
            graph.Attribute("axis", -1L);
        }

        // Padding weighs nothing, and an empty history pools to exactly zero.
        return graph.Node("pooled", "MatMul", scores, graph.Node("attention.keys.masked", "Mul", keys, eventMask));
    }

    /// <summary>Adds the maps M_j of all units and events.</summary>
    private string AddMaps(string keys)
    {
        string product = graph.Node("attention.maps.product", "Mul", keys, Transposed("attention.product.weight")); // [a, l, d]
        string maps = graph.Node("attention.maps.target", "Add", product, Transposed("attention.target.weight"));
        string history = graph.Node("attention.history.linear", "MatMul", keys, Constant("attention.history.weight", _dimension, _size));
        history = graph.Node("attention.history.sum", "Add", history, Constant("attention.bias", _size)); // [1, l, a]
        history = graph.Node("attention.history.transposed", "Transpose", history); // [a, l, 1]
        graph.Attribute("perm", 2, 1, 0);
        maps = graph.Node("attention.maps", "Concat", maps, history);
        graph.Attribute("axis", 2L);
        return maps;
    }

    /// <summary>Adds the map of the activation function's linear term and, where a softmax follows, of the penalty for padding.</summary>
    private string AddLinearMap(string maps, string eventMask)
    {
        float[] sloped = Scale(parameters["attention.output.weight"].Span, parameters["attention.slope"].Span);
        string flat = graph.Node("attention.maps.flat", "Reshape", maps, graph.Integers(_size, -1));
        flat = graph.Node("attention.linear.map.flat", "MatMul", graph.Constant("attention.output.sloped", sloped, 1, _size), flat);
        string map = graph.Node("attention.linear.map", "Reshape", flat, graph.Integers(1, -1, _dimension + 1)); // [1, l, d + 1]

        float[] last = new float[_dimension + 1];
        last[^1] = 1;
        string constant = Constant("attention.output.bias", 1);
        if (_isSoftmax)
        {
            constant = graph.Node("attention.mask.minus_one", "Sub", eventMask, graph.Number(1));
            constant = graph.Node("attention.penalty", "Mul", constant, graph.Number(1e9f)); // [1, l, 1]
        }

        constant = graph.Node("attention.linear.constant", "Mul", constant, graph.Constant("attention.last", last, last.Length));
        return graph.Node("attention.linear.map.sum", "Add", map, constant);
    }

    /// <summary>Adds what some of the units contribute to the scores, [1, l c].</summary>
    private string AddBlock(string maps, string targetOne, int start, int count)
    {
        string block = $"attention.{start}";
        string map = graph.Node($"{block}.maps", "Slice", maps, graph.Integers(start), graph.Integers(start + count), graph.Integers(0));
        string bent = Bend(block, graph.Node($"{block}.sum", "MatMul", map, targetOne), start, count); // [count, l, c]
        bent = graph.Node($"{block}.bent", "Reshape", bent, graph.Integers(count, -1));
        float[] rest = Scale(parameters["attention.output.weight"].Span, OneMinus(parameters["attention.slope"].Span));
        string weights = graph.Constant($"{block}.output.weight", rest.AsSpan(start, count), 1, count);
        return graph.Node($"{block}.scores", "MatMul", weights, bent);
    }

    private string Bend(string block, string input, int start, int count)
    {
        if (architecture.Activation == DinActivation.PRelu)
        {
            return graph.Node($"{block}.bend", "Relu", input);
        }

        (float[] scale, float[] shift) = Standardize(
            parameters["attention.mean"].Span.Slice(start, count), parameters["attention.variance"].Span.Slice(start, count));
        string gate = graph.Node($"{block}.scaled", "Mul", input, graph.Constant($"{block}.scale", scale, count, 1, 1));
        gate = graph.Node($"{block}.shifted", "Add", gate, graph.Constant($"{block}.shift", shift, count, 1, 1));
        gate = graph.Node($"{block}.gate", "Sigmoid", gate);
        return graph.Node($"{block}.bend", "Mul", input, gate);
    }

    private string Constant(string name, params ReadOnlySpan<int> dimensions) =>
        graph.Constant(name, parameters[name].Span, dimensions);

    /// <summary>The weights of a unit as a row, [a, 1, d].</summary>
    private string Transposed(string name) =>
        graph.Constant($"{name}.transposed", Transpose(parameters[name].Span, _dimension, _size), _size, 1, _dimension);
}
