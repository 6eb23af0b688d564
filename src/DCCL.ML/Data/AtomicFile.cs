namespace DCCL.ML.Data;

/// <summary>Writes files so that a reader finds the old one or the new one, never a part of either.</summary>
/// <remarks>Thread-safe, as far as callers do not write the same file.</remarks>
public static class AtomicFile
{
    /// <summary>Writes beside the file, flushes to the disk and renames. What fails leaves the old file as it was.</summary>
    /// <param name="path">The path of the file.</param>
    /// <param name="bytes">What to write.</param>
    /// <exception cref="IOException">The file, or one beside it, cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Nothing may be written there.</exception>
    public static void Write(string path, ReadOnlySpan<byte> bytes) => Write(path, bytes, static (stream, all) => stream.Write(all));

    /// <summary>Writes beside the file, flushes to the disk and renames. What fails leaves the old file as it was.</summary>
    /// <param name="path">The path of the file.</param>
    /// <param name="content">What to write.</param>
    /// <param name="write">Writes it to a stream, which it does not keep.</param>
    /// <typeparam name="T">The type of the content.</typeparam>
    /// <exception cref="IOException">The file, or one beside it, cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Nothing may be written there.</exception>
    public static void Write<T>(string path, T content, Action<Stream, T> write)
        where T : allows ref struct
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(write);
        string aside = WriteAside(path, content, write);
        try
        {
            File.Move(aside, path, overwrite: true);
        }
        catch
        {
            File.Delete(aside);
            throw;
        }
    }

    /// <summary>Removes what processes that were ended while they wrote a file left beside it. What another one is writing now stays, and so does what cannot be removed.</summary>
    /// <param name="path">The path of the file.</param>
    public static void RemoveLeftovers(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string full = Path.GetFullPath(path);
        EnumerationOptions exactly = new() { MatchType = MatchType.Simple, AttributesToSkip = 0, IgnoreInaccessible = true };
        foreach (string left in Directory.EnumerateFiles(Path.GetDirectoryName(full)!, $"{Path.GetFileName(full)}.????????.???.tmp", exactly))
        {
            try
            {
                new FileStream(left, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose(); // fails where it is being written
                File.Delete(left);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
            }
        }
    }

    /// <summary>Writes all files beside their places, and only then renames them, in their order: what fails while writing leaves all old files as they were.</summary>
    internal static void WriteAll(IReadOnlyList<(string Path, byte[] Bytes)> files)
    {
        List<string> aside = [];
        try
        {
            foreach ((string path, byte[] bytes) in files)
            {
                aside.Add(WriteAside(path, bytes, static (stream, all) => stream.Write(all)));
            }

            for (int i = 0; i < files.Count; i++)
            {
                File.Move(aside[i], files[i].Path, overwrite: true);
            }
        }
        catch
        {
            aside.ForEach(File.Delete);
            throw;
        }
    }

    private static string WriteAside<T>(string path, T content, Action<Stream, T> write)
        where T : allows ref struct
    {
        string aside = $"{Path.GetFullPath(path)}.{Path.GetRandomFileName()}.tmp";
        try
        {
            using FileStream stream = new(aside, FileMode.CreateNew, FileAccess.Write, FileShare.None);
            write(stream, content);
            stream.Flush(flushToDisk: true);
            return aside;
        }
        catch
        {
            File.Delete(aside);
            throw;
        }
    }

    /// <summary>Reads a file that must not be larger than a limit: a damaged or hostile one costs no more memory than that.</summary>
    /// <exception cref="InvalidDataException">The file is larger.</exception>
    internal static byte[] Read(string path, long maximumLength)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        if (stream.Length > maximumLength)
        {
            throw new InvalidDataException(
                $"'{path}' must have at most {maximumLength} bytes, but has {stream.Length}. It is another file: copy the right one.");
        }

        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
