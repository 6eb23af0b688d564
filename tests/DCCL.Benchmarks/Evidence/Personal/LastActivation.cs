using DCCL.ML.Model;
using DCCL.ML.Onnx;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using static DCCL.ML.Onnx.Proto.TensorProto.Types;

namespace DCCL.Benchmarks.Evidence.Personal;

/// <summary>Computes what a model's last layer sees: the frozen part of it, by the graph that scores.</summary>
/// <remarks>Owns a session.</remarks>
internal sealed class LastActivation : IDisposable
{
    private const string ActivationOutput = "activation";
    private const string OffsetOutput = "offset";

    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new();
    private readonly int _historyLength;
    private readonly int _profileDimension;

    public LastActivation(DeviceCloudModelParameters parameters)
    {
        BackboneArchitecture architecture = parameters.Architecture;
        _historyLength = architecture.HistoryLength;
        _profileDimension = architecture.ProfileDimension;
        int last = architecture.PatchableLayerSizes.Count - 1;
        Width = architecture.PatchableLayerSizes[last];
        GraphBuilder graph = new();
        string item = graph.Input(ModelGraph.ItemInput, DataType.Int64, "groups", "candidates");
        string history = graph.Input(ModelGraph.HistoryInput, DataType.Int64, "groups", "length");
        if (_profileDimension > 0)
        {
            graph.Input(ModelGraph.ProfileInput, DataType.Float, "groups", $"{_profileDimension}");
        }

        string activation = "";
        (_, string offset) = ModelGraph.AddBackbone(graph, parameters, CandidateShape.Few, (layer, name) =>
        {
            activation = layer == last ? name : activation;
            return name;
        }, item, history);
        graph.Node(ActivationOutput, "Identity", activation);
        graph.Node(OffsetOutput, "Identity", offset);
        graph.Output(ActivationOutput, DataType.Float, "groups", "candidates", $"{Width}");
        graph.Output(OffsetOutput, DataType.Float, "groups", "candidates");
        _session = GraphSession.Open(graph.ToModel(ModelGraph.DescribeModel(parameters)).ToByteArray());
    }

    /// <summary>Gets the number of values that the last layer sees.</summary>
    public int Width { get; }

    /// <summary>Computes it for pairs of a history and an item.</summary>
    /// <param name="items">The items.</param>
    /// <param name="histories">The history of each, oldest first.</param>
    /// <param name="profile">The profile of all.</param>
    /// <returns>The values, <see cref="Width"/> for each pair, and the share of each logit that bypasses the layer.</returns>
    public (float[] Activations, float[] Offsets) Compute(
        IReadOnlyList<int> items, IReadOnlyList<int[]> histories, ReadOnlySpan<float> profile)
    {
        int count = items.Count;
        int length = Math.Clamp(histories.Max(history => history.Length), 1, _historyLength);
        long[] itemValues = [.. items.Select(item => (long)item)];
        long[] historyValues = new long[count * length];
        float[] profiles = new float[count * _profileDimension];
        for (int i = 0; i < count; i++)
        {
            for (int k = 0; k < Math.Min(length, histories[i].Length); k++)
            {
                historyValues[(i * length) + k] = histories[i][^(k + 1)];
            }

            profile[.._profileDimension].CopyTo(profiles.AsSpan(i * _profileDimension));
        }

        Dictionary<string, OrtValue> inputs = new()
        {
            [ModelGraph.ItemInput] = OrtValue.CreateTensorValueFromMemory(itemValues, [count, 1]),
            [ModelGraph.HistoryInput] = OrtValue.CreateTensorValueFromMemory(historyValues, [count, length]),
        };
        if (_profileDimension > 0)
        {
            inputs.Add(ModelGraph.ProfileInput, OrtValue.CreateTensorValueFromMemory(profiles, [count, _profileDimension]));
        }

        try
        {
            using IDisposableReadOnlyCollection<OrtValue> outputs = _session.Run(_runOptions, inputs, [ActivationOutput, OffsetOutput]);
            return (outputs[0].GetTensorDataAsSpan<float>().ToArray(), outputs[1].GetTensorDataAsSpan<float>().ToArray());
        }
        finally
        {
            foreach (OrtValue value in inputs.Values)
            {
                value.Dispose();
            }
        }
    }

    public void Dispose()
    {
        _session.Dispose();
        _runOptions.Dispose();
    }
}
