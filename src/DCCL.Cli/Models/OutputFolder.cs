namespace DCCL.Cli.Models;

/// <summary>Files of a folder that are written aside and then moved into their places, so that nobody ever finds half of them.</summary>
/// <remarks>
/// Aside is beside a folder that is not there yet, and in one that is: a folder where a disk is mounted can be neither replaced nor filled by a
/// move from beside it. A lock says that the process is still there, so that the next one removes what an earlier one left that was killed.
/// </remarks>
internal sealed class OutputFolder : IDisposable
{
    private const string LockName = "lock";
    private const string FilesName = "files";

    private readonly bool _isForced;
    private readonly string _workPath;
    private readonly List<string> _replaced = [];
    private FileStream? _lock;

    private OutputFolder(string path, bool isForced)
    {
        FinalPath = path;
        _isForced = isForced;
        _workPath = (Directory.Exists(path) ? Path.Combine(path, ".") : path + ".") + $"{Path.GetRandomFileName()}.tmp";
    }

    /// <summary>Gets where the files will be.</summary>
    public string FinalPath { get; }

    /// <summary>Begins. What exists is refused, unless it is to be replaced, and so is what cannot be written: now, and not after the work.</summary>
    public static OutputFolder Begin(string path, bool isForced)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(full))
        {
            throw ToolException.Output($"The folder '{path}' of --out must not be a file, but is. Name another one.");
        }

        RemoveLeftovers(full);
        if (!isForced && Directory.Exists(full) && Directory.EnumerateFileSystemEntries(full).Any())
        {
            throw ToolException.Output($"The folder '{path}' must not exist yet, but does. Name another one with --out, or replace its files with --force.");
        }

        OutputFolder folder = new(full, isForced);
        try
        {
            // Made again when there is something to write: a process that is killed before leaves nothing behind.
            Directory.CreateDirectory(folder._workPath);
            Directory.Delete(folder._workPath);
            return folder;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException && !OutputFile.IsDiskFull(exception))
        {
            throw ToolException.Output($"The folder '{path}' must be writable, but is not. Check who may write there, or name another one with --out.", exception);
        }
    }

    /// <summary>Makes a folder for what is needed only while the files are written.</summary>
    public string CreateScratch()
    {
        Directory.CreateDirectory(_workPath);
        _lock ??= new FileStream(Path.Combine(_workPath, LockName), FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        return _workPath;
    }

    /// <summary>Gets where a file is written, or, without a name, where all are.</summary>
    public string GetPath(string name = "")
    {
        string path = Path.Combine(CreateScratch(), FilesName, name);
        Directory.CreateDirectory(name.Length == 0 ? path : Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>Sees to it that no file of an earlier state stays that fits a pattern, such as "adapters/*.onnx_adapter", and is not written anew.</summary>
    public void Replace(params ReadOnlySpan<string> patterns) => _replaced.AddRange(patterns);

    /// <summary>Moves everything into its place.</summary>
    public void Complete()
    {
        string files = GetPath();
        if (!Directory.Exists(FinalPath))
        {
            Directory.Move(files, FinalPath);
            Dispose();
            return;
        }

        if (!_isForced && Directory.EnumerateFileSystemEntries(FinalPath).Any(entry => entry != _workPath))
        {
            throw ToolException.Output($"The folder '{FinalPath}' must not exist yet, but was made meanwhile. Name another one with --out.");
        }

        HashSet<string> kept = [];
        foreach (string file in Directory.EnumerateFiles(files, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(FinalPath, Path.GetRelativePath(files, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Move(file, target, overwrite: true);
            kept.Add(target);
        }

        _replaced.ForEach(pattern => RemoveReplaced(pattern, kept));
        Dispose();
    }

    /// <summary>Removes what was not moved.</summary>
    public void Dispose()
    {
        _lock?.Dispose();
        _lock = null;
        if (Directory.Exists(_workPath))
        {
            Directory.Delete(_workPath, recursive: true);
        }
    }

    private void RemoveReplaced(string pattern, HashSet<string> kept)
    {
        string folder = Path.GetDirectoryName(Path.Combine(FinalPath, pattern))!;
        if (!Directory.Exists(folder))
        {
            return;
        }

        foreach (string old in Directory.GetFiles(folder, Path.GetFileName(pattern)).Where(file => !kept.Contains(file)))
        {
            File.Delete(old);
        }

        if (folder != FinalPath && !Directory.EnumerateFileSystemEntries(folder).Any())
        {
            Directory.Delete(folder);
        }
    }

    private static void RemoveLeftovers(string path)
    {
        const string Random = "????????.???.tmp"; // of Path.GetRandomFileName
        EnumerationOptions exactly = new() { MatchType = MatchType.Simple, AttributesToSkip = 0, IgnoreInaccessible = true };
        IEnumerable<string> Find(string? folder, string pattern) => Directory.Exists(folder) ? Directory.EnumerateDirectories(folder, pattern, exactly) : [];
        string[] leftovers = [.. Find(Path.GetDirectoryName(path), $"{Path.GetFileName(path)}.{Random}"), .. Find(path, $".{Random}")];
        foreach (string leftover in leftovers)
        {
            try
            {
                // Fails where the process is still there, or has just begun.
                new FileStream(Path.Combine(leftover, LockName), FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
                Directory.Delete(leftover, recursive: true);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
            }
        }
    }
}
