using DCCL.ML.Model;

namespace DCCL.ML.Onnx;

/// <summary>The product of user vector and target that a patch of a SASRec moves, forwards and backwards.</summary>
internal sealed class SasRecDecoderNodes(GraphBuilder graph, DeviceCloudModelParameters parameters, SasRecArchitecture architecture) : IDecoderNodes
{
    private readonly int _dimension = architecture.EmbeddingDimension;
    private string? _pair;

    public string Forward(int layer, string input) => throw NoSuchLayer(layer);

    public string Backward(int layer, string slope) => throw NoSuchLayer(layer);

    public string Logit(string input)
    {
        _pair = input;
        string product = graph.Node("pair.product", "Mul", User(input), Target(input));                      // [s, d]
        string sum = graph.Node("pair.sum", "ReduceSum", product, graph.Integers(1));                        // [s, 1]
        sum = graph.Node("pair.scaled", "Mul", sum, graph.Number(SasRecGraph.GetScale(1.0 / _dimension)));
        return graph.Node("output.sum", "Add", sum, graph.Constant("output.bias", parameters["output.bias"].Span, 1));
    }

    // The derivative of u . t by (u, t) is (t, u).
    public string LogitBackward(string slope)
    {
        string swapped = graph.Node("pair.swapped", "Concat", Target(_pair!), User(_pair!));                 // [s, 2 d]
        graph.Attribute("axis", 1L);
        string scaled = graph.Node("pair.backward.scaled", "Mul", slope, graph.Number(SasRecGraph.GetScale(1.0 / _dimension)));
        return graph.Node("pair.backward", "Mul", swapped, scaled);
    }

    private string User(string pair) => Half("pair.user", pair, 0);

    private string Target(string pair) => Half("pair.target", pair, _dimension);

    private string Half(string name, string pair, int start) => graph.Has(name)
        ? name
        : graph.Node(name, "Slice", pair, graph.Integers(start), graph.Integers(start + _dimension), graph.Integers(1));

    private static NotSupportedException NoSuchLayer(int layer) => new($"A SASRec has one patchable layer, 0, and no layer {layer}.");
}
