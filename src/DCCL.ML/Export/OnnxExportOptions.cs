using DCCL.ML.Device;

namespace DCCL.ML.Export;

/// <summary>How a model is exported as an ONNX file.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
public sealed class OnnxExportOptions
{
    /// <summary>Gets a value indicating whether the patch must be fed, by zeros for the cloud model.</summary>
    /// <value>
    /// The default is false: the input has a default of zeros. JavaScript runtimes do not know defaults of inputs (onnxruntime-node ignores
    /// the patch without a word, onnxruntime-web refuses it): set it for them.
    /// </value>
    public bool RequiresPatch { get; init; }

    /// <summary>Gets where the raw ids are.</summary>
    /// <value>The default is <see cref="VocabularyPlacement.SideFile"/>.</value>
    public VocabularyPlacement Vocabulary { get; init; }

    /// <summary>Gets the patch of the only person who will use the file.</summary>
    /// <value>
    /// The default is null. If set, the patch is part of the weights, there is no patch input, and the file is that person's: the metadata
    /// say so.
    /// </value>
    public UserPatch? Patch { get; init; }

    /// <summary>Gets a value indicating whether weights are stored as float16, which halves the file and changes scores slightly.</summary>
    /// <value>The default is false. Patches and fingerprints fit both.</value>
    public bool UsesHalfPrecision { get; init; }
}
