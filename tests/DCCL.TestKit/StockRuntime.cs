using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace DCCL.TestKit;

/// <summary>Runs an ONNX file in ONNX Runtime with nothing of DCCL around it, as any client would.</summary>
public sealed class StockRuntime : IDisposable
{
    private readonly InferenceSession _session;

    public StockRuntime(byte[] file)
    {
        using SessionOptions options = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, IntraOpNumThreads = 1 };
        _session = new InferenceSession(file, options);
    }

    public IReadOnlyDictionary<string, string> Metadata => _session.ModelMetadata.CustomMetadataMap;

    public IReadOnlyDictionary<string, NodeMetadata> Inputs => _session.InputMetadata;

    public IReadOnlyDictionary<string, NodeMetadata> Outputs => _session.OutputMetadata;

    /// <summary>Runs the graph.</summary>
    /// <param name="output">The output that is wanted.</param>
    /// <param name="inputs">Names, values (long[], float[] or string[]) and shapes.</param>
    public float[] Run(string output, params (string Name, Array Values, int[] Shape)[] inputs) => Run([output], inputs)[0];

    /// <summary>Runs the graph.</summary>
    public float[][] Run(string[] outputs, params (string Name, Array Values, int[] Shape)[] inputs)
    {
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> values = _session.Run([.. inputs.Select(Wrap)], outputs);
        return [.. values.Select(value => value.AsEnumerable<float>().ToArray())];
    }

    /// <summary>Runs the graph, with adapters for example.</summary>
    public float[] Run(RunOptions options, string output, params (string Name, Array Values, int[] Shape)[] inputs)
    {
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> values = _session.Run([.. inputs.Select(Wrap)], [output], options);
        return [.. values[0].AsEnumerable<float>()];
    }

    public void Dispose() => _session.Dispose();

    private static NamedOnnxValue Wrap((string Name, Array Values, int[] Shape) input) => input.Values switch
    {
        long[] values => NamedOnnxValue.CreateFromTensor(input.Name, new DenseTensor<long>(values, input.Shape)),
        float[] values => NamedOnnxValue.CreateFromTensor(input.Name, new DenseTensor<float>(values, input.Shape)),
        string[] values => NamedOnnxValue.CreateFromTensor(input.Name, new DenseTensor<string>(values, input.Shape)),
        _ => throw new ArgumentException($"No tensor of {input.Values.GetType()}."),
    };
}
