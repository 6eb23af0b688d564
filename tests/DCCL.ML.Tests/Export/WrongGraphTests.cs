using System.Runtime.InteropServices;
using DCCL.ML.Data;
using DCCL.ML.Export;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Onnx.Proto;
using DCCL.TestKit;
using Google.Protobuf;
using NUnit.Framework;

namespace DCCL.ML.Tests.Export;

/// <summary>Each export is wrong in one place: the self-check, which knows nothing of how graphs are built, must refuse it.</summary>
public sealed class WrongGraphTests
{
    private static readonly Dictionary<string, string> _swaps = new()
    {
        ["Add"] = "Sub",
        ["Sub"] = "Add",
        ["Mul"] = "Add",
        ["Max"] = "Min",
        ["Tanh"] = "Identity",
        ["Softmax"] = "Identity",
        ["Sigmoid"] = "Identity",
    };

    [Test]
    public void SelfCheck_AnyOperatorSwapped_IsRefused([Values] DinActivation activation, [Values] AttentionWeights attention) =>
        AssertThatSwapsAreRefused(Create(activation, attention));

    [Test]
    public void SelfCheck_AnyOperatorOfASasRecSwapped_IsRefused() => AssertThatSwapsAreRefused(CreateSasRec());

    private static void AssertThatSwapsAreRefused(DeviceCloudModelParameters parameters)
    {
        DeviceGraph.Options options = new(null, "", RequiresPatch: true, null, HasLabels: false, IsHalf: false);
        ModelProto right = DeviceGraph.Build(parameters, options);
        Assert.That(() => ExportCheck.Run(GraphSeal.Serialize(right), parameters, options), Throws.Nothing);
        int swapped = 0;
        for (int i = 0; i < Nodes(right.Graph).Count(); i++)
        {
            ModelProto wrong = right.Clone();
            NodeProto node = Nodes(wrong.Graph).ElementAt(i);
            if (!_swaps.TryGetValue(node.OpType, out string? other) || !HasFloats(node))
            {
                continue;
            }

            string original = node.OpType;
            node.OpType = other;
            node.Attribute.Clear();
            swapped++;
            Assert.That(
                () => ExportCheck.Run(GraphSeal.Serialize(wrong), parameters, options),
                Throws.InvalidOperationException.With.Message.Contains("Nothing was exported"),
                $"{node.Name}: {original} became {other}");
        }

        Assert.That(swapped, Is.GreaterThan(20));
    }

    [Test]
    public void SelfCheck_AnyWeightChanged_IsRefused() =>
        AssertThatChangesAreRefused(Create(DinActivation.PRelu, AttentionWeights.Softmax), "item.embedding", "recency.embedding");

    [Test]
    public void SelfCheck_AnyWeightOfASasRecChanged_IsRefused() =>
        AssertThatChangesAreRefused(CreateSasRec(), "item.embedding.scaled", "block.0.attention.distance");

    private static void AssertThatChangesAreRefused(DeviceCloudModelParameters parameters, params string[] some)
    {
        DeviceGraph.Options options = new(null, "", RequiresPatch: true, null, HasLabels: false, IsHalf: false);
        ModelProto right = DeviceGraph.Build(parameters, options);
        string[] names = [.. right.Graph.Initializer.Where(tensor => tensor.DataType == 1 && tensor.RawData.Length > sizeof(float)).Select(tensor => tensor.Name)];
        foreach (string name in names)
        {
            ModelProto wrong = right.Clone();
            TensorProto tensor = wrong.Graph.Initializer.Single(tensor => tensor.Name == name);
            float[] values = MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray();
            tensor.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(Array.ConvertAll(values, value => (value * 1.02f) + 0.01f)));
            Assert.That(
                () => ExportCheck.Run(GraphSeal.Serialize(wrong), parameters, options),
                Throws.InvalidOperationException.With.Message.Contains("Nothing was exported"),
                name);
        }

