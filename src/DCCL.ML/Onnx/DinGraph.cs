using System.Globalization;
using DCCL.ML.Model;
using static DCCL.ML.Onnx.WeightArithmetic;

namespace DCCL.ML.Onnx;

/// <summary>Adds a Deep Interest Network to a graph: <see cref="DinArchitecture"/> has the equations.</summary>
/// <remarks>
/// Nothing is computed twice: what depends only on the group (history, profile) is computed once
/// per group, what depends on the target once per candidate. In shape comments g is groups, c candidates, l history length,
/// d the embedding dimension, a the activation unit's size, n a hidden layer's size.
/// </remarks>
internal sealed class DinGraph
{
    /// <summary>The number of candidates of one group from which on its maps pay: they cost what some fifty candidates save, measured.</summary>
    public const int ManyCandidates = 48;

    private readonly GraphBuilder _graph;
    private readonly DeviceCloudModelParameters _parameters;
    private readonly DinArchitecture _din;
    private readonly CandidateShape _candidates;
    private readonly string _item;
    private readonly string _history;

    /// <param name="graph">The graph that receives the nodes.</param>
    /// <param name="parameters">The model.</param>
    /// <param name="architecture">The model's architecture.</param>
    /// <param name="candidates">For which shapes it is; many candidates go through <see cref="DinAttentionMaps"/>.</param>
    /// <param name="item">The candidates' key values, [g, c].</param>
    /// <param name="history">The key values of the histories, [g, l].</param>
    public DinGraph(
        GraphBuilder graph,
        DeviceCloudModelParameters parameters,
        DinArchitecture architecture,
        CandidateShape candidates,
        string item = ModelGraph.ItemInput,
        string history = ModelGraph.HistoryInput)
    {
        _item = item;
        _history = history;
        _candidates = candidates;
        _graph = graph;
        _parameters = parameters;
        _din = architecture;
    }

    /// <summary>Adds the nodes.</summary>
    /// <param name="afterActivation">
    /// Called with the index and the activation of each hidden layer; gives back what the next layer sees.
    /// </param>
    /// <returns>The logit, [g, c], and its share that bypasses the hidden layers, [g, c].</returns>
    public (string Logit, string Offset) Build(Func<int, string, string> afterActivation)
    {
        string embedding = _graph.Constant("item.embedding", EmbeddingsWithoutPadding(), _din.NumberOfItems + 1, _din.EmbeddingDimension);
        string target = _graph.Node("target", "Gather", embedding, _item); // [g, c, d]
        string events = _graph.Node("history.items", "Gather", embedding, _history); // [g, l, d]
        string mask = Mask(); // [g, l]
        string keys = AddRecency(events); // [g, l, d]
        string pooled = _candidates switch
        {
            CandidateShape.Many => PoolForMany(),
            CandidateShape.Few => PoolForFew(),
            _ => _graph.If("pooled.any", HasManyCandidates(), PoolForMany, PoolForFew, "groups", "candidates", _din.EmbeddingDimension.ToString(CultureInfo.InvariantCulture)),
        }; // [g, c, d]
        string mean = Mean(events, mask); // [g, d]

        string PoolForMany() => new DinAttentionMaps(_graph, _parameters, _din).Pool(keys, target, mask);
        string PoolForFew() => Product("pooled", AttentionWeights(keys, target, mask), keys);

        string hidden = afterActivation(0, Activation("hidden.0", FirstHiddenLayer(pooled, target, mean)));
        for (int layer = 1; layer < _din.HiddenLayerSizes.Count; layer++)
        {
            string name = $"hidden.{layer}";
            string product = _graph.Node($"{name}.product", "MatMul", hidden, Tensor($"{name}.weight"));
            string sum = _graph.Node($"{name}.sum", "Add", product, Tensor($"{name}.bias"));
            hidden = afterActivation(layer, Activation(name, sum)); // [g, c, n]
        }

        ReadOnlySpan<float> weights = _parameters["output.weight"].Span;
        string output = _graph.Node(
            "output.product", "MatMul", hidden, _graph.Constant("output.weight", weights, weights.Length, 1)); // [g, c, 1]
        output = _graph.Node("output.squeezed", "Squeeze", output, _graph.Integers(2)); // [g, c]
        output = _graph.Node("output.sum", "Add", output, Tensor("output.bias"));
        string bias = _graph.Node("item.bias.target", "Gather", Tensor("item.bias"), _item); // [g, c]
        return (_graph.Node("logit", "Add", output, bias), bias);
    }

