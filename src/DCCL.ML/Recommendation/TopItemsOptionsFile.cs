using System.Text.Json;
using DCCL.ML.Scoring;

namespace DCCL.ML.Recommendation;

/// <summary>Writes and reads the options of a saved <see cref="TopItemsTransformer"/>: a line of JSON, its length before it, its digest behind it.</summary>
internal static class TopItemsOptionsFile
{
    public static void Write(Stream stream, TopItemsEstimator.Options options)
    {
        using CheckedWriter writer = new(stream);
        writer.Write(JsonSerializer.Serialize(options));
        writer.WriteDigest();
    }

    /// <exception cref="InvalidDataException">The bytes are not options, were cut off or altered.</exception>
    public static TopItemsEstimator.Options Read(Stream stream)
    {
        using CheckedReader reader = new(stream);
        try
        {
            string text = reader.ReadRequiredString("options");
            reader.CheckDigest();
            TopItemsEstimator.Options options = JsonSerializer.Deserialize<TopItemsEstimator.Options>(text)
                ?? throw new JsonException("The options must be an object, but are null.");
            options.Validate();
            return options;
        }
        catch (Exception fault) when (fault is JsonException or ArgumentException)
        {
            throw new InvalidDataException(
                $"The options of the model cannot be read: {fault.Message} The file is damaged: save the model again.", fault);
        }
    }
}
