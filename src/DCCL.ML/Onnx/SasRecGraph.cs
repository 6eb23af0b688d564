using System.Numerics.Tensors;
using DCCL.ML.Model;
using static DCCL.ML.Onnx.Proto.TensorProto.Types;

namespace DCCL.ML.Onnx;

/// <summary>Adds a SASRec to a graph: <see cref="SasRecArchitecture"/> has the equations.</summary>
/// <remarks>
/// Of the last block only the most recent event's row is computed, because nothing else enters the user vector: what a candidate
/// costs is its product with that, and its patch. In shape comments g is groups, c candidates, l history
/// length, d the embedding dimension, h heads, q the rows that a block computes: l, in the last block 1.
/// </remarks>
internal sealed class SasRecGraph
{
    private readonly GraphBuilder _graph;
    private readonly DeviceCloudModelParameters _parameters;
    private readonly SasRecArchitecture _architecture;
    private readonly int _dimension;
    private readonly CandidateShape _candidates;
    private readonly string _item;
    private readonly string _history;

    /// <param name="graph">The graph that receives the nodes.</param>
    /// <param name="parameters">The model.</param>
    /// <param name="architecture">The model's architecture.</param>
    /// <param name="candidates">For which shapes it is.</param>
    /// <param name="item">The candidates' key values, [g, c].</param>
    /// <param name="history">The key values of the histories, [g, l].</param>
    public SasRecGraph(
        GraphBuilder graph,
        DeviceCloudModelParameters parameters,
        SasRecArchitecture architecture,
        CandidateShape candidates,
        string item,
        string history)
    {
        _candidates = candidates;
        _graph = graph;
        _parameters = parameters;
        _architecture = architecture;
        _dimension = architecture.EmbeddingDimension;
        _item = item;
        _history = history;
    }

    /// <summary>The number whose square is given, as a constant of a graph.</summary>
    public static float GetScale(double square) => (float)Math.Sqrt(square);

    /// <summary>Adds the nodes.</summary>
    /// <param name="afterActivation">Called with 0 and the pairs of user vector and target, [g, c, 2 d]; gives back what the product sees.</param>
    /// <returns>The logit, [g, c], and its share that bypasses the product, [g, c].</returns>
    public (string Logit, string Offset) Build(Func<int, string, string> afterActivation)
    {
        string embedding = _graph.Constant("item.embedding.scaled", ScaledEmbeddings(), _architecture.NumberOfItems + 1, _dimension);
        string user = UserVector(_graph.Node("history.items", "Gather", embedding, _history));               // [g, 1, d]
        string target = _graph.Node("target", "Gather", embedding, _item);                                   // [g, c, d]

        string expanded = _graph.Node("pair.expanded", "Expand", user, _graph.Node("target.shape", "Shape", target));
        string pair = _graph.Node("pair", "Concat", expanded, target);                                       // [g, c, 2 d]
        _graph.Attribute("axis", 2L);
        string patched = afterActivation(0, pair);
        string logit = patched == pair ? Product(user, target) : Product(Half(patched, 0), Half(patched, 1)); // [g, c]
        logit = _graph.Node("output.product", "Mul", logit, _graph.Number(GetScale(1.0 / _dimension)));
        logit = _graph.Node("output.sum", "Add", logit, Tensor("output.bias"));
        string bias = _graph.Node("item.bias.target", "Gather", Tensor("item.bias"), _item);                 // [g, c]
        return (_graph.Node("logit", "Add", logit, bias), bias);
    }

    // Element by element and then the sum, where a matrix product of ONNX Runtime 1.31 gives equal rows unequal last bits.
    private string Product(string user, string target)
    {
        string sum = _graph.Node("pair.product", "ReduceSum", _graph.Node("pair.elements", "Mul", user, target), _graph.Integers(2));
        _graph.Attribute("keepdims", 0L);
        return sum;
    }

