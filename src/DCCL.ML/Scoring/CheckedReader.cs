using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace DCCL.ML.Scoring;

/// <summary>Reads what <see cref="CheckedWriter"/> wrote.</summary>
/// <remarks>
/// A length in a damaged file may be anything, and a stream inside a zip does not know how long it is: memory is asked for piece by
/// piece, never for more than twice of what the stream has given.
/// </remarks>
internal sealed class CheckedReader(Stream stream) : IDisposable
{
    private const int BytesPerPiece = 1 << 20;

    private static readonly UTF8Encoding _utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _position;

    public int ReadInt32()
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        Read(bytes);
        return BinaryPrimitives.ReadInt32LittleEndian(bytes);
    }

    /// <summary>Reads a number of things, from 0.</summary>
    public int ReadCount(string what)
    {
        int count = ReadInt32();
        return count >= 0
            ? count
            : throw new InvalidDataException($"The model must have a number of {what} from 0, but has {count}. The file is damaged: save the model again.");
    }

    /// <summary>Reads a number of things, null for -1, which stands for none.</summary>
    public int? ReadOptionalCount(string what)
    {
        int count = ReadInt32();
        return count switch
        {
            -1 => null,
            < -1 => throw new InvalidDataException(
                $"The model must have a number of {what} from 0, or -1 for none, but has {count}. The file is damaged: save the model again."),
            _ => count,
        };
    }

    public byte ReadByte()
    {
        Span<byte> bytes = stackalloc byte[1];
        Read(bytes);
        return bytes[0];
    }

    public string? ReadString(string what)
    {
        int length = ReadInt32();
        return length switch
        {
            -1 => null,
            < -1 => throw new InvalidDataException(
                $"The model must have {what} of a length from 0, but has {length}. The file is damaged: save the model again."),
            _ => _utf8.GetString(ReadValues<byte>(length)),
        };
    }

    /// <summary>Reads a text that must be there.</summary>
    public string ReadRequiredString(string what) =>
        ReadString(what) ?? throw new InvalidDataException($"The model must have {what}, but has none. The file is damaged: save the model again.");

    public T[] ReadValues<T>(int count)
        where T : unmanaged
    {
        int size = Unsafe.SizeOf<T>();
        int valuesPerPiece = BytesPerPiece / size;
        T[] values = new T[Math.Min(count, valuesPerPiece)];
        int read = 0;
        while (read < count)
        {
            if (read == values.Length)
            {
                Array.Resize(ref values, (int)Math.Min(count, 2L * values.Length));
            }

            int next = Math.Min(valuesPerPiece, values.Length - read);
            Read(MemoryMarshal.AsBytes(values.AsSpan(read, next)));
            read += next;
        }

        if (!BitConverter.IsLittleEndian)
        {
            ReverseEach(MemoryMarshal.AsBytes<T>(values.AsSpan()), size);
        }

        return values;
    }

    /// <summary>Checks that what was read is what was written, and that nothing follows.</summary>
    public void CheckDigest()
    {
        byte[] expected = _hash.GetHashAndReset();
        byte[] actual = new byte[expected.Length];
        Read(actual);
        if (!actual.AsSpan().SequenceEqual(expected))
        {
            throw new InvalidDataException(
                $"The model must have the SHA-256 {Convert.ToHexStringLower(actual)}, but has {Convert.ToHexStringLower(expected)}. "
                + "The file was altered: copy it again or save the model again.");
        }

        if (stream.ReadByte() >= 0)
        {
            throw new InvalidDataException(
                $"The model must end after {_position} bytes, but goes on. The file was altered: save the model again.");
        }
    }

    public void Dispose() => _hash.Dispose();

    /// <summary>Reverses the bytes of each value, on big-endian machines.</summary>
    public static void ReverseEach(Span<byte> bytes, int size)
    {
        for (int start = 0; start < bytes.Length; start += size)
        {
            bytes.Slice(start, size).Reverse();
        }
    }

    private void Read(Span<byte> bytes)
    {
        int read;
        try
        {
            read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException fault)
        {
            throw new InvalidDataException(
                $"The model must go on after {_position} bytes, but cannot be unpacked there: {fault.Message} "
                + "The file was altered: copy it again or save the model again.",
                fault);
        }

        _position += read;
        if (read < bytes.Length)
        {
            throw new InvalidDataException(
                $"The model must go on after {_position} bytes, but ends there. "
                + "The file was cut off: copy it again or save the model again.");
        }

        _hash.AppendData(bytes);
    }
}
