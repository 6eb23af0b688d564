namespace DCCL.Cli.Models;

/// <summary>A file that a verb writes.</summary>
internal static class OutputFile
{
    /// <summary>Refuses what cannot be written: now, and not after the work.</summary>
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
    }
}
