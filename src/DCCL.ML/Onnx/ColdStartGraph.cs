using System.Globalization;
using DCCL.ML.Model;
using DCCL.ML.Onnx.Proto;
using static DCCL.ML.Onnx.Proto.TensorProto.Types;

namespace DCCL.ML.Onnx;

/// <summary>Builds the small graph that predicts the patch of somebody who has never trained one: <see cref="PatchEncoder"/> at theta = 0.</summary>
/// <remarks>
/// V3 is applied to the items' embeddings when the graph is built, which makes the table as narrow as the encoder. Where there is
/// neither a profile nor a known item the patch is zero, the cloud model.
/// </remarks>
internal static class ColdStartGraph
{
    /// <summary>Builds the graph.</summary>
    /// <param name="parameters">A model with an encoder.</param>
    /// <param name="ids">The vocabulary to put inside; null for key values as inputs.</param>
    /// <param name="vocabularyHash">The hash of the model's vocabulary.</param>
    public static ModelProto Build(DeviceCloudModelParameters parameters, IReadOnlyList<string>? ids, string vocabularyHash)
    {
        GraphBuilder graph = new();
        VocabularyNodes vocabulary = new(graph, ids);
        int size = parameters.Patch!.PatchSize;
        int hiddenSize = parameters.Encoder!.HiddenSize;
        int profile = parameters.Architecture.ProfileDimension;
        string? presence = null;
        string sum;
        if (profile > 0)
        {
            graph.Input(ModelGraph.ProfileInput, DataType.Float, "groups", profile.ToString(CultureInfo.InvariantCulture));
            sum = graph.Node("user", "MatMul", ModelGraph.ProfileInput, graph.Constant("encoder.v3", parameters["encoder.v3"].Span, profile, hiddenSize));
        }
        else
        {
            (sum, presence) = AddHistory(graph, vocabulary, parameters, hiddenSize);
        }

        sum = graph.Node("hidden.sum", "Add", sum, graph.Constant("encoder.bias", parameters["encoder.bias"].Span, hiddenSize));
        string hidden = graph.Node("hidden", "Tanh", sum);                                                   // [g, h]
        string output = presence is null ? ModelGraph.PatchInput : "patch.predicted";
        graph.Node(output, "MatMul", hidden, graph.Constant("encoder.v1", parameters["encoder.v1"].Span, hiddenSize, size));
        if (presence is not null)
        {
            graph.Node(ModelGraph.PatchInput, "Mul", output, presence);
        }

        graph.Output(ModelGraph.PatchInput, DataType.Float, "groups", size.ToString(CultureInfo.InvariantCulture));
        return graph.ToModel(new Dictionary<string, string>(ModelGraph.DescribeModel(parameters))
        {
            [GraphMetadata.Kind] = GraphMetadata.ColdStartKind,
            [GraphMetadata.Vocabulary] = vocabularyHash,
            [GraphMetadata.Ids] = vocabulary.Ids,
            [GraphMetadata.Padding] = vocabulary.Padding,
        });
    }

    /// <summary>The tensors that the graph holds: of the items, their embeddings times V3 alone, and none where the profile speaks.</summary>
    public static IEnumerable<TensorShape> GetTensors(DeviceCloudModelParameters parameters)
    {
        PatchEncoderArchitecture encoder = parameters.Encoder!;
        IReadOnlyList<TensorShape> shapes = encoder.GetTensors(parameters.Architecture, parameters.Patch!);
        return parameters.Architecture.ProfileDimension > 0
            ? shapes
            : [.. shapes, new TensorShape("item.projection", [parameters.Architecture.NumberOfItems + 1, encoder.HiddenSize])];
    }

    // The mean over known items of embedding times V3, [g, h], and 1 for who has such items, else 0, [g, 1].
    private static (string Mean, string Presence) AddHistory(
        GraphBuilder graph, VocabularyNodes vocabulary, DeviceCloudModelParameters parameters, int hiddenSize)
    {
        string history = vocabulary.Input(ModelGraph.HistoryInput, "groups", "length");
        int items = parameters.Architecture.NumberOfItems;
        int dimension = parameters.Architecture.EmbeddingDimension;
        float[] table = new float[(items + 1) * hiddenSize];
        ReadOnlySpan<float> embedding = parameters["item.embedding"].Span;
        ReadOnlySpan<float> v3 = parameters["encoder.v3"].Span;
        for (int item = 1; item <= items; item++)
        {
            WeightArithmetic.Combine(embedding.Slice(item * dimension, dimension), v3).CopyTo(table, item * hiddenSize);
        }

        string rows = graph.Node("history.rows", "Gather", graph.Constant("item.projection", table, items + 1, hiddenSize), history); // [g, l, h]
        string total = graph.Node("history.total", "ReduceSum", rows, graph.Integers(1));
        graph.Attribute("keepdims", 0L);
        string known = graph.Node("history.known", "Greater", history, graph.Integers(0));
        string count = graph.Node("history.count", "ReduceSum", graph.Cast("history.mask", known, DataType.Float), graph.Integers(1)); // [g, 1]
        string mean = graph.Node("history.mean", "Div", total, graph.Node("history.divisor", "Max", count, graph.Number(1)));
        return (mean, graph.Node("history.presence", "Min", count, graph.Number(1)));
    }
}
