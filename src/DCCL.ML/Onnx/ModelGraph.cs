using System.Globalization;
using DCCL.ML.Model;
using DCCL.ML.Onnx.Proto;
using static DCCL.ML.Onnx.Proto.TensorProto.Types;

namespace DCCL.ML.Onnx;

/// <summary>Builds the scoring graph of a model: inputs, backbone, patches, outputs, metadata.</summary>
/// <remarks>
/// Inputs: item int64 [groups, candidates]; history int64 [groups, length], most recent first, 0 is padding; profile float
/// [groups, P] if the model has one; patch float [1 or groups, d] if the model has a basis. Outputs: score (the logit) and
/// probability, float [groups, candidates].
/// </remarks>
internal static class ModelGraph
{
    public const string ItemInput = "item";
    public const string HistoryInput = "history";
    public const string ProfileInput = "profile";
    public const string PatchInput = "patch";
    public const string ScoreOutput = "score";
    public const string ProbabilityOutput = "probability";

    /// <summary>The version of the graph's inputs, outputs and metadata.</summary>
    public const int FormatVersion = 1;

    /// <summary>Builds the graph.</summary>
    /// <param name="parameters">The model.</param>
    /// <param name="patchRequired">
    /// Whether the patch input must be fed. If not, it has a default of zeros, which JavaScript runtimes do not honour.
    /// </param>
    /// <returns>The model, ready to be written.</returns>
    public static ModelProto Build(DeviceCloudModelParameters parameters, bool patchRequired) =>
        Build(parameters, patchRequired, CandidateShape.Few);

    /// <summary>Builds the same function in two parts, for one group (groups = 1) with many candidates.</summary>
    /// <param name="parameters">The model.</param>
    /// <returns>
    /// The graph from history, profile and patch (optional) to values of its own, and the graph from these and the items to the
    /// score. The first is run once for the group, the second for one run of candidates after the other.
    /// </returns>
    public static (ModelProto Group, ModelProto Candidates) BuildForManyCandidates(DeviceCloudModelParameters parameters) =>
        GraphCut.Cut(Build(parameters, patchRequired: false, CandidateShape.Many), ItemInput, ScoreOutput);

    private static ModelProto Build(DeviceCloudModelParameters parameters, bool patchRequired, CandidateShape candidates)
    {
        GraphBuilder graph = new();
        graph.Input(ItemInput, DataType.Int64, "groups", "candidates");
        graph.Input(HistoryInput, DataType.Int64, "groups", "length");
        if (parameters.Architecture.ProfileDimension is > 0 and int profile)
        {
            graph.Input(ProfileInput, DataType.Float, "groups", profile.ToString(CultureInfo.InvariantCulture));
        }

        PatchNodes? patches = null;
        if (parameters.Patch is PatchArchitecture patch)
        {
            graph.Input(PatchInput, DataType.Float, "patches", patch.PatchSize.ToString(CultureInfo.InvariantCulture));
            if (!patchRequired)
            {
                graph.DefaultOf(PatchInput, new float[patch.PatchSize], 1, patch.PatchSize);
            }

            patches = new PatchNodes(graph, parameters, patch, candidates);
        }

        (string logit, _) = AddBackbone(
            graph, parameters, candidates, (layer, activation) => patches?.AfterActivation(layer, activation) ?? activation);
        logit = patches?.AddToLogit(logit, ItemInput) ?? logit;
        graph.Node(ScoreOutput, "Identity", logit);
        graph.Node(ProbabilityOutput, "Sigmoid", logit);
        graph.Output(ScoreOutput, DataType.Float, "groups", "candidates");
        graph.Output(ProbabilityOutput, DataType.Float, "groups", "candidates");
        return graph.ToModel(DescribeModel(parameters));
    }

    /// <summary>The one place that knows all kinds of backbones.</summary>
    /// <returns>The logit, and its share that bypasses the patchable layers.</returns>
    public static (string Logit, string Offset) AddBackbone(
        GraphBuilder graph,
        DeviceCloudModelParameters parameters,
        CandidateShape candidates,
        Func<int, string, string> afterActivation,
        string item = ItemInput,
        string history = HistoryInput) =>
        parameters.Architecture switch
        {
            DinArchitecture din => new DinGraph(graph, parameters, din, candidates, item, history).Build(afterActivation),
            SasRecArchitecture sasRec => new SasRecGraph(graph, parameters, sasRec, candidates, item, history).Build(afterActivation),
            BackboneArchitecture other => throw new NotSupportedException($"The architecture '{other.Name}' has no ONNX graph."),
        };

    /// <summary>What identifies a model in the metadata of each of its graphs.</summary>
    public static Dictionary<string, string> DescribeModel(DeviceCloudModelParameters parameters) => new()
    {
        [GraphMetadata.FormatVersion] = FormatVersion.ToString(CultureInfo.InvariantCulture),
        [GraphMetadata.Architecture] = ArchitectureText.Describe(parameters.Architecture, parameters.Patch, parameters.Encoder),
        [GraphMetadata.Fingerprint] = parameters.Fingerprint,
    };
}
