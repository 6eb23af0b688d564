using System.Globalization;
using DCCL.ML.Model;
using DCCL.ML.Onnx.Proto;
using static DCCL.ML.Onnx.Proto.TensorProto.Types;

namespace DCCL.ML.Onnx;

/// <summary>Builds the scoring graph that leaves the house: <see cref="ModelGraph"/> with what clients on devices need besides.</summary>
/// <remarks>
/// Beyond the inputs and outputs of <see cref="ModelGraph"/>: ids may be raw; an unknown item has the score NaN, whoever runs the graph;
/// and what the training step takes in is given out, the activation before the first patched layer's patch, with the item's factors behind
/// it if patches weigh them, and the logit's share that bypasses the layers.
/// </remarks>
internal static class DeviceGraph
{
    public const string ActivationOutput = "activation";
    public const string OffsetOutput = "offset";

    /// <summary>What is built.</summary>
    /// <param name="Ids">The vocabulary to put inside; null for key values as inputs.</param>
    /// <param name="VocabularyHash">The hash of the model's vocabulary.</param>
    /// <param name="RequiresPatch">Whether the patch has no default.</param>
    /// <param name="Baked">The one patch that takes the place of the input; null for an input.</param>
    /// <param name="HasLabels">Whether the model was trained with labelled events.</param>
    /// <param name="IsHalf">Whether weights are float16.</param>
    public sealed record Options(
        IReadOnlyList<string>? Ids, string VocabularyHash, bool RequiresPatch, float[]? Baked, bool HasLabels, bool IsHalf);

    /// <summary>Gets the layer whose activation a training step starts from.</summary>
    public static int GetFirstLayer(PatchArchitecture patch) => patch.Layers.Count == 0 ? 0 : patch.Layers[0];

    /// <summary>Gets the length of what a training step sees of a sample: that layer's activation and, behind it, the item's factors.</summary>
    public static int GetWidth(PatchArchitecture patch, BackboneArchitecture backbone) =>
        backbone.PatchableLayerSizes[GetFirstLayer(patch)] + patch.NumberOfItemFactors;

    /// <summary>Builds the graph.</summary>
    public static ModelProto Build(DeviceCloudModelParameters parameters, Options options)
    {
        GraphBuilder graph = new();
        VocabularyNodes vocabulary = new(graph, options.Ids);
        string item = vocabulary.Input(ModelGraph.ItemInput, "groups", "candidates");
        string history = vocabulary.Input(ModelGraph.HistoryInput, "groups", "length");
        if (parameters.Architecture.ProfileDimension is > 0 and int profile)
        {
            graph.Input(ModelGraph.ProfileInput, DataType.Float, "groups", profile.ToString(CultureInfo.InvariantCulture));
        }

        PatchNodes? patches = AddPatch(graph, parameters, options);
        string? first = null;
        (string logit, string offset) = ModelGraph.AddBackbone(graph, parameters, CandidateShape.Any, AfterActivation, item, history);
        logit = patches?.AddToLogit(logit, item) ?? logit;
        string known = graph.Node("item.known", "Greater", item, graph.Integers(0));
        graph.Node(ModelGraph.ScoreOutput, "Where", known, logit, graph.Number(float.NaN));
        graph.Node(ModelGraph.ProbabilityOutput, "Sigmoid", ModelGraph.ScoreOutput);
        graph.Output(ModelGraph.ScoreOutput, DataType.Float, "groups", "candidates");
        graph.Output(ModelGraph.ProbabilityOutput, DataType.Float, "groups", "candidates");
        if (first is not null)
        {
            PatchArchitecture patch = parameters.Patch!;
            if (patch.NumberOfItemFactors == 0)
            {
                graph.Node(ActivationOutput, "Identity", first);
            }
            else
            {
                graph.Node(ActivationOutput, "Concat", first, patches!.Factors(item));
                graph.Attribute("axis", 2L);
            }

            graph.Node(OffsetOutput, "Identity", offset);
            graph.Output(ActivationOutput, DataType.Float, "groups", "candidates", GetWidth(patch, parameters.Architecture).ToString(CultureInfo.InvariantCulture));
            graph.Output(OffsetOutput, DataType.Float, "groups", "candidates");
        }

        ModelProto model = graph.ToModel(Describe(parameters, options, vocabulary));
        if (options.IsHalf)
        {
            HalfPrecision.Convert(model.Graph);
        }

        return model;

        string AfterActivation(int layer, string activation)
        {
            if (parameters.Patch is not null && options.Baked is null && layer == GetFirstLayer(parameters.Patch))
            {
                first = activation;
            }

            return patches?.AfterActivation(layer, activation) ?? activation;
        }
    }

    private static PatchNodes? AddPatch(GraphBuilder graph, DeviceCloudModelParameters parameters, Options options)
    {
        if (parameters.Patch is not PatchArchitecture patch)
        {
            return null;
        }

        if (options.Baked is null)
        {
            graph.Input(ModelGraph.PatchInput, DataType.Float, "patches", patch.PatchSize.ToString(CultureInfo.InvariantCulture));
            if (!options.RequiresPatch)
            {
                graph.DefaultOf(ModelGraph.PatchInput, new float[patch.PatchSize], 1, patch.PatchSize);
            }
        }

        return new PatchNodes(graph, parameters, patch, CandidateShape.Any, options.Baked);
    }

    private static Dictionary<string, string> Describe(DeviceCloudModelParameters parameters, Options options, VocabularyNodes vocabulary) =>
        new(ModelGraph.DescribeModel(parameters))
        {
            [GraphMetadata.Kind] = GraphMetadata.ModelKind,
            [GraphMetadata.Vocabulary] = options.VocabularyHash,
            [GraphMetadata.Ids] = vocabulary.Ids,
            [GraphMetadata.Padding] = vocabulary.Padding,
            [GraphMetadata.Patch] = parameters.Patch is null ? GraphMetadata.NoPatch
                : options.Baked is not null ? GraphMetadata.BakedPatch
                : options.RequiresPatch ? GraphMetadata.RequiredPatch
                : GraphMetadata.OptionalPatch,
            [GraphMetadata.Weights] = options.IsHalf ? "float16" : "float32",
            [GraphMetadata.Negatives] = options.HasLabels ? GraphMetadata.LabelledNegatives : GraphMetadata.SampledNegatives,
        };
}
