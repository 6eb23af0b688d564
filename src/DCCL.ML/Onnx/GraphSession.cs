using Microsoft.ML.OnnxRuntime;

namespace DCCL.ML.Onnx;

/// <summary>Opens graphs in ONNX Runtime: the one place that knows how.</summary>
internal static class GraphSession
{
    /// <summary>Opens a graph.</summary>
    /// <param name="graph">The bytes of the model.</param>
    /// <param name="numberOfThreads">The number of threads of a run; with 1, threads may run the session side by side without spinning.</param>
    public static InferenceSession Open(byte[] graph, int numberOfThreads = 1)
    {
        using SessionOptions options = new();
        options.IntraOpNumThreads = numberOfThreads;
        options.InterOpNumThreads = 1;
        options.ExecutionMode = ExecutionMode.ORT_SEQUENTIAL;
        options.GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL;
        options.LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR; // it warns of the patch's default value, which is meant
        options.EnableMemoryPattern = false; // it keeps one plan per shape, and shapes vary
        return new InferenceSession(graph, options);
    }
}
