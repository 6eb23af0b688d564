using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;

namespace DCCL.Benchmarks;

/// <summary>Times an ONNX file in stock ONNX Runtime, on one thread.</summary>
internal sealed class GraphTimer : IDisposable
{
    private readonly InferenceSession _session;
    private readonly RunOptions _options = new();
    private readonly string[] _names;
    private readonly OrtValue[] _inputs;
    private readonly float[] _scores;
    private readonly OrtValue _output;
    private readonly List<double> _times = [];

    public GraphTimer(byte[] file, DeviceBenchmark.Inputs inputs, bool isPatched)
    {
        using SessionOptions options = new()
        {
            IntraOpNumThreads = 1,
            InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        _session = new InferenceSession(file, options);
        _names = isPatched ? ["item", "history", "patch"] : ["item", "history"];
        _inputs =
        [
            OrtValue.CreateTensorValueFromMemory(inputs.Items, [1, inputs.Items.Length]),
            OrtValue.CreateTensorValueFromMemory(inputs.History, [1, inputs.History.Length]),
            .. isPatched ? [OrtValue.CreateTensorValueFromMemory(inputs.Patch, [1, inputs.Patch.Length])] : Array.Empty<OrtValue>(),
        ];
        _scores = new float[inputs.Items.Length];
        _output = OrtValue.CreateTensorValueFromMemory(_scores, [1, _scores.Length]);
    }

    /// <summary>Gets the median in microseconds.</summary>
    public double Median => Percentile(0.5);

    public double Percentile(double share)
    {
        double[] sorted = [.. _times.Order()];
        return sorted[(int)Math.Min(sorted.Length - 1, share * sorted.Length)];
    }

    public float[] Score()
    {
        _session.Run(_options, _names, _inputs, ["score"], [_output]);
        return _scores;
    }

    /// <summary>Runs once more.</summary>
    public void Measure()
    {
        long start = Stopwatch.GetTimestamp();
        Score();
        _times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
    }

    public void Dispose()
    {
        foreach (OrtValue input in _inputs)
        {
            input.Dispose();
        }

        _output.Dispose();
        _options.Dispose();
        _session.Dispose();
    }
}
