using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using DCCL.ML.Data;

namespace DCCL.Trainers.Checkpoints;

/// <summary>The file of a training's state between two epochs; FORMAT.md has its fields.</summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class Checkpoint
{
    private const int Version = 2;
    private const int HeaderLength = 16;
    private const int NumberOfShownDifferences = 3;

    private readonly string _path;
    private readonly RunDescription _run;

    /// <summary>Prepares.</summary>
    /// <param name="path">The path of the file.</param>
    /// <param name="run">What the state depends on besides the epochs that are done.</param>
    public Checkpoint(string path, RunDescription run)
    {
        _path = path;
        _run = run;
    }

    private static ReadOnlySpan<byte> Magic => "DCCLCKPT"u8;

    /// <summary>Sees to it, before any work, that a file can be written, and removes what a run that was killed while writing left.</summary>
    /// <exception cref="IOException">There is no such folder, or a folder stands in the file's place.</exception>
    /// <exception cref="UnauthorizedAccessException">Nothing may be written there.</exception>
    public static void Prepare(string path)
    {
        string full = Path.GetFullPath(path);
        string folder = Path.GetDirectoryName(full)!;
        if (Directory.Exists(full) || !Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException(
                $"The checkpoint '{path}' must be a file in a folder that exists, but {(Directory.Exists(full) ? "is a folder itself" : "the folder does not")}. Set CheckpointPath to another one.");
        }

        AtomicFile.RemoveLeftovers(full);
        string probe = $"{full}.{Path.GetRandomFileName()}.tmp";
        File.WriteAllBytes(probe, []);
        File.Delete(probe);
    }

    /// <summary>Writes the state aside, and then moves it into its place.</summary>
    /// <param name="transfer">Names the fields.</param>
    public void Save(Action<CheckpointState> transfer) => AtomicFile.Write(_path, transfer, (stream, fields) =>
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        CheckpointState state = new(stream, hash);
        byte[] description = Encoding.UTF8.GetBytes(_run.ToText());
        state.Transfer(Magic.ToArray().AsSpan());
        state.Transfer(Version);
        state.Transfer(description.Length);
        state.Transfer(description.AsSpan());
        fields(state);
        stream.Write(hash.GetHashAndReset());
    });

    /// <summary>Overwrites the state by that of the file, if there is one.</summary>
    /// <param name="transfer">Names the fields.</param>
    /// <returns>Whether there is a file.</returns>
    /// <exception cref="CheckpointException">The file is damaged, of another run or of another version.</exception>
    public bool Restore(Action<CheckpointState> transfer)
    {
        if (!File.Exists(_path))
        {
            return false;
        }

        Read(_path, (run, stream) =>
        {
            CheckRun(run);
            transfer(new CheckpointState(stream));
            if (stream.Position != stream.Length - SHA256.HashSizeInBytes)
            {
                throw new InvalidDataException("The file has values of more or fewer fields.");
            }
        });
        return true;
    }

    /// <summary>Reads a file whose digest is right.</summary>
    /// <param name="path">The path of the file.</param>
    /// <param name="read">Gets the text of the run, and the file at its first field.</param>
    /// <exception cref="CheckpointException">The file is damaged or of another version.</exception>
    public static void Read(string path, Action<string, FileStream> read)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        CheckFrame(stream, path);
        try
        {
            CheckpointState state = new(stream);
            int length = state.Transfer(0);
            byte[] description = new byte[length >= 0 && length <= stream.Length ? length : throw new EndOfStreamException()];
            state.Transfer(description.AsSpan());
            read(Encoding.UTF8.GetString(description), stream);
        }
        catch (Exception exception) when (exception is EndOfStreamException or InvalidDataException or ArgumentException)
        {
            throw Damaged(path, "its values are none of such a run", exception);
        }
    }

    private static void CheckFrame(FileStream stream, string path)
    {
        if (stream.Length < HeaderLength + SHA256.HashSizeInBytes)
        {
            throw Damaged(path, $"it has only {stream.Length} bytes");
        }

        byte[] header = new byte[HeaderLength];
        stream.ReadExactly(header);
        if (!header.AsSpan(0, Magic.Length).SequenceEqual(Magic))
        {
            throw new CheckpointException($"'{path}' must be a checkpoint of DCCL, but is another file. Set CheckpointPath to another one, or delete the file to train anew.");
        }

        // All of it first, in pieces, so that nothing that was read wrongly is ever acted on.
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(header);
        byte[] piece = new byte[1 << 16];
        for (long left = stream.Length - HeaderLength - SHA256.HashSizeInBytes; left > 0;)
        {
            int count = stream.Read(piece, 0, (int)Math.Min(piece.Length, left));
            hash.AppendData(piece, 0, count > 0 ? count : throw Damaged(path, "it became shorter while it was read"));
            left -= count;
        }

        byte[] digest = new byte[SHA256.HashSizeInBytes];
        stream.ReadExactly(digest);
        if (!hash.GetHashAndReset().AsSpan().SequenceEqual(digest))
        {
            throw Damaged(path, "its digest is not that of its bytes");
        }

        if (MemoryMarshal.Read<int>(header.AsSpan(8)) is int version && version != Version)
        {
            throw new CheckpointException(
                $"The checkpoint '{path}' must have format version {Version}, but has {version}. Go on with the version of DCCL.Trainers that began it, or delete the file to train anew.");
        }

        stream.Position = HeaderLength - sizeof(int);
    }

    private void CheckRun(string text)
    {
        IReadOnlyList<string> differences = _run.FindDifferences(text);
        if (differences.Count > 0)
        {
            string more = differences.Count > NumberOfShownDifferences ? $"; and {differences.Count - NumberOfShownDifferences} more" : "";
            throw new CheckpointException(
                $"The checkpoint '{_path}' must be of this run, but is of another: {string.Join("; ", differences.Take(NumberOfShownDifferences))}{more}. "
                + "Go on with the same options, data and version, or delete the file to train anew.");
        }
    }

    private static CheckpointException Damaged(string path, string how, Exception? inner = null) =>
        new($"The checkpoint '{path}' must be whole, but is damaged: {how}. Restore the file, or delete it to train anew.", inner);
}
