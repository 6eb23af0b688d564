using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace DCCL.ML.Scoring;

/// <summary>Writes little-endian values and, at the end, the SHA-256 of all of them.</summary>
internal sealed class CheckedWriter(Stream stream) : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public void Write(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        stream.Write(bytes);
    }

    public void Write(int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        Write(bytes);
    }

    /// <summary>Writes the length in bytes, then UTF-8; -1 alone for null.</summary>
    public void Write(string? text)
    {
        if (text is null)
        {
            Write(-1);
            return;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Write(bytes.Length);
        Write(bytes);
    }

    /// <summary>Writes values without their number.</summary>
    public void WriteValues<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        if (BitConverter.IsLittleEndian)
        {
            Write(bytes);
            return;
        }

        byte[] reversed = bytes.ToArray();
        CheckedReader.ReverseEach(reversed, bytes.Length / Math.Max(1, values.Length));
        Write(reversed);
    }

    /// <summary>Writes the SHA-256 of what was written.</summary>
    public void WriteDigest() => stream.Write(_hash.GetHashAndReset());

    public void Dispose() => _hash.Dispose();
}