        Assert.That(names, Has.Length.GreaterThan(10).And.SupersetOf(some));
    }

    // Loss and derivative are wrong alike: only somebody who knows the right loss sees it.
    [TestCase("output.weight", "must give the score")]
    [TestCase("hidden.1.weight", "must give the score")]
    [TestCase("patch.0.basis", "must give the score")]
    public void SelfCheckOfTheStep_AWeightChanged_IsRefused(string weight, string message)
    {
        DeviceCloudModelParameters parameters = Create(DinActivation.PRelu, AttentionWeights.Softmax);
        Assert.That(() => ExportCheck.RunTrainingStep(GraphSeal.Serialize(TrainingStepGraph.Build(parameters)), parameters), Throws.Nothing);
        Dictionary<string, float[]> tensors = parameters.TensorShapes.ToDictionary(shape => shape.Name, shape => parameters[shape.Name].ToArray());
        tensors[weight] = Array.ConvertAll(tensors[weight], value => value * 1.02f);
        DeviceCloudModelParameters other = new(parameters.Architecture, parameters.Patch, null, tensors);

        Assert.That(
            () => ExportCheck.RunTrainingStep(GraphSeal.Serialize(TrainingStepGraph.Build(other)), parameters),
            Throws.InvalidOperationException.With.Message.Contains(message).And.Message.Contains("Nothing was exported"));
    }

    [Test]
    public void SelfCheckOfTheStep_ALossWithoutItsPenalty_IsRefused()
    {
        DeviceCloudModelParameters parameters = Create(DinActivation.PRelu, AttentionWeights.Softmax);
        ModelProto wrong = TrainingStepGraph.Build(parameters);
        NodeProto loss = wrong.Graph.Node.Single(node => node.Output.Contains(TrainingStepGraph.LossOutput));
        loss.Input[0] = loss.Input[^1]; // one of the loss's two parts twice

        Assert.That(
            () => ExportCheck.RunTrainingStep(GraphSeal.Serialize(wrong), parameters),
            Throws.InvalidOperationException.With.Message.Contains("must give the loss").And.Message.Contains("Nothing was exported"));
    }

    private static DeviceCloudModelParameters Create(DinActivation activation, AttentionWeights attention)
    {
        DinArchitecture architecture = new()
        {
            NumberOfItems = 30,
            HistoryLength = 6,
            EmbeddingDimension = 5,
            ProfileDimension = 2,
            ActivationUnitSize = 7,
            HiddenLayerSizes = [9, 6],
            Activation = activation,
            AttentionWeights = attention,
        };
        return RandomModel.Create(new SeededRandom(1), architecture, new PatchArchitecture { PatchSize = 4, BottleneckSize = 2, Layers = [0, 1] });
    }

    // Two blocks: only the last one computes a single row.
    private static DeviceCloudModelParameters CreateSasRec()
    {
        SasRecArchitecture architecture = new()
        {
            NumberOfItems = 30,
            HistoryLength = 6,
            EmbeddingDimension = 6,
            ProfileDimension = 2,
            NumberOfBlocks = 2,
            NumberOfHeads = 2,
            FeedForwardSize = 7,
        };
        return RandomModel.Create(new SeededRandom(1), architecture, new PatchArchitecture { PatchSize = 4, BottleneckSize = 2, Layers = [0] });
    }

    // Where whole numbers are wrong, ONNX Runtime itself refuses to run.
    private static bool HasFloats(NodeProto node) =>
        !node.Name.Contains("shape", StringComparison.Ordinal) && node.Name is not ("history.start" or "history.back");

    // Those of branches, too.
    private static IEnumerable<NodeProto> Nodes(GraphProto graph) => graph.Node.SelectMany(node =>
        node.Attribute.Where(attribute => attribute.G is not null).SelectMany(attribute => Nodes(attribute.G)).Prepend(node));
}