    /// <summary>Adds whether there is one group with so many candidates that maps of its history pay.</summary>
    private string HasManyCandidates()
    {
        string candidates = _graph.Node("item.candidates", "Shape", _item);
        _graph.Attribute("start", 1L);
        string groups = _graph.Node("item.groups", "Shape", _item);
        _graph.Attribute("end", 1L);
        string many = _graph.Node("candidates.many", "Greater", candidates, _graph.Integers(ManyCandidates - 1));
        return _graph.Node("candidates.many.of_one", "And", many, _graph.Node("groups.one", "Equal", groups, _graph.Integers(1)));
    }

    private string Mask()
    {
        string zero = _graph.Integers(0);
        string known = _graph.Node("history.known", "Greater", _history, zero);
        string mask = _graph.Node("history.mask", "Cast", known);
        _graph.Attribute("to", (long)Proto.TensorProto.Types.DataType.Float);
        return mask;
    }

    private string AddRecency(string events)
    {
        string length = _graph.Node("history.length", "Shape", _history); // [1]
        _graph.Attribute("start", 1L);
        string recency = _graph.Node(
            "recency", "Slice", Tensor("recency.embedding"), _graph.Integers(0), length, _graph.Integers(0)); // [l, d]
        return _graph.Node("history.keys", "Add", events, recency);
    }

    private string Mean(string events, string mask)
    {
        string row = _graph.Node("history.mask.row", "Unsqueeze", mask, _graph.Integers(1)); // [g, 1, l]
        string sum = Product("history.sum.row", row, events); // ReduceSum of ONNX Runtime 1.31 adds in another order where there is one group only
        sum = _graph.Node("history.sum", "Squeeze", sum, _graph.Integers(1)); // [g, d]
        string count = _graph.Node("history.count", "ReduceSum", mask, _graph.Integers(1)); // [g, 1]
        string divisor = _graph.Node("history.divisor", "Max", count, _graph.Number(1));
        return _graph.Node("history.mean", "Div", sum, divisor);
    }

    // ---- the activation unit -----------------------------------------------------------------------------------

    private string AttentionWeights(string keys, string target, string mask)
    {
        string scores = AttentionScores(keys, target); // [g, c, l]
        string candidateMask = _graph.Node("attention.mask", "Unsqueeze", mask, _graph.Integers(1)); // [g, 1, l]
        if (_din.AttentionWeights == Model.AttentionWeights.Softmax)
        {
            string minusOne = _graph.Node("attention.mask.minus_one", "Sub", candidateMask, _graph.Number(1));
            string penalty = _graph.Node("attention.penalty", "Mul", minusOne, _graph.Number(1e9f));
            scores = _graph.Node("attention.scores.masked", "Add", scores, penalty);
            scores = _graph.Node("attention.softmax", "Softmax", scores);
            _graph.Attribute("axis", -1L);
        }

        // After the softmax too: an empty history pools to exactly zero.
        return _graph.Node("attention.weights", "Mul", scores, candidateMask);
    }

