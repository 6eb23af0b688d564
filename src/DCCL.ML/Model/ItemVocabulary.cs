using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using DCCL.ML.Data;

namespace DCCL.ML.Model;

/// <summary>The raw ids of a model's items: id <c>i</c> has key value <c>i + 1</c>, the row of its embedding.</summary>
/// <remarks>
/// The side file of an exported model, JSON that any client reads; Export/FORMAT.md describes it. Its hash stands in the model's
/// metadata, so that a vocabulary of another model is noticed. Immutable and thread-safe.
/// </remarks>
public sealed class ItemVocabulary
{
    internal const string FileFormat = "dccl-vocabulary";
    internal const int FormatVersion = 1;
    private const long MaximumFileLength = 1L << 30;

    private static readonly JsonWriterOptions _writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string[] _items;
    private readonly Dictionary<string, int> _keys = new(StringComparer.Ordinal);

    /// <summary>Creates a vocabulary.</summary>
    /// <param name="items">The ids of items 1, 2, ...; of equal ids the first one counts.</param>
    public ItemVocabulary(IEnumerable<string> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        _items = [.. items];
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] length = new byte[sizeof(int)];
        for (int i = 0; i < _items.Length; i++)
        {
            ArgumentNullException.ThrowIfNull(_items[i], nameof(items));
            _keys.TryAdd(_items[i], i + 1);
            byte[] text = Encoding.UTF8.GetBytes(_items[i]);
            BinaryPrimitives.WriteInt32LittleEndian(length, text.Length);
            hash.AppendData(length);
            hash.AppendData(text);
        }

        Hash = Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Gets the ids of items 1, 2, ...</summary>
    public IReadOnlyList<string> Items => _items;

    /// <summary>Gets the SHA-256 over all ids, each as the length of its UTF-8 (int32, little-endian) and its UTF-8: 64 lower-case hexadecimal digits.</summary>
    public string Hash { get; }

    /// <summary>Gets an item's key value.</summary>
    /// <param name="item">The raw id.</param>
    /// <returns>The key value, from 1; 0 if the model does not know the item.</returns>
    public int GetKey(string item)
    {
        ArgumentNullException.ThrowIfNull(item);
        return _keys.GetValueOrDefault(item);
    }

    /// <summary>Writes the side file.</summary>
    /// <param name="path">The file; replaced in one move.</param>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        AtomicFile.Write(path, ToBytes());
    }

    /// <summary>Writes the side file.</summary>
    /// <param name="stream">Receives it.</param>
    public void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using Utf8JsonWriter writer = new(stream, _writing);
        writer.WriteStartObject();
        writer.WriteString("format", FileFormat);
        writer.WriteNumber("version", FormatVersion);
        writer.WriteString("hash", Hash);
        writer.WriteStartArray("items");
        foreach (string item in _items)
        {
            writer.WriteStringValue(item);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>Gets the bytes of the side file.</summary>
    internal byte[] ToBytes()
    {
        using MemoryStream stream = new();
        Save(stream);
        return stream.ToArray();
    }

    /// <summary>Reads the side file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The vocabulary.</returns>
    /// <exception cref="InvalidDataException">The file is not a vocabulary, is of a newer version, or was altered.</exception>
    public static ItemVocabulary Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Parse(AtomicFile.Read(path, MaximumFileLength), path);
    }

    /// <summary>Reads the side file from its bytes.</summary>
    /// <param name="json">The bytes.</param>
    /// <param name="name">What messages call it.</param>
    /// <returns>The vocabulary.</returns>
    /// <exception cref="InvalidDataException">The file is not a vocabulary, is of a newer version, or was altered.</exception>
    public static ItemVocabulary Parse(ReadOnlyMemory<byte> json, string name = "the vocabulary")
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            if (root.GetProperty("format").GetString() != FileFormat)
            {
                throw Fault(name, $"must have the format '{FileFormat}', but has '{root.GetProperty("format").GetString()}'");
            }

            int version = root.GetProperty("version").GetInt32();
            if (version != FormatVersion)
            {
                throw Fault(name, $"must have version {FormatVersion}, but has {version}");
            }

            ItemVocabulary vocabulary = new(root.GetProperty("items").EnumerateArray().Select(item =>
                item.GetString() ?? throw Fault(name, "must hold ids, but one is null")));
            string? hash = root.GetProperty("hash").GetString();
            return hash == vocabulary.Hash
                ? vocabulary
                : throw Fault(name, $"must have ids with the hash {hash}, but they have {vocabulary.Hash}");
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"'{name}' cannot be read as a vocabulary: {fault.Message} Export the model again.", fault);
        }
    }

    private static InvalidDataException Fault(string name, string what) =>
        new($"'{name}' {what}. It was altered or belongs to another version: export the model again.");
}
