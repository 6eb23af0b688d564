using DCCL.ML.Onnx.Proto;

namespace DCCL.ML.Onnx;

/// <summary>Cuts a graph in two: what does not depend on one of its inputs, and the rest, run for many values of that input.</summary>
/// <remarks>Values that cross the cut must be floats, and computed: no input of the graph may cross as it is.</remarks>
internal static class GraphCut
{
    /// <summary>Cuts a graph.</summary>
    /// <param name="model">The graph; nodes in order of evaluation.</param>
    /// <param name="input">The input that varies.</param>
    /// <param name="output">The output that is wanted; nodes that only others need are left out.</param>
    /// <returns>
    /// The graph without <paramref name="input"/>, and the graph whose inputs are <paramref name="input"/> and all outputs of the first.
    /// </returns>
    public static (ModelProto Before, ModelProto After) Cut(ModelProto model, string input, string output)
    {
        List<NodeProto> needed = GetNeeded(model.Graph, output);
        HashSet<string> varying = [input];
        HashSet<string> computed = [];
        HashSet<string> crossing = [];
        GraphProto before = new() { Name = model.Graph.Name + ".before" };
        GraphProto after = new() { Name = model.Graph.Name + ".after" };
        foreach (NodeProto node in needed)
        {
            if (node.Input.Any(varying.Contains))
            {
                after.Node.Add(node);
                varying.UnionWith(node.Output);
                crossing.UnionWith(node.Input.Where(computed.Contains));
            }
            else
            {
                before.Node.Add(node);
                computed.UnionWith(node.Output);
            }
        }

        before.Output.AddRange(needed.SelectMany(node => node.Output).Where(crossing.Contains).Select(CreateFloat));
        after.Output.Add(model.Graph.Output.First(value => value.Name == output));
        before.Input.AddRange(model.Graph.Input.Where(value => value.Name != input));
        after.Input.AddRange(model.Graph.Input.Where(value => value.Name == input));
        after.Input.AddRange(before.Output);
        AddInitializers(model.Graph, before);
        AddInitializers(model.Graph, after);
        return (Wrap(model, before), Wrap(model, after));
    }

    private static List<NodeProto> GetNeeded(GraphProto graph, string output)
    {
        HashSet<string> needed = [output];
        List<NodeProto> nodes = [];
        foreach (NodeProto node in graph.Node.Reverse())
        {
            if (node.Output.Any(needed.Contains))
            {
                nodes.Add(node);
                needed.UnionWith(node.Input);
            }
        }

        nodes.Reverse();
        return nodes;
    }

    private static void AddInitializers(GraphProto from, GraphProto to)
    {
        HashSet<string> used = [.. to.Node.SelectMany(node => node.Input)];
        to.Initializer.AddRange(from.Initializer.Where(tensor => used.Contains(tensor.Name)));
    }

    private static ValueInfoProto CreateFloat(string name) => new()
    {
        Name = name,
        Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)TensorProto.Types.DataType.Float } },
    };

    private static ModelProto Wrap(ModelProto model, GraphProto graph) => new()
    {
        IrVersion = model.IrVersion,
        ProducerName = model.ProducerName,
        Graph = graph,
        OpsetImport = { model.OpsetImport },
    };
}
