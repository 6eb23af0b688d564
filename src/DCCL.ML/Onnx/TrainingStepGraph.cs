using System.Globalization;
using DCCL.ML.Model;
using DCCL.ML.Onnx.Proto;
using static DCCL.ML.Onnx.Proto.TensorProto.Types;

namespace DCCL.ML.Onnx;

/// <summary>Builds a graph that does one step of Adam on a patch: learning on stock ONNX Runtime, with no training build of it.</summary>
/// <remarks>
/// <para>
/// The loss is the sum over samples of weight times cross-entropy, plus l2 / 2 |theta - start|^2, where the intercept has an l2 of its
/// own. The gradient is written out in plain operators. Samples come as what the scoring graph gives out as "activation" and "offset",
/// computed once, because no patch changes it.
/// </para>
/// <para>Source of the step: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.</para>
/// </remarks>
internal static class TrainingStepGraph
{
    public const string LabelInput = "label";
    public const string WeightInput = "weight";
    public const string StartInput = "start";
    public const string FirstMomentInput = "first_moment";
    public const string SecondMomentInput = "second_moment";
    public const string StepInput = "step";
    public const string LearningRateInput = "learning_rate";
    public const string L2Input = "l2";
    public const string InterceptL2Input = "intercept_l2";
    public const string NextPatchOutput = "next_patch";
    public const string NextFirstMomentOutput = "next_first_moment";
    public const string NextSecondMomentOutput = "next_second_moment";
    public const string LossOutput = "loss";

    private const double FirstDecay = 0.9;
    private const double SecondDecay = 0.999;
    private const float Epsilon = 1e-8f;

    /// <summary>Builds the graph.</summary>
    /// <param name="parameters">A model with a basis.</param>
    public static ModelProto Build(DeviceCloudModelParameters parameters)
    {
        PatchArchitecture patch = parameters.Patch
            ?? throw new ArgumentException("The model must have a patch basis, but has none. Run MetaPatch first.", nameof(parameters));
        GraphBuilder graph = new();
        AddInputs(graph, parameters, patch);
        PatchStepNodes patches = new(graph, parameters, patch);
        string slope = AddForward(graph, parameters, patch, patches, out string loss, out Action<string> backward);
        backward(slope);
        AddStep(graph, patches, patches.Gradient(slope), loss);
        string size = patch.PatchSize.ToString(CultureInfo.InvariantCulture);
        foreach (string output in (string[])[NextPatchOutput, NextFirstMomentOutput, NextSecondMomentOutput])
        {
            graph.Output(output, DataType.Float, "1", size);
        }

        graph.Output(LossOutput, DataType.Float, "1");
        graph.Output(ModelGraph.ScoreOutput, DataType.Float, "samples");
        graph.Prune(); // nothing before the first patch asks for its derivative
        return graph.ToModel(new Dictionary<string, string>(ModelGraph.DescribeModel(parameters))
        {
            [GraphMetadata.Kind] = GraphMetadata.TrainingStepKind,
        });
    }

    private static void AddInputs(GraphBuilder graph, DeviceCloudModelParameters parameters, PatchArchitecture patch)
    {
        string width = DeviceGraph.GetWidth(patch, parameters.Architecture).ToString(CultureInfo.InvariantCulture);
        graph.Input(DeviceGraph.ActivationOutput, DataType.Float, "samples", width);
        foreach (string input in (string[])[DeviceGraph.OffsetOutput, LabelInput, WeightInput])
        {
            graph.Input(input, DataType.Float, "samples");
        }

        string size = patch.PatchSize.ToString(CultureInfo.InvariantCulture);
        foreach (string input in (string[])[ModelGraph.PatchInput, StartInput, FirstMomentInput, SecondMomentInput])
        {
            graph.Input(input, DataType.Float, "1", size);
        }

        foreach (string input in (string[])[StepInput, LearningRateInput, L2Input, InterceptL2Input])
        {
            graph.Input(input, DataType.Float, "1");
        }
    }

