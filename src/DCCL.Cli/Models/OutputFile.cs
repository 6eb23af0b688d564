using DCCL.ML.Data;

namespace DCCL.Cli.Models;

/// <summary>A file that a verb writes.</summary>
internal static class OutputFile
{
    // ENOSPC and EDQUOT of Linux and macOS, ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL of Windows.
    private static readonly int[] _fullDisk = OperatingSystem.IsWindows() ? [unchecked((int)0x80070070), unchecked((int)0x80070027)]
        : OperatingSystem.IsMacOS() ? [28, 69] : [28, 122];

    /// <summary>Says whether something could not be written because the disk, or somebody's share of it, is full.</summary>
    public static bool IsDiskFull(Exception exception) => exception is IOException && _fullDisk.Contains(exception.HResult);

    /// <summary>Says so, and what to do.</summary>
    public static string DescribeFullDisk(IOException exception) =>
        $"There must be room to write, but the disk is full: {exception.Message.TrimEnd('.', ' ')}. Make room there, or write elsewhere: results with --out, temporary files with TMPDIR.";

    /// <summary>Refuses what cannot be written: now, and not after the work. Removes what an earlier process left that was killed while writing.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What it is, such as "model".</param>
    /// <param name="example">A name that it could have.</param>
    /// <param name="mayExist">Whether it replaces what exists.</param>
    public static void Check(string path, string what, string example, bool mayExist)
    {
        if (Directory.Exists(path))
        {
            throw ToolException.Output($"The {what} '{path}' of --out must be a file, such as {example}, but is a folder. Name the file.");
        }

        if (File.Exists(path) && !mayExist)
        {
            throw ToolException.Output($"The {what} '{path}' must not exist yet, but does. Name another one with --out, or replace it with --force.");
        }

        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            throw ToolException.Output($"The folder '{folder}' of --out must be there, but is not. Create it first.");
        }

        AtomicFile.RemoveLeftovers(path);
        CheckWritable(path);
    }

    /// <summary>Refuses a file that cannot be made, or replaced.</summary>
    public static void CheckWritable(string path)
    {
        string full = Path.GetFullPath(path);
        string probe = $"{full}.{Path.GetRandomFileName()}.tmp";
        try
        {
            new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose).Dispose();
            if (File.Exists(full))
            {
                new FileStream(full, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete).Dispose();
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException && !IsDiskFull(exception))
        {
            throw ToolException.Output($"The file '{path}' must be writable, but is not. Check who may write it, or name another one with --out.", exception);
        }
    }
}
