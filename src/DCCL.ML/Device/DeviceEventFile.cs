using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace DCCL.ML.Device;

/// <summary>The file of a <see cref="DeviceEventStore"/>: JSON, a line break, and the SHA-256 of what stands before it; FORMAT.md has the fields.</summary>
internal static class DeviceEventFile
{
    public const long MaximumLength = 16L << 20;

    private const string Format = "dccl-events";
    private const int Version = 1;
    private const int DigestLength = 64;
    private const int PositiveFlag = 1;
    private const int KnownFlag = 2;
    private const int LearntFlag = 4;

    private static readonly JsonWriterOptions _writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Write(string fingerprint, IReadOnlyList<DeviceEvent> events)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, _writing))
        {
            writer.WriteStartObject();
            writer.WriteString("format", Format);
            writer.WriteNumber("version", Version);
            writer.WriteString("model", fingerprint);
            writer.WriteStartArray("events");
            foreach (DeviceEvent @event in events)
            {
                writer.WriteStartArray();
                writer.WriteStringValue(@event.ItemId);
                writer.WriteNumberValue(@event.Time);
                writer.WriteNumberValue(
                    (@event.IsPositive ? PositiveFlag : 0) | (@event.IsKnownToCloud ? KnownFlag : 0) | (@event.IsLearnt ? LearntFlag : 0));
                writer.WriteEndArray();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        byte[] digest = Encoding.ASCII.GetBytes(ComputeDigest(stream.GetBuffer().AsSpan(0, (int)stream.Length)));
        stream.Write(digest);
        return stream.ToArray();
    }

    public static (string Fingerprint, List<DeviceEvent> Events) Read(ReadOnlyMemory<byte> file, string name)
    {
        if (file.Length <= DigestLength || !Ascii.Equals(file.Span[^DigestLength..], ComputeDigest(file.Span[..^DigestLength])))
        {
            throw new InvalidDataException(
                $"'{name}' must end in the SHA-256 of what stands before it, but does not: it was cut off or altered. Restore it, or start with an empty store.");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(file[..^DigestLength]);
            JsonElement root = document.RootElement;
            string? format = root.GetProperty("format").GetString();
            int version = root.GetProperty("version").GetInt32();
            if (format != Format || version != Version)
            {
                throw new InvalidDataException(
                    $"'{name}' must have the format '{Format}' of version {Version}, but has '{format}' of version {version}. Update the DCCL.ML package.");
            }

            string fingerprint = root.GetProperty("model").GetString() ?? "";
            return (fingerprint, [.. root.GetProperty("events").EnumerateArray().Select(element => ReadEvent(element, name))]);
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw new InvalidDataException($"'{name}' must be a store of events, but: {fault.Message} Restore it, or start with an empty store.", fault);
        }
    }

    private static DeviceEvent ReadEvent(JsonElement element, string name)
    {
        int flags = element[2].GetInt32();
        DeviceEvent @event = new(
            element[0].GetString() ?? "", element[1].GetDouble(), (flags & PositiveFlag) != 0, (flags & KnownFlag) != 0, (flags & LearntFlag) != 0);
        return DeviceEventStore.FindFault(@event) is string fault ? throw new InvalidDataException($"'{name}': {fault} Start with an empty store.") : @event;
    }

    private static string ComputeDigest(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