    // Adds the logits and the cross-entropy; gives back its derivative by the logits, and what continues it to the patches.
    private static string AddForward(
        GraphBuilder graph, DeviceCloudModelParameters parameters, PatchArchitecture patch, PatchStepNodes patches,
        out string loss, out Action<string> backward)
    {
        IDecoderNodes decoder = parameters.Architecture switch
        {
            DinArchitecture din => new DinDecoderNodes(graph, parameters, din),
            SasRecArchitecture sasRec => new SasRecDecoderNodes(graph, parameters, sasRec),
            BackboneArchitecture other => throw new NotSupportedException($"The architecture '{other.Name}' has no training step."),
        };
        int first = DeviceGraph.GetFirstLayer(patch);
        int count = parameters.Architecture.PatchableLayerSizes.Count;
        string[] activations = new string[count];
        string value = patches.Activation(DeviceGraph.ActivationOutput);
        for (int layer = first; layer < count; layer++)
        {
            activations[layer] = layer == first ? value : decoder.Forward(layer, value);
            value = patches.IsPatched(layer) ? patches.Forward(layer, activations[layer]) : activations[layer];
        }

        string logit = graph.Node("logit.layers", "Squeeze", decoder.Logit(value), graph.Integers(1));       // [s]
        logit = graph.Node("logit", "Add", logit, DeviceGraph.OffsetOutput);
        logit = patches.AddFactors(logit, DeviceGraph.ActivationOutput);
        string intercept = graph.Node(
            "patch.intercept", "Slice", ModelGraph.PatchInput, graph.Integers(0), graph.Integers(1), graph.Integers(1));
        intercept = graph.Node("patch.intercept.flat", "Reshape", intercept, graph.Integers(1));
        logit = graph.Node(ModelGraph.ScoreOutput, "Add", logit, intercept);                                 // [s]

        // Of a logit x and a label y the cross-entropy is softplus(x) - x y, and its derivative sigmoid(x) - y.
        string entropy = graph.Node("loss.softplus", "Softplus", logit);
        entropy = graph.Node("loss.entropy", "Sub", entropy, graph.Node("loss.labelled", "Mul", logit, LabelInput));
        entropy = graph.Node("loss.weighted", "Mul", entropy, WeightInput);
        loss = graph.Node("loss.sum", "ReduceSum", entropy, graph.Integers(0));                              // [1]
        string slope = graph.Node("slope.probability", "Sigmoid", logit);
        slope = graph.Node("slope.difference", "Sub", slope, LabelInput);
        slope = graph.Node("slope.weighted", "Mul", slope, WeightInput);
        slope = graph.Node("slope", "Unsqueeze", slope, graph.Integers(1));                                  // [s, 1]
        backward = start =>
        {
            string current = decoder.LogitBackward(start);
            for (int layer = count - 1; layer >= first; layer--)
            {
                current = patches.IsPatched(layer) ? patches.Backward(layer, activations[layer], current) : current;
                current = layer > first ? decoder.Backward(layer, current) : current;
            }
        };
        return slope;
    }

    private static void AddStep(GraphBuilder graph, PatchStepNodes patches, string gradient, string loss)
    {
        string strength = graph.Node(
            "l2.strength", "Add", graph.Node("l2.intercept", "Mul", patches.First, InterceptL2Input), graph.Node("l2.others", "Mul", patches.Others, L2Input));
        string distance = graph.Node("l2.distance", "Sub", ModelGraph.PatchInput, StartInput);
        string pull = graph.Node("l2.pull", "Mul", distance, strength);                                      // [1, d]
        string penalty = graph.Node("l2.squares", "Mul", graph.Node("l2.half", "Mul", pull, graph.Number(0.5f)), distance);
        penalty = graph.Node("l2.sum", "ReduceSum", penalty, graph.Integers(0, 1));
        graph.Attribute("keepdims", 0L);
        graph.Node(LossOutput, "Add", loss, penalty);

        string slope = graph.Node("gradient", "Add", gradient, pull);
        string first = Decay(graph, NextFirstMomentOutput, FirstMomentInput, slope, FirstDecay);
        string second = Decay(graph, NextSecondMomentOutput, SecondMomentInput, graph.Node("gradient.squared", "Mul", slope, slope), SecondDecay);

        // 1 - 0.999^t loses four digits in single precision.
        string step = graph.Cast("step.double", StepInput, DataType.Double);
        string rate = graph.Node("adam.rate.double", "Div", graph.Cast("learning_rate.double", LearningRateInput, DataType.Double), Correction(graph, "first", step, FirstDecay));
        rate = graph.Cast("adam.rate", rate, DataType.Float);
        string spread = graph.Node("adam.spread.double", "Sqrt", Correction(graph, "second", step, SecondDecay));
        spread = graph.Cast("adam.spread", spread, DataType.Float);
        string divisor = graph.Node("adam.divisor", "Div", graph.Node("adam.root", "Sqrt", second), spread);
        divisor = graph.Node("adam.divisor.safe", "Add", divisor, graph.Number(Epsilon));
        string change = graph.Node("adam.change", "Div", graph.Node("adam.scaled", "Mul", first, rate), divisor);
        graph.Node(NextPatchOutput, "Sub", ModelGraph.PatchInput, change);
    }

    private static string Decay(GraphBuilder graph, string output, string moment, string value, double decay)
    {
        string kept = graph.Node($"{output}.kept", "Mul", moment, graph.Number((float)decay));
        return graph.Node(output, "Add", kept, graph.Node($"{output}.new", "Mul", value, graph.Number((float)(1 - decay))));
    }

    private static string Correction(GraphBuilder graph, string name, string step, double decay) =>
        graph.Node($"adam.{name}.correction", "Sub", graph.Double(1), graph.Node($"adam.{name}.power", "Pow", graph.Double(decay), step));
}