    private string Half(string pair, int half) => _graph.Node(
        $"pair.half.{half}", "Slice", pair, _graph.Integers(half * _dimension), _graph.Integers((half + 1) * _dimension), _graph.Integers(2));

    private string UserVector(string x)
    {
        string known = _graph.Node("history.known", "Greater", _history, _graph.Integers(0));
        string mask = _graph.Node(
            "history.mask", "Unsqueeze", _graph.Cast("history.known.number", known, DataType.Float), _graph.Integers(1, 2)); // [g, 1, 1, l]
        for (int block = 0; block < _architecture.NumberOfBlocks; block++)
        {
            bool isLast = block == _architecture.NumberOfBlocks - 1;
            string attention = $"block.{block}.attention";
            string norm = Norm(attention, x);                                                                // [g, l, d]
            string seeking = isLast ? First($"{attention}.recent", norm) : norm;                             // [g, q, d]
            string found = Attend(attention, seeking, norm, mask, isLast);
            x = _graph.Node($"{attention}.added", "Add", isLast ? First($"block.{block}.recent", x) : x, found); // [g, q, d]

            string forward = $"block.{block}.forward";
            string hidden = Linear($"{forward}.hidden", Norm(forward, x));
            hidden = _graph.Node($"{forward}.activation", "Relu", hidden);
            x = _graph.Node($"{forward}.added", "Add", x, Linear($"{forward}.output", hidden));
        }

        if (_architecture.ProfileDimension > 0)
        {
            string profile = _graph.Node("profile.product", "MatMul", ModelGraph.ProfileInput, Tensor("profile.weight"));
            profile = _graph.Node("profile.row", "Unsqueeze", profile, _graph.Integers(1));                  // [g, 1, d]
            x = _graph.Node("profile.added", "Add", x, profile);
        }

        return Norm("user", x);                                                                              // [g, 1, d]
    }

    private string Attend(string layer, string seeking, string norm, string mask, bool isLast)
    {
        string query = Heads($"{layer}.query", Linear($"{layer}.query", seeking), 0, 2, 1, 3);               // [g, h, q, d / h]
        string key = _graph.Node($"{layer}.key.product", "MatMul", norm, Tensor($"{layer}.key.weight"));
        key = Heads($"{layer}.key", key, 0, 2, 3, 1);                                                        // [g, h, d / h, l]
        string value = Heads($"{layer}.value", Linear($"{layer}.value", norm), 0, 2, 1, 3);                  // [g, h, l, d / h]
        string scores = _graph.Node($"{layer}.scores", "MatMul", query, key);                                // [g, h, q, l]
        scores = _graph.Node(
            $"{layer}.scores.scaled", "Mul", scores, _graph.Number(GetScale((double)_architecture.NumberOfHeads / _dimension)));
        (string distance, string visible) = isLast ? FromTheMostRecent(layer, mask) : FromEach(layer, mask);
        scores = _graph.Node($"{layer}.scores.distance", "Add", scores, distance);
        string hidden = _graph.Node($"{layer}.hidden", "Sub", visible, _graph.Number(1));
        hidden = _graph.Node($"{layer}.penalty", "Mul", hidden, _graph.Number(1e9f));
        scores = _graph.Node($"{layer}.scores.masked", "Add", scores, hidden);
        string weights = _graph.Node($"{layer}.softmax", "Softmax", scores);
        _graph.Attribute("axis", -1L);

        // After the softmax too: what has nothing to look at finds exactly zero.
        weights = _graph.Node($"{layer}.weights", "Mul", weights, visible);
        string found = _graph.ProductByRow($"{layer}.found", weights, value, _candidates, rank: 4);          // [g, h, q, d / h]
        found = _graph.Node($"{layer}.found.by_row", "Transpose", found);
        _graph.Attribute("perm", 0, 2, 1, 3);
        found = _graph.Node($"{layer}.found.joined", "Reshape", found, _graph.Integers(0, 0, _dimension));   // [g, q, d]
        return Linear($"{layer}.output", found);
    }

