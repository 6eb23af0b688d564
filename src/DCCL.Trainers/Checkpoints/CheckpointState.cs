using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace DCCL.Trainers.Checkpoints;

/// <summary>
/// Takes the state of a training into a file or out of it: one method, which names the fields in their order, does both, so that they cannot differ.
/// </summary>
/// <remarks>Little-endian, as all systems are that libtorch runs on. Not thread-safe. Does not own the stream.</remarks>
internal sealed class CheckpointState
{
    private readonly Stream _stream;
    private readonly IncrementalHash? _written;

    /// <summary>Reads.</summary>
    /// <param name="stream">The file, at its first field.</param>
    public CheckpointState(Stream stream) => _stream = stream;

    /// <summary>Writes.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="written">Gets all bytes as well.</param>
    public CheckpointState(Stream stream, IncrementalHash written)
    {
        _stream = stream;
        _written = written;
    }

    /// <summary>Gets a value indicating whether fields are overwritten by what the file has.</summary>
    public bool IsReading => _written is null;

    /// <summary>Writes values, or overwrites them by as many of the file.</summary>
    /// <exception cref="EndOfStreamException">The file has fewer.</exception>
    public void Transfer<T>(Span<T> values)
        where T : unmanaged
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(values);
        if (_written is null)
        {
            _stream.ReadExactly(bytes);
        }
        else
        {
            _stream.Write(bytes);
            _written.AppendData(bytes);
        }
    }

    /// <summary>Writes a value, or reads one.</summary>
    /// <returns>The value, as it is now.</returns>
    public T Transfer<T>(T value)
        where T : unmanaged
    {
        Transfer(new Span<T>(ref value));
        return value;
    }
}
