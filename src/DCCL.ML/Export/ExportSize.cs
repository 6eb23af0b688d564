using System.Text;
using DCCL.ML.Model;

namespace DCCL.ML.Export;

/// <summary>Refuses what one ONNX file cannot hold, before anything is built.</summary>
internal static class ExportSize
{
    /// <summary>A protocol buffer's message has at most 2 GiB, less what stands in it beside the weights.</summary>
    private const long MaximumNumberOfBytes = int.MaxValue - (32L << 20);

    /// <summary>Checks.</summary>
    /// <param name="shapes">The graph's tensors.</param>
    /// <param name="ids">The ids that stand inside the graph; null for none.</param>
    /// <param name="isHalf">Whether weights are float16; null where they cannot be.</param>
    /// <exception cref="InvalidOperationException">The file would be too large.</exception>
    public static void Check(IEnumerable<TensorShape> shapes, IReadOnlyList<string>? ids, bool? isHalf) =>
        Check(shapes, ids?.Sum(id => (long)Encoding.UTF8.GetByteCount(id)) ?? 0, isHalf);

    /// <summary>Checks.</summary>
    /// <param name="shapes">The graph's tensors.</param>
    /// <param name="vocabularyBytes">The length of the ids that stand inside the graph.</param>
    /// <param name="isHalf">Whether weights are float16; null where they cannot be.</param>
    /// <exception cref="InvalidOperationException">The file would be too large.</exception>
    public static void Check(IEnumerable<TensorShape> shapes, long vocabularyBytes, bool? isHalf)
    {
        // Not TensorShape.NumberOfElements: whether that fits is what is asked here.
        decimal weights = shapes.Sum(shape => shape.Dimensions.Aggregate(1m, (product, length) => product * length)) * (isHalf == true ? 2 : 4);
        decimal bytes = weights + vocabularyBytes;
        if (bytes > MaximumNumberOfBytes)
        {
            string remedy = isHalf == false ? "Set OnnxExportOptions.UsesHalfPrecision, which halves it, or train" : "Train";
            throw new InvalidOperationException(FormattableString.Invariant(
                $"An exported model must be less than 2 GB, which is what an ONNX file holds, but this one's weights and ids take {bytes / 1e9m:F1} GB. ")
                + $"{remedy} a model of fewer items or of a smaller embedding dimension.");
        }
    }
}