    /// <summary>Adds the distances of the most recent event from all others, [h, 1, l], and which of them it sees, [g, 1, 1, l].</summary>
    private (string Distance, string Visible) FromTheMostRecent(string layer, string mask)
    {
        string length = _graph.Node($"{layer}.length", "Shape", _history);
        _graph.Attribute("start", 1L);                                                                       // [1]
        string distance = _graph.Node(
            $"{layer}.distances", "Slice", Tensor($"{layer}.distance"), _graph.Integers(0), length, _graph.Integers(1));
        return (_graph.Node($"{layer}.distances.row", "Unsqueeze", distance, _graph.Integers(1)), mask);
    }

    /// <summary>Adds the distances of each event from all others, [h, l, l], and which of them it sees, [g, 1, l, l]: itself and what came before.</summary>
    private (string Distance, string Visible) FromEach(string layer, string mask)
    {
        const string Causal = "history.causal";
        const string Offsets = "history.offsets";
        if (!_graph.Has(Causal))
        {
            string length = _graph.Node("history.length", "Shape", _history);
            _graph.Attribute("start", 1L);                                                                   // [1]
            string end = _graph.Node("history.end", "Squeeze", length, _graph.Integers(0));
            string start = _graph.Node("history.start", "Sub", end, end);
            string step = _graph.Node("history.step", "Squeeze", _graph.Integers(1), _graph.Integers(0));
            string places = _graph.Node("history.places", "Range", start, end, step);                        // [l]
            string back = _graph.Node(
                "history.back", "Sub", places, _graph.Node("history.places.column", "Unsqueeze", places, _graph.Integers(1))); // [l, l]: j - i
            _graph.Node(Offsets, "Max", back, _graph.Integers(0));
            string isBefore = _graph.Node("history.is_before", "GreaterOrEqual", back, _graph.Integers(0));
            _graph.Cast(Causal, isBefore, DataType.Float);
        }

        string distance = _graph.Node($"{layer}.distances", "Gather", Tensor($"{layer}.distance"), Offsets);
        _graph.Attribute("axis", 1L);                                                                        // [h, l, l]
        return (distance, _graph.Node($"{layer}.visible", "Mul", mask, Causal));
    }

    private string Heads(string name, string x, params ReadOnlySpan<long> order)
    {
        int size = _dimension / _architecture.NumberOfHeads;
        string divided = _graph.Node($"{name}.divided", "Reshape", x, _graph.Integers(0, 0, _architecture.NumberOfHeads, size));
        string heads = _graph.Node($"{name}.heads", "Transpose", divided);
        _graph.Attribute("perm", order);
        return heads;
    }

    private string First(string name, string x) =>
        _graph.Node(name, "Slice", x, _graph.Integers(0), _graph.Integers(1), _graph.Integers(1));           // [g, 1, d]

    private string Linear(string layer, string x) =>
        _graph.Node($"{layer}.sum", "Add", _graph.Node($"{layer}.linear", "MatMul", x, Tensor($"{layer}.weight")), Tensor($"{layer}.bias"));

    // Over the last axis, with 1e-5 added to the variance: both are the operator's defaults.
    private string Norm(string layer, string x) =>
        _graph.Node($"{layer}.norm", "LayerNormalization", x, Tensor($"{layer}.norm.scale"), Tensor($"{layer}.norm.shift"));

    private string Tensor(string name)
    {
        TensorShape shape = _parameters.TensorShapes.First(tensor => tensor.Name == name);
        return _graph.Constant(name, _parameters[name].Span, [.. shape.Dimensions]);
    }

    /// <summary>sqrt(d) times the embeddings, row 0, the padding, zero whatever training left there.</summary>
    private float[] ScaledEmbeddings()
    {
        ReadOnlySpan<float> table = _parameters["item.embedding"].Span;
        float[] values = new float[table.Length];
        TensorPrimitives.Multiply(table, GetScale(_dimension), values);
        values.AsSpan(0, _dimension).Clear();
        return values;
    }
}