    /// <summary>Adds s_j, apart from what is the same for all j where a softmax follows.</summary>
    /// <remarks>
    /// [g, c, l, a] is by far the largest value of the graph, so the number of passes over it is what scoring costs. Both
    /// activation functions are <c>slope x + (1 - slope) r(x)</c>, and <c>slope x</c> is linear: its product with the output
    /// weights folds into vectors of length d at export. That leaves two additions, r, and the product with the output
    /// weights, which ONNX Runtime 1.31 computes several times faster from a matrix [a, 1] than from a vector [a].
    /// </remarks>
    private string AttentionScores(string keys, string target)
    {
        string keysPerCandidate = _graph.Node("attention.keys", "Unsqueeze", keys, _graph.Integers(1)); // [g, 1, l, d]
        string targetPerEvent = _graph.Node("attention.target", "Unsqueeze", target, _graph.Integers(2)); // [g, c, 1, d]
        string product = _graph.Node("attention.product", "Mul", keysPerCandidate, targetPerEvent); // [g, c, l, d]
        string sum = _graph.Node("attention.product.linear", "MatMul", product, Tensor("attention.product.weight")); // [g, c, l, a]
        string history = _graph.Node(
            "attention.history.linear", "MatMul", keysPerCandidate, Tensor("attention.history.weight")); // [g, 1, l, a]
        string candidate = _graph.Node(
            "attention.target.linear", "MatMul", targetPerEvent, Tensor("attention.target.weight")); // [g, c, 1, a]
        candidate = _graph.Node("attention.target.sum", "Add", candidate, Tensor("attention.bias"));
        sum = _graph.Node("attention.sum.history", "Add", sum, history);
        sum = _graph.Node("attention.sum", "Add", sum, candidate); // [g, c, l, a]

        float[] sloped = Scale(_parameters["attention.output.weight"].Span, _parameters["attention.slope"].Span);
        float[] rest = Scale(_parameters["attention.output.weight"].Span, OneMinus(_parameters["attention.slope"].Span));
        string bent = _graph.Node(
            "attention.bent", "MatMul", Bend("attention", sum), _graph.Constant(
                "attention.output.bent", rest, rest.Length, 1)); // [g, c, l, 1]
        bent = _graph.Node("attention.bent.scores", "Squeeze", bent, _graph.Integers(3)); // [g, c, l]
        return _graph.Node("attention.scores", "Add", bent, LinearScores(keys, target, sloped));
    }

    /// <summary>
    /// Adds (k_j W_history + (k_j * t) W_product) . w = k_j . (W_history w + t * W_product w), and the rest if it counts.
    /// </summary>
    private string LinearScores(string keys, string target, ReadOnlySpan<float> w)
    {
        int d = _din.EmbeddingDimension;
        string ofProduct = _graph.Constant("attention.query.product", Fold("attention.product.weight", w), d);
        string ofHistory = _graph.Constant("attention.query.history", Fold("attention.history.weight", w), d);
        string query = _graph.Node(
            "attention.query", "Add", _graph.Node("attention.query.target", "Mul", target, ofProduct), ofHistory); // [g, c, d]
        string transposed = _graph.Node("attention.keys.transposed", "Transpose", keys);
        _graph.Attribute("perm", 0, 2, 1); // [g, d, l]
        string scores = Product("attention.linear.scores", query, transposed); // [g, c, l]
        if (_din.AttentionWeights == Model.AttentionWeights.Softmax)
        {
            return scores; // a softmax does not see what is the same for all events
        }

        float constant = Fold("attention.bias", w)[0] + _parameters["attention.output.bias"].Span[0];
        string ofTarget = _graph.Constant("attention.common.weight", Fold("attention.target.weight", w), d, 1);
        string common = _graph.Node("attention.common.target", "MatMul", target, ofTarget);
        common = _graph.Node("attention.common", "Add", common, _graph.Constant("attention.common.bias", [constant], 1)); // [g, c, 1]
        return _graph.Node("attention.linear.sum", "Add", scores, common);
    }

    // ---- the hidden layers -------------------------------------------------------------------------------------

