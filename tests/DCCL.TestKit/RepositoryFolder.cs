namespace DCCL.TestKit;

/// <summary>Finds the repository that the running tests were built in, for tests of its texts.</summary>
public static class RepositoryFolder
{
    /// <summary>Gets the path of the folder that holds DCCL.sln.</summary>
    public static string Path { get; } = Find(AppContext.BaseDirectory);

    private static string Find(string folder) => File.Exists(System.IO.Path.Combine(folder, "DCCL.sln"))
        ? folder
        : Find(Directory.GetParent(folder)?.FullName
            ?? throw new InvalidOperationException($"'{AppContext.BaseDirectory}' must lie below the folder of DCCL.sln, but does not."));
}
