using System.Text.Json;
using System.Text.Json.Serialization;

namespace DCCL.ML.Model;

/// <summary>Writes and reads the shapes of a model as one line of JSON, the form in which files and ONNX metadata hold them.</summary>
internal static class ArchitectureText
{
    private const int MaximumSize = 1 << 20;
    private const int MaximumPatchSize = 256;
    private const int MaximumNumberOfBlocks = 64;

    private static readonly JsonSerializerOptions _options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter() },
        IgnoreReadOnlyProperties = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    public static string Describe(BackboneArchitecture backbone, PatchArchitecture? patch, PatchEncoderArchitecture? encoder) =>
        JsonSerializer.Serialize(new Shapes(backbone as DinArchitecture, backbone as SasRecArchitecture, patch, encoder), _options);

    public static (BackboneArchitecture Backbone, PatchArchitecture? Patch, PatchEncoderArchitecture? Encoder) Parse(string text)
    {
        Shapes shapes = JsonSerializer.Deserialize<Shapes>(text, _options) ?? throw new JsonException("The shapes are null.");
        BackboneArchitecture backbone = (shapes.Din, shapes.SasRec) switch
        {
            (DinArchitecture din, null) => Check(din),
            (null, SasRecArchitecture sasRec) => Check(sasRec),
            (null, null) => throw new JsonException("The backbone is missing."),
            _ => throw new JsonException("There must be one backbone, but are two."),
        };
        if (shapes.Patch is not null)
        {
            Check(shapes.Patch, backbone);
        }

        if (shapes.Encoder is not null)
        {
            CheckSize(nameof(PatchEncoderArchitecture.HiddenSize), shapes.Encoder.HiddenSize, 1, MaximumSize);
            Check(shapes.Patch is not null, "An encoder needs patches, but there are none.");
        }

        return (backbone, shapes.Patch, shapes.Encoder);
    }

    // Sizes become lengths of arrays before anything else is known of a file.
    private static void CheckSizes(BackboneArchitecture backbone)
    {
        CheckSize(nameof(backbone.NumberOfItems), backbone.NumberOfItems, 1, int.MaxValue - 1);
        CheckSize(nameof(backbone.HistoryLength), backbone.HistoryLength, 1, MaximumSize);
        CheckSize(nameof(backbone.EmbeddingDimension), backbone.EmbeddingDimension, 1, MaximumSize);
        CheckSize(nameof(backbone.ProfileDimension), backbone.ProfileDimension, 0, MaximumSize);
    }

    private static DinArchitecture Check(DinArchitecture din)
    {
        CheckSizes(din);
        CheckSize(nameof(din.ActivationUnitSize), din.ActivationUnitSize, 1, MaximumSize);
        Check(din.HiddenLayerSizes is { Count: > 0 }, "HiddenLayerSizes must name at least one layer, but are empty.");
        foreach (int size in din.HiddenLayerSizes)
        {
            CheckSize(nameof(din.HiddenLayerSizes), size, 1, MaximumSize);
        }

        Check(Enum.IsDefined(din.Activation) && Enum.IsDefined(din.AttentionWeights), "Activation and AttentionWeights must have names.");
        return din;
    }

    private static SasRecArchitecture Check(SasRecArchitecture sasRec)
    {
        CheckSizes(sasRec);
        CheckSize(nameof(sasRec.NumberOfBlocks), sasRec.NumberOfBlocks, 1, MaximumNumberOfBlocks);
        CheckSize(nameof(sasRec.NumberOfHeads), sasRec.NumberOfHeads, 1, sasRec.EmbeddingDimension);
        CheckSize(nameof(sasRec.FeedForwardSize), sasRec.FeedForwardSize, 1, MaximumSize);
        Check(sasRec.EmbeddingDimension % sasRec.NumberOfHeads == 0, "NumberOfHeads must divide EmbeddingDimension, but does not.");
        return sasRec;
    }

    private static void Check(PatchArchitecture patch, BackboneArchitecture backbone)
    {
        CheckSize(nameof(patch.PatchSize), patch.PatchSize, 1, MaximumPatchSize);
        CheckSize(nameof(patch.NumberOfItemFactors), patch.NumberOfItemFactors, 0, patch.PatchSize - 1);
        CheckSize(nameof(patch.BottleneckSize), patch.BottleneckSize, 1, MaximumSize);
        Check(Enum.IsDefined(patch.Activation), "The patch's Activation must have a name.");
        Check(patch.Layers is not null, "The patch's Layers must be a list, but are null.");
        for (int i = 0; i < patch.Layers!.Count; i++)
        {
            CheckSize(nameof(patch.Layers), patch.Layers[i], i == 0 ? 0 : patch.Layers[i - 1] + 1, backbone.PatchableLayerSizes.Count - 1);
        }
    }

    private static void CheckSize(string name, int value, int minimum, int maximum) =>
        Check(value >= minimum && value <= maximum, $"{name} must be from {minimum} to {maximum}, but is {value}.");

    private static void Check(bool condition, string message)
    {
        if (!condition)
        {
            throw new JsonException(message);
        }
    }

    // The backbones that a model has not are left out: the text of a DIN, which is hashed, says nothing of others.
    private sealed record Shapes(
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DinArchitecture? Din,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] SasRecArchitecture? SasRec,
        PatchArchitecture? Patch,
        PatchEncoderArchitecture? Encoder);
}
