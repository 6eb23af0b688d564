using DCCL.ML.Model;
using static DCCL.ML.Onnx.WeightArithmetic;

namespace DCCL.ML.Onnx;

/// <summary>Adds the activation unit of a Deep Interest Network in the form that is fastest for one history and many candidates.</summary>
/// <remarks>
/// <para>
/// Before its activation function the unit is affine in the target: <c>(t, 1) M_j</c> with the map
/// <c>M_j = (diag(k_j) W_product + W_target, k_j W_history + b)</c>. The maps of all events depend on the history alone, and are a
/// product as well, of (k_j, 1) with a matrix for each unit; what is left for each candidate is one product with them. Of the two terms of
/// the activation function (see <see cref="DinGraph"/>) the linear one, with the output weights, is itself a map.
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
        string keysOne = AppendOne("attention.keys.one", keys); // [1, l, d + 1]
        string targetOne = graph.Node("attention.target.transposed", "Transpose", AppendOne("attention.target.one", target)); // [1, d + 1, c]
        graph.Attribute("perm", 0, 2, 1);

        string linearMap = graph.Node("attention.linear.map", "MatMul", keysOne, AddLinearMatrix()); // [1, l, d + 1]
        string linear = graph.Node("attention.linear", "MatMul", linearMap, targetOne); // [1, l, c]
        List<string> sums = [graph.Node("attention.linear.flat", "Reshape", linear, graph.Integers(1, -1))]; // [1, l c]
        for (int start = 0; start < _size; start += BlockSize)
        {
            sums.Add(AddBlock(keysOne, targetOne, start, Math.Min(BlockSize, _size - start)));
        }

        string scores = graph.Node("attention.scores.flat", "Sum", [.. sums]);
        scores = graph.Node("attention.scores.by_event", "Reshape", scores, graph.Node("attention.shape", "Shape", linear)); // [1, l, c]
        if (_isSoftmax)
        {
            string hidden = graph.Node("attention.mask.minus_one", "Sub", eventMask, graph.Number(1));
            scores = graph.Node("attention.scores.masked", "Add", scores, graph.Node("attention.penalty", "Mul", hidden, graph.Number(1e9f)));
        }

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

    private string AppendOne(string name, string rows) => graph.Node(name, "Pad", rows, graph.Integers(0, 0, 0, 0, 0, 1), graph.Number(1));

    /// <summary>Adds the matrix of the activation function's linear term, [d + 1, d + 1]: that of a unit with the mean weights of all.</summary>
    private string AddLinearMatrix()
    {
        float[] sloped = Scale(parameters["attention.output.weight"].Span, parameters["attention.slope"].Span);
        float[] matrix = new float[(_dimension + 1) * (_dimension + 1)];
        float[] product = Multiply(parameters["attention.product.weight"].Span, sloped);
        float[] target = Multiply(parameters["attention.target.weight"].Span, sloped);
        float[] history = Multiply(parameters["attention.history.weight"].Span, sloped);
        for (int i = 0; i < _dimension; i++)
        {
            matrix[(i * (_dimension + 1)) + i] = product[i];
            matrix[(i * (_dimension + 1)) + _dimension] = history[i];
            matrix[(_dimension * (_dimension + 1)) + i] = target[i];
        }

        matrix[^1] = Multiply(parameters["attention.bias"].Span, sloped)[0] + parameters["attention.output.bias"].Span[0];
        return graph.Constant("attention.linear.matrix", matrix, _dimension + 1, _dimension + 1);
    }

    /// <summary>Adds what some of the units contribute to the scores, [1, l c].</summary>
    private string AddBlock(string keysOne, string targetOne, int start, int count)
    {
        string block = $"attention.{start}";
        string map = graph.Node($"{block}.maps", "MatMul", keysOne, AddMatrices(block, start, count)); // [count, l, d + 1]
        string bent = Bend(block, graph.Node($"{block}.sum", "MatMul", map, targetOne), start, count); // [count, l, c]
        bent = graph.Node($"{block}.bent", "Reshape", bent, graph.Integers(count, -1));
        float[] rest = Scale(parameters["attention.output.weight"].Span, OneMinus(parameters["attention.slope"].Span));
        string weights = graph.Constant($"{block}.output.weight", rest.AsSpan(start, count), 1, count);
        return graph.Node($"{block}.scores", "MatMul", weights, bent);
    }

    /// <summary>Adds (diag(W_product), W_history; W_target, b) of each unit, [count, d + 1, d + 1].</summary>
    /// <remarks>They are put together from the weights by nodes that ONNX Runtime evaluates once: the file does not hold the zeros.</remarks>
    private string AddMatrices(string block, int start, int count)
    {
        float[] identity = new float[_dimension * _dimension];
        for (int i = 0; i < _dimension; i++)
        {
            identity[(i * _dimension) + i] = 1;
        }

        if (!graph.Has("attention.identity"))
        {
            graph.Constant("attention.identity", identity, _dimension, _dimension);
        }

        string product = graph.Node($"{block}.matrix.product", "Mul", Part("product", 1, _dimension), "attention.identity"); // [count, d, d]
        string upper = graph.Node($"{block}.matrix.upper", "Concat", product, Part("history", _dimension, 1));
        graph.Attribute("axis", 2L);
        string bias = graph.Constant($"{block}.bias", parameters["attention.bias"].Span.Slice(start, count), count, 1, 1);
        string lower = graph.Node($"{block}.matrix.lower", "Concat", Part("target", 1, _dimension), bias);
        graph.Attribute("axis", 2L);
        string matrices = graph.Node($"{block}.matrix", "Concat", upper, lower);
        graph.Attribute("axis", 1L);
        return matrices;

        string Part(string name, int rows, int columns) => graph.Constant(
            $"{block}.{name}.weight",
            Transpose(parameters[$"attention.{name}.weight"].Span, _dimension, _size).AsSpan(start * _dimension, count * _dimension),
            count, rows, columns);
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
}
