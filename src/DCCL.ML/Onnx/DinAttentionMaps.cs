using DCCL.ML.Model;
using static DCCL.ML.Onnx.WeightArithmetic;

namespace DCCL.ML.Onnx;

/// <summary>Adds the activation unit of a Deep Interest Network in the form that is fastest for one history and many candidates.</summary>
/// <remarks>
/// <para>
/// Before its activation function the unit is affine in the target: <c>(t, 1) M_j</c> with the map
/// <c>M_j = (diag(k_j) W_product + W_target, k_j W_history + b)</c>. The maps of all events depend on the history alone, and are a
/// product as well, of (k_j, 1) with a constant matrix; what is left for each candidate is one product with them.
/// </para>
/// <para>
/// Of the two terms of the activation function (see <see cref="DinGraph"/>) the linear one, with the output weights, is itself such a
/// map: one more hidden unit, x, written as relu(x) - relu(-x) or as x times a gate that is always open.
/// </para>
/// <para>
/// The product, [l, a, c], is by far the largest value. It is computed in blocks of hidden units, so that a block stays in a
/// core's cache while it is bent and summed up. Two dimensions only, because then ONNX Runtime bends it in the product's own node.
/// </para>
/// </remarks>
internal sealed class DinAttentionMaps
{
    /// <summary>The largest number of hidden units in a block.</summary>
    public const int BlockSize = 24;

    /// <summary>Where the sigmoid is 1.</summary>
    private const float Open = 40;

    private readonly GraphBuilder _graph;
    private readonly DeviceCloudModelParameters _parameters;
    private readonly int _dimension;
    private readonly bool _isSoftmax;
    private readonly bool _isPRelu;

    // A row for each unit, those of the linear term last.
    private readonly float[][] _product;
    private readonly float[][] _history;
    private readonly float[][] _target;
    private readonly float[] _bias;
    private readonly float[] _output;

    public DinAttentionMaps(GraphBuilder graph, DeviceCloudModelParameters parameters, DinArchitecture architecture)
    {
        _graph = graph;
        _parameters = parameters;
        _dimension = architecture.EmbeddingDimension;
        _isSoftmax = architecture.AttentionWeights == AttentionWeights.Softmax;
        _isPRelu = architecture.Activation == DinActivation.PRelu;
        ReadOnlySpan<float> slope = parameters["attention.slope"].Span;
        ReadOnlySpan<float> output = parameters["attention.output.weight"].Span;
        float[] sloped = Scale(output, slope);
        float[] signs = _isPRelu ? [1, -1] : [1];
        _product = GetUnits("attention.product.weight", sloped, signs);
        _history = GetUnits("attention.history.weight", sloped, signs);
        _target = GetUnits("attention.target.weight", sloped, signs);
        float constant = Multiply(parameters["attention.bias"].Span, sloped)[0] + parameters["attention.output.bias"].Span[0];
        _bias = [.. parameters["attention.bias"].Span, .. signs.Select(sign => sign * constant)];
        _output = [.. Scale(output, OneMinus(slope)), .. signs];
    }

    /// <summary>Adds the pooled history.</summary>
    /// <param name="keys">The events with their recency, [1, l, d].</param>
    /// <param name="target">The candidates, [1, c, d].</param>
    /// <param name="mask">1 for events, 0 for padding, [1, l].</param>
    /// <returns>The pooled history of each candidate, [1, c, d].</returns>
    public string Pool(string keys, string target, string mask)
    {
        string keysOne = AppendOne("attention.keys.one", keys); // [1, l, d + 1]
        string targetOne = _graph.Node(
            "attention.target.rows", "Reshape", AppendOne("attention.target.one", target), _graph.Integers(-1, _dimension + 1)); // [c, d + 1]
        string candidates = _graph.Node("attention.shape.candidates", "Shape", target);
        _graph.Attribute("start", 1L);
        _graph.Attribute("end", 2L);
        int units = _output.Length;
        int blocks = (units + BlockSize - 1) / BlockSize;
        int size = (units + blocks - 1) / blocks;
        string? sum = null;
        for (int start = 0; start < units; start += size)
        {
            string block = AddBlock(keysOne, targetOne, candidates, start, Math.Min(size, units - start));
            sum = sum is null ? block : _graph.Node($"{block}.sum", "Add", sum, block); // [l, 1, c]
        }

        string scores = _graph.Node("attention.scores", "Transpose", sum!); // [1, c, l]
        _graph.Attribute("perm", 1, 2, 0);
        if (_isSoftmax)
        {
            string hidden = _graph.Node("attention.mask.minus_one", "Sub", mask, _graph.Number(1));
            scores = _graph.Node("attention.scores.masked", "Add", scores, _graph.Node("attention.penalty", "Mul", hidden, _graph.Number(1e9f)));
            scores = _graph.Node("attention.softmax", "Softmax", scores);
            _graph.Attribute("axis", -1L);
        }

        // Padding weighs nothing, and an empty history pools to exactly zero.
        string eventMask = _graph.Node("attention.mask", "Unsqueeze", mask, _graph.Integers(2)); // [1, l, 1]
        return _graph.Node("pooled", "MatMul", scores, _graph.Node("attention.keys.masked", "Mul", keys, eventMask));
    }

