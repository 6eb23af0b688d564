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

    // Of an event's line: brackets, quotes and commas, the longest number, the flags.
    private const int LongestRest = 8 + 25 + 2;

    private const int PositiveFlag = 1;
    private const int KnownFlag = 2;
    private const int LearntFlag = 4;
    private const int PendingFlag = 8;

    private static readonly JsonWriterOptions _writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What a file holds.</summary>
    /// <param name="Fingerprint">The model on which events are marked as learnt; empty if none is.</param>
    /// <param name="PendingPatch">The digest of the patch that learnt from the pending events, should it be the owner's; empty if none is pending.</param>
    /// <param name="Events">The events, and whether they are pending.</param>
    public sealed record Contents(string Fingerprint, string PendingPatch, IReadOnlyList<(DeviceEvent Event, bool IsPending)> Events);

    /// <summary>The bytes that an event takes at most.</summary>
    public static int GetLength(DeviceEvent @event) => JsonEncodedText.Encode(@event.ItemId, _writing.Encoder).EncodedUtf8Bytes.Length + LongestRest;

    public static byte[] Write(Contents contents)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, _writing))
        {
            writer.WriteStartObject();
            writer.WriteString("format", Format);
            writer.WriteNumber("version", Version);
            writer.WriteString("model", contents.Fingerprint);
            if (contents.PendingPatch.Length > 0)
            {
                writer.WriteString("pending", contents.PendingPatch);
            }

            writer.WriteStartArray("events");
            foreach ((DeviceEvent @event, bool isPending) in contents.Events)
            {
                writer.WriteStartArray();
                writer.WriteStringValue(@event.ItemId);
                writer.WriteNumberValue(@event.Time);
                writer.WriteNumberValue(
                    (@event.IsPositive ? PositiveFlag : 0) | (@event.IsKnownToCloud ? KnownFlag : 0) | (@event.IsLearnt ? LearntFlag : 0)
                    | (isPending ? PendingFlag : 0));
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

    public static Contents Read(ReadOnlyMemory<byte> file, string name)
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

            return new Contents(
                ReadDigest(root.GetProperty("model"), name),
                root.TryGetProperty("pending", out JsonElement pending) ? ReadDigest(pending, name) : "",
                [.. root.GetProperty("events").EnumerateArray().Select(element => ReadEvent(element, name))]);
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw new InvalidDataException($"'{name}' must be a store of events, but: {fault.Message} Restore it, or start with an empty store.", fault);
        }
    }

    private static string ReadDigest(JsonElement element, string name)
    {
        string digest = element.GetString() ?? "";
        return digest.Length == 0 || (digest.Length == DigestLength && digest.All(char.IsAsciiHexDigitLower))
            ? digest
            : throw new InvalidDataException($"'{name}' must have digests of {DigestLength} hexadecimal digits, but has another. Start with an empty store.");
    }

    private static (DeviceEvent Event, bool IsPending) ReadEvent(JsonElement element, string name)
    {
        int flags = element[2].GetInt32();
        DeviceEvent @event = new(
            element[0].GetString() ?? "", element[1].GetDouble(), (flags & PositiveFlag) != 0, (flags & KnownFlag) != 0, (flags & LearntFlag) != 0);
        return DeviceEventStore.FindFault(@event) is string fault ? throw new InvalidDataException($"'{name}': {fault} Start with an empty store.") : (@event, (flags & PendingFlag) != 0);
    }

    private static string ComputeDigest(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