    private string FirstHiddenLayer(string pooled, string target, string mean)
    {
        int d = _din.EmbeddingDimension;
        string product = _graph.Node("pooled.target", "Mul", pooled, target); // [g, c, d]
        string pair = _graph.Node("hidden.0.pair", "Concat", pooled, target, product); // [g, c, 3 d]: one product instead of three is faster
        _graph.Attribute("axis", 2L);
        string perCandidate = _graph.Node("hidden.0.candidate", "MatMul", pair, Rows("pair", 0, 3 * d)); // [g, c, n]

        string perGroup = _graph.Node("hidden.0.mean", "MatMul", mean, Rows("mean", 3 * d, d)); // [g, n]
        perGroup = _graph.Node("hidden.0.mean_bias", "Add", perGroup, Tensor("hidden.0.bias"));
        if (_din.ProfileDimension > 0)
        {
            string profile = _graph.Node(
                "hidden.0.profile", "MatMul", ModelGraph.ProfileInput, Rows("profile", 4 * d, _din.ProfileDimension));
            perGroup = _graph.Node("hidden.0.group", "Add", perGroup, profile);
        }

        perGroup = _graph.Node("hidden.0.group.expanded", "Unsqueeze", perGroup, _graph.Integers(1)); // [g, 1, n]
        return _graph.Node("hidden.0.sum", "Add", perCandidate, perGroup);
    }

    /// <summary>A block of rows of the first hidden layer's weights: the part that one of its inputs is multiplied by.</summary>
    private string Rows(string input, int start, int count)
    {
        int size = _din.HiddenLayerSizes[0];
        return _graph.Constant(
            $"hidden.0.weight.{input}", _parameters["hidden.0.weight"].Span.Slice(start * size, count * size), count, size);
    }

    // ---- activation functions: slope x + (1 - slope) r(x) ----------------------------------------------------------

    private string Activation(string layer, string input)
    {
        string bent = Bend(layer, input);
        string slope = Tensor($"{layer}.slope");
        if (_din.Activation == DinActivation.PRelu)
        {
            // max(x, 0) + slope min(x, 0), exact on both sides; the PRelu operator of ONNX Runtime 1.31 is many times slower.
            string negative = _graph.Node($"{layer}.negative", "Sub", input, bent);
            negative = _graph.Node($"{layer}.negative.scaled", "Mul", negative, slope);
            return _graph.Node($"{layer}.activation", "Add", bent, negative);
        }

        float[] rest = OneMinus(_parameters[$"{layer}.slope"].Span);
        bent = _graph.Node($"{layer}.bent.scaled", "Mul", bent, _graph.Constant($"{layer}.one_minus_slope", rest, rest.Length));
        return _graph.Node($"{layer}.activation", "Add", bent, _graph.Node($"{layer}.linear", "Mul", input, slope));
    }

    /// <summary>Adds r: the rectifier for PReLU, x times its gate for Dice.</summary>
    private string Bend(string layer, string input)
    {
        if (_din.Activation == DinActivation.PRelu)
        {
            return _graph.Node($"{layer}.bend", "Relu", input);
        }

        (float[] scale, float[] shift) = Standardize(_parameters[$"{layer}.mean"].Span, _parameters[$"{layer}.variance"].Span);
        string gate = _graph.Node($"{layer}.scaled", "Mul", input, _graph.Constant($"{layer}.scale", scale, scale.Length));
        gate = _graph.Node($"{layer}.shifted", "Add", gate, _graph.Constant($"{layer}.shift", shift, shift.Length));
        gate = _graph.Node($"{layer}.gate", "Sigmoid", gate);
        return _graph.Node($"{layer}.bend", "Mul", input, gate);
    }

    // ---- constants ---------------------------------------------------------------------------------------------------

    private string Tensor(string name)
    {
        TensorShape shape = _parameters.TensorShapes.First(tensor => tensor.Name == name);
        return _graph.Constant(name, _parameters[name].Span, [.. shape.Dimensions]);
    }

    /// <summary>The embeddings with row 0, the padding, set to zero, whatever training left there.</summary>
    private float[] EmbeddingsWithoutPadding()
    {
        float[] values = _parameters["item.embedding"].ToArray();
        values.AsSpan(0, _din.EmbeddingDimension).Clear();
        return values;
    }

    private float[] Fold(string matrix, ReadOnlySpan<float> vector) => Multiply(_parameters[matrix].Span, vector);

    private string Product(string name, string left, string right) => _graph.ProductByRow(name, left, right, _candidates);
}