    private string AppendOne(string name, string rows) => _graph.Node(name, "Pad", rows, _graph.Integers(0, 0, 0, 0, 0, 1), _graph.Number(1));

    /// <summary>Adds what some of the units contribute to the scores, [l, 1, c].</summary>
    private string AddBlock(string keysOne, string targetOne, string candidates, int start, int count)
    {
        string block = $"attention.{start}";
        string maps = _graph.Node($"{block}.maps", "MatMul", keysOne, AddMatrix(block, start, count)); // [1, l, count (d + 1)]
        maps = _graph.Node($"{block}.maps.rows", "Reshape", maps, _graph.Integers(-1, _dimension + 1)); // [l count, d + 1]
        string bent = Bend(block, _graph.Product($"{block}.sum", maps, targetOne, transposesRight: true), candidates, start, count);
        string weights = _graph.Constant($"{block}.output.weight", _output.AsSpan(start, count), 1, count);
        return _graph.Node($"{block}.scores", "MatMul", weights, bent);
    }

    /// <summary>Adds (diag(W_product), W_history; W_target, b) of some units, [d + 1, count (d + 1)].</summary>
    /// <remarks>It is put together from the weights by nodes that ONNX Runtime evaluates once: the file does not hold the zeros.</remarks>
    private string AddMatrix(string block, int start, int count)
    {
        if (!_graph.Has("attention.identity"))
        {
            float[] identity = new float[_dimension * _dimension];
            for (int i = 0; i < _dimension; i++)
            {
                identity[(i * _dimension) + i] = 1;
            }

            _graph.Constant("attention.identity", identity, _dimension, 1, _dimension);
        }

        float[] target = [.. _target.Skip(start).Take(count).SelectMany(unit => unit)];
        string product = _graph.Node($"{block}.matrix.product", "Mul", "attention.identity", Columns("product", _product)); // [d, count, d]
        string upper = Concat("upper", 2, product, Columns("history", _history));
        string bias = _graph.Constant($"{block}.bias", _bias.AsSpan(start, count), 1, count, 1);
        string lower = Concat("lower", 2, _graph.Constant($"{block}.target.weight", target, 1, count, _dimension), bias);
        string matrix = Concat("parts", 0, upper, lower); // [d + 1, count, d + 1]
        return _graph.Node($"{block}.matrix", "Reshape", matrix, _graph.Integers(_dimension + 1, -1));

        string Columns(string name, float[][] units)
        {
            float[] rows = [.. units.Skip(start).Take(count).SelectMany(unit => unit)];
            return _graph.Constant($"{block}.{name}.weight", Transpose(rows, count, _dimension), _dimension, count, 1);
        }

        string Concat(string name, long axis, string first, string second)
        {
            string value = _graph.Node($"{block}.matrix.{name}", "Concat", first, second);
            _graph.Attribute("axis", axis);
            return value;
        }
    }

    /// <summary>Adds r, [l, count, c], see <see cref="DinGraph"/>.</summary>
    private string Bend(string block, string input, string candidates, int start, int count)
    {
        string shape = $"attention.shape.{count}";
        if (!_graph.Has(shape))
        {
            _graph.Node(shape, "Concat", _graph.Integers(-1), _graph.Integers(count), candidates);
            _graph.Attribute("axis", 0L);
        }

        if (_isPRelu)
        {
            return _graph.Node($"{block}.bent", "Reshape", _graph.Node($"{block}.bend", "Relu", input), shape);
        }

        input = _graph.Node($"{block}.units", "Reshape", input, shape);
        (float[] scale, float[] shift) = Standardize(_parameters["attention.mean"].Span, _parameters["attention.variance"].Span);
        string gate = Constant("scale", [.. scale, 0]);
        gate = _graph.Node($"{block}.scaled", "Mul", input, gate);
        gate = _graph.Node($"{block}.shifted", "Add", gate, Constant("shift", [.. shift, Open]));
        gate = _graph.Node($"{block}.gate", "Sigmoid", gate);
        return _graph.Node($"{block}.bend", "Mul", input, gate);

        string Constant(string name, float[] values) => _graph.Constant($"{block}.{name}", values.AsSpan(start, count), count, 1);
    }

    /// <summary>The weights into each unit, then those into the linear term, once for each sign.</summary>
    private float[][] GetUnits(string name, float[] sloped, float[] signs)
    {
        ReadOnlySpan<float> weights = _parameters[name].Span; // [d, a]
        float[] rows = Transpose(weights, _dimension, sloped.Length);
        float[] linear = Multiply(weights, sloped);
        return [.. rows.Chunk(_dimension), .. signs.Select(sign => Array.ConvertAll(linear, value => sign * value))];
    }
}
