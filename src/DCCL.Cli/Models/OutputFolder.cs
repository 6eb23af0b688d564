namespace DCCL.Cli.Models;

/// <summary>A folder that is written aside and then moved into its place, so that nobody ever finds half of it.</summary>
internal sealed class OutputFolder : IDisposable
{
    private readonly bool _isForced;

    private OutputFolder(string path, string aside, bool isForced)
    {
        FinalPath = path;
        AsidePath = aside;
        _isForced = isForced;
    }

    /// <summary>Gets where the files will be.</summary>
    public string FinalPath { get; }

    /// <summary>Gets where they are written.</summary>
    public string AsidePath { get; }

    /// <summary>Begins. What exists is refused, unless it is to be replaced, and so is what cannot be written: now, and not after the work.</summary>
    public static OutputFolder Begin(string path, bool isForced)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(full))
        {
            throw ToolException.Output($"The folder '{path}' of --out must not be a file, but is. Name another one.");
        }

        if (!isForced && Directory.Exists(full) && Directory.EnumerateFileSystemEntries(full).Any())
        {
            throw ToolException.Output($"The folder '{path}' must not exist yet, but does. Name another one with --out, or replace its files with --force.");
        }

        string aside = $"{full}.{Path.GetRandomFileName()}.tmp";
        try
        {
            // Made again when there is something to write: a process that is killed before leaves nothing behind.
            Directory.CreateDirectory(aside);
            Directory.Delete(aside);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw ToolException.Output($"The folder '{path}' must be writable, but is not: {exception.Message} Name another one with --out.", exception);
        }

        return new OutputFolder(full, aside, isForced);
    }

    /// <summary>Gets where a file is written.</summary>
    public string GetPath(string name)
    {
        string path = Path.Combine(AsidePath, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>Moves everything into its place.</summary>
    public void Complete()
    {
        if (Directory.Exists(FinalPath) && !Directory.EnumerateFileSystemEntries(FinalPath).Any())
        {
            Directory.Delete(FinalPath);
        }

        if (!Directory.Exists(FinalPath))
        {
            Directory.Move(AsidePath, FinalPath);
            return;
        }

        if (!_isForced)
        {
            throw ToolException.Output($"The folder '{FinalPath}' must not exist yet, but was made meanwhile. Name another one with --out.");
        }

        foreach (string file in Directory.EnumerateFiles(AsidePath, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(FinalPath, Path.GetRelativePath(AsidePath, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Move(file, target, overwrite: true);
        }
    }

    /// <summary>Removes what was not moved.</summary>
    public void Dispose()
    {
        if (Directory.Exists(AsidePath))
        {
            Directory.Delete(AsidePath, recursive: true);
        }
    }
}
