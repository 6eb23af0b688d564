using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Onnx.Proto;
using static DCCL.ML.Onnx.Proto.TensorProto.Types;

namespace DCCL.Benchmarks;

/// <summary>A Deep Interest Network as the paper draws it: the activation unit on concat(h, t, h - t, h * t), every concatenation built.</summary>
/// <remarks>The same function as the exported graph, with the same weights and the same form of PReLU: only the decomposition differs.</remarks>
internal sealed class TextbookGraph(DeviceCloudModelParameters parameters)
{
    private readonly GraphBuilder _graph = new();
    private readonly DinArchitecture _din = (DinArchitecture)parameters.Architecture;

    public ModelProto Build()
    {
        _graph.Input("item", DataType.Int64, "groups", "candidates");
        _graph.Input("history", DataType.Int64, "groups", "length");
        int d = _din.EmbeddingDimension;
        string table = Tensor("item.embedding");
        string target = _graph.Node("target", "Gather", table, "item");                                      // [g, c, d]
        string events = _graph.Node("events", "Gather", table, "history");                                   // [g, l, d]
        string length = _graph.Node("length", "Shape", "history");
        _graph.Attribute("start", 1L);
        string recency = _graph.Node("recency", "Slice", Tensor("recency.embedding"), _graph.Integers(0), length, _graph.Integers(0));
        string keys = _graph.Node("keys", "Add", events, recency);
        string mask = _graph.Cast("mask", _graph.Node("known", "Greater", "history", _graph.Integers(0)), DataType.Float); // [g, l]

        string pooled = _graph.Node("pooled", "MatMul", Weights(keys, target, mask), keys);                  // [g, c, d]
        string sum = _graph.Node("sum", "ReduceSum", events, _graph.Integers(1));                            // [g, 1, d]
        string count = _graph.Node("count", "Max", _graph.Node("mask.sum", "ReduceSum", mask, _graph.Integers(1)), _graph.Number(1));
        string mean = _graph.Node("mean", "Div", sum, _graph.Node("count.expanded", "Unsqueeze", count, _graph.Integers(2)));
        mean = _graph.Node("mean.expanded", "Expand", mean, _graph.Node("target.shape", "Shape", target));   // [g, c, d]
        string hidden = _graph.Node("input", "Concat", pooled, target, _graph.Node("pooled.target", "Mul", pooled, target), mean);
        _graph.Attribute("axis", -1L);
        for (int layer = 0; layer < _din.HiddenLayerSizes.Count; layer++)
        {
            string name = $"hidden.{layer}";
            hidden = _graph.Node($"{name}.product", "MatMul", hidden, Tensor($"{name}.weight"));
            hidden = PRelu(name, _graph.Node($"{name}.sum", "Add", hidden, Tensor($"{name}.bias")));
        }

        ReadOnlySpan<float> weights = parameters["output.weight"].Span;
        string logit = _graph.Node("output", "MatMul", hidden, _graph.Constant("output.weight", weights, weights.Length, 1));
        logit = _graph.Node("output.squeezed", "Squeeze", logit, _graph.Integers(2));
        logit = _graph.Node("output.sum", "Add", logit, Tensor("output.bias"));
        _graph.Node("score", "Add", logit, _graph.Node("item.bias.target", "Gather", Tensor("item.bias"), "item"));
        _graph.Output("score", DataType.Float, "groups", "candidates");
        return _graph.ToModel([]);
    }

    private string Weights(string keys, string target, string mask)
    {
        int d = _din.EmbeddingDimension;
        int size = _din.ActivationUnitSize;
        string zeros = _graph.Node("pair.shape.keys", "Unsqueeze", keys, _graph.Integers(1));                // [g, 1, l, d]
        string targets = _graph.Node("pair.shape.target", "Unsqueeze", target, _graph.Integers(2));          // [g, c, 1, d]
        string difference = _graph.Node("pair.difference", "Sub", zeros, targets);                           // [g, c, l, d]
        string shape = _graph.Node("pair.shape", "Shape", difference);
        string concat = _graph.Node(
            "pair",
            "Concat",
            _graph.Node("pair.keys", "Expand", zeros, shape),
            _graph.Node("pair.target", "Expand", targets, shape),
            difference,
            _graph.Node("pair.product", "Mul", zeros, targets));                                             // [g, c, l, 4 d]
        _graph.Attribute("axis", -1L);
        float[] weights =
        [
            .. parameters["attention.history.weight"].Span, .. parameters["attention.target.weight"].Span, .. new float[d * size],
            .. parameters["attention.product.weight"].Span,
        ];
        string unit = _graph.Node("attention.product", "MatMul", concat, _graph.Constant("attention.weight", weights, 4 * d, size));
        unit = PRelu("attention", _graph.Node("attention.sum", "Add", unit, Tensor("attention.bias")));      // [g, c, l, a]
        string scores = _graph.Node(
            "attention.output", "MatMul", unit, _graph.Constant("attention.output.weight", parameters["attention.output.weight"].Span, size, 1));
        scores = _graph.Node("attention.scores", "Squeeze", scores, _graph.Integers(3));                     // [g, c, l]
        string visible = _graph.Node("attention.mask", "Unsqueeze", mask, _graph.Integers(1));               // [g, 1, l]
        string penalty = _graph.Node("attention.penalty", "Mul", _graph.Node("attention.hidden", "Sub", visible, _graph.Number(1)), _graph.Number(1e9f));
        scores = _graph.Node("attention.softmax", "Softmax", _graph.Node("attention.masked", "Add", scores, penalty));
        _graph.Attribute("axis", -1L);
        return _graph.Node("attention.weights", "Mul", scores, visible);
    }

    private string PRelu(string name, string input)
    {
        string positive = _graph.Node($"{name}.positive", "Relu", input);
        string negative = _graph.Node($"{name}.negative", "Sub", input, positive);
        return _graph.Node($"{name}.activation", "Add", positive, _graph.Node($"{name}.sloped", "Mul", negative, Tensor($"{name}.slope")));
    }

    private string Tensor(string name)
    {
        TensorShape shape = parameters.TensorShapes.First(tensor => tensor.Name == name);
        return _graph.Constant(name, parameters[name].Span, [.. shape.Dimensions]);
    }
}
