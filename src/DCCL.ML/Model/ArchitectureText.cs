using System.Text.Json;
using System.Text.Json.Serialization;

namespace DCCL.ML.Model;

/// <summary>Writes and reads the shapes of a model as one line of JSON, the form in which files and ONNX metadata hold them.</summary>
internal static class ArchitectureText
{
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
        return (shapes.Din ?? throw new JsonException("The backbone is missing."), shapes.Patch, shapes.Encoder);
    }

    private sealed record Shapes(DinArchitecture? Din, PatchArchitecture? Patch, PatchEncoderArchitecture? Encoder);
}
