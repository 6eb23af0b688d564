using System.Security.Cryptography;
using System.Text;
using DCCL.ML.Onnx.Proto;
using Google.Protobuf;

namespace DCCL.ML.Onnx;

/// <summary>Writes a graph so that any change to a byte of the file shows.</summary>
/// <remarks>
/// The metadata come last in a serialised model, and the digest is the last of them: the last 64 bytes of the file are, as
/// hexadecimal digits, the SHA-256 of all bytes before them.
/// </remarks>
internal static class GraphSeal
{
    private const int DigestLength = 64;

    /// <summary>Adds the digest and serialises.</summary>
    public static byte[] Serialize(ModelProto model)
    {
        ModelProto copy = model.Clone();
        copy.MetadataProps.Add(new StringStringEntryProto { Key = GraphMetadata.Digest, Value = new string('0', DigestLength) });
        byte[] bytes = copy.ToByteArray();
        Encoding.ASCII.GetBytes(ComputeDigest(bytes), bytes.AsSpan(bytes.Length - DigestLength));
        return bytes;
    }

    /// <summary>Whether a file is as <see cref="Serialize"/> wrote it.</summary>
    public static bool IsIntact(ReadOnlySpan<byte> file) =>
        file.Length > DigestLength && Ascii.Equals(file[^DigestLength..], ComputeDigest(file));

    private static string ComputeDigest(ReadOnlySpan<byte> file) => Convert.ToHexStringLower(SHA256.HashData(file[..^DigestLength]));
}
