using System.Text.Json;
using System.Text.Json.Serialization;

namespace DCCL.ML.Model;

/// <summary>Writes and reads the shapes of a model as one line of JSON, the form in which files and ONNX metadata hold them.</summary>
internal static class ArchitectureText
{
    private const int MaximumSize = 1 << 20;
    private const int MaximumPatchSize = 256;

    private static readonly JsonSerializerOptions _options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter() },
        IgnoreReadOnlyProperties = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    public static string Describe(BackboneArchitecture backbone, PatchArchitecture? patch, PatchEncoderArchitecture? encoder) =>
        JsonSerializer.Serialize(new Shapes(backbone as DinArchitecture, patch, encoder), _options);

    public static (BackboneArchitecture Backbone, PatchArchitecture? Patch, PatchEncoderArchitecture? Encoder) Parse(string text)
    {
        Shapes shapes = JsonSerializer.Deserialize<Shapes>(text, _options) ?? throw new JsonException("The shapes are null.");
        DinArchitecture din = shapes.Din ?? throw new JsonException("The backbone is missing.");
        Check(din);
        if (shapes.Patch is not null)
        {
            Check(shapes.Patch, din);
        }

        if (shapes.Encoder is not null)
        {
            CheckSize(nameof(PatchEncoderArchitecture.HiddenSize), shapes.Encoder.HiddenSize, 1, MaximumSize);
            Check(shapes.Patch is not null, "An encoder needs patches, but there are none.");
        }

        return (din, shapes.Patch, shapes.Encoder);
    }

    // Sizes become lengths of arrays before anything else is known of a file.
    private static void Check(DinArchitecture din)
    {
        CheckSize(nameof(din.NumberOfItems), din.NumberOfItems, 1, int.MaxValue - 1);
        CheckSize(nameof(din.HistoryLength), din.HistoryLength, 1, MaximumSize);
        CheckSize(nameof(din.EmbeddingDimension), din.EmbeddingDimension, 1, MaximumSize);
        CheckSize(nameof(din.ProfileDimension), din.ProfileDimension, 0, MaximumSize);
        CheckSize(nameof(din.ActivationUnitSize), din.ActivationUnitSize, 1, MaximumSize);
        Check(din.HiddenLayerSizes is { Count: > 0 }, "HiddenLayerSizes must name at least one layer, but are empty.");
        foreach (int size in din.HiddenLayerSizes)
        {
            CheckSize(nameof(din.HiddenLayerSizes), size, 1, MaximumSize);
        }

        Check(Enum.IsDefined(din.Activation) && Enum.IsDefined(din.AttentionWeights), "Activation and AttentionWeights must have names.");
    }

    private static void Check(PatchArchitecture patch, DinArchitecture din)
    {
        CheckSize(nameof(patch.PatchSize), patch.PatchSize, 1, MaximumPatchSize);
        CheckSize(nameof(patch.BottleneckSize), patch.BottleneckSize, 1, MaximumSize);
        Check(Enum.IsDefined(patch.Activation), "The patch's Activation must have a name.");
        Check(patch.Layers is not null, "The patch's Layers must be a list, but are null.");
        for (int i = 0; i < patch.Layers!.Count; i++)
        {
            CheckSize(nameof(patch.Layers), patch.Layers[i], i == 0 ? 0 : patch.Layers[i - 1] + 1, din.HiddenLayerSizes.Count - 1);
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

    private sealed record Shapes(DinArchitecture? Din, PatchArchitecture? Patch, PatchEncoderArchitecture? Encoder);
}
