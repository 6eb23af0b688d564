namespace DCCL.ML.Onnx;

/// <summary>The names of the metadata that DCCL's graphs carry; Export/FORMAT.md says what they mean.</summary>
internal static class GraphMetadata
{
    public const string FormatVersion = "dccl.format_version";
    public const string Kind = "dccl.kind";
    public const string Architecture = "dccl.architecture";
    public const string Fingerprint = "dccl.fingerprint";
    public const string Vocabulary = "dccl.vocabulary";
    public const string Ids = "dccl.ids";
    public const string Padding = "dccl.padding";
    public const string Patch = "dccl.patch";
    public const string Weights = "dccl.weights";
    public const string Negatives = "dccl.negatives";
    public const string Digest = "dccl.digest";

    public const string ModelKind = "model";
    public const string TrainingStepKind = "training_step";
    public const string ColdStartKind = "cold_start";

    public const string NoPatch = "none";
    public const string OptionalPatch = "optional";
    public const string RequiredPatch = "required";
    public const string BakedPatch = "baked";

    public const string SampledNegatives = "sampled";
    public const string LabelledNegatives = "labelled";
}
