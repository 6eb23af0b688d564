using System.Reflection;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using DCCL.ML;

namespace DCCL.Cli.Generation;

/// <summary>Where generated projects take DCCL's packages from.</summary>
/// <param name="Path">The folder of the packages; null for the usual sources.</param>
/// <param name="IsOwn">Whether the packages are the tool's own, which are copied beside the projects.</param>
/// <param name="Version">The version to reference.</param>
internal sealed partial record PackageFolder(string? Path, bool IsOwn, string Version)
{
    /// <summary>The folder, beside the projects, of the tool's own packages.</summary>
    public const string OwnFolderName = "packages";

    private static readonly string[] _packages = ["DCCL.ML", "DCCL.Trainers"];

    /// <summary>Gets the files of the packages.</summary>
    public IEnumerable<string> Files => Path is null ? [] : _packages.Select(package => System.IO.Path.Combine(Path, $"{package}.{Version}.nupkg"));

    /// <summary>Finds the packages.</summary>
    /// <param name="source">The folder that somebody named; null for the tool's own packages.</param>
    public static PackageFolder Find(string? source)
    {
        string folder = source is null ? System.IO.Path.Combine(AppContext.BaseDirectory, OwnFolderName) : System.IO.Path.GetFullPath(source);
        string? newest = Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder, "DCCL.ML.*.nupkg")
                .Select(file => PackageFile().Match(System.IO.Path.GetFileName(file)))
                .Where(match => match.Success && File.Exists(System.IO.Path.Combine(folder, $"DCCL.Trainers.{match.Groups[1].Value}.nupkg")))
                .Select(match => match.Groups[1].Value)
                .OrderBy(version => System.Version.Parse(version.Split('-', '+')[0]))
                .ThenBy(version => !version.Contains('-', StringComparison.Ordinal))
                .ThenBy(version => version, StringComparer.Ordinal)
                .LastOrDefault()
            : null;
        if (newest is not null)
        {
            return new PackageFolder(folder, source is null, newest);
        }

        return source is null
            ? new PackageFolder(null, IsOwn: false, GetOwnVersion())
            : throw ToolException.BadInput($"The folder '{source}' of --package-source must hold the packages DCCL.ML and DCCL.Trainers of one version, but does not. Pack them into it with 'dotnet pack -o'.");
    }

    /// <summary>Finds what NuGet would rather take: other packages of the same names and version, which it has kept.</summary>
    /// <param name="caches">The folders in which it keeps packages.</param>
    public IEnumerable<string> FindOthers(IEnumerable<string> caches)
    {
        foreach (string cache in caches)
        {
            foreach (string package in Files)
            {
                string kept = System.IO.Path.Combine(cache, System.IO.Path.GetFileName(package)[..^$".{Version}.nupkg".Length].ToLowerInvariant(), Version.ToLowerInvariant());
                string hash = System.IO.Path.Combine(kept, System.IO.Path.GetFileName(package).ToLowerInvariant() + ".sha512");
                if (File.Exists(hash) && File.ReadAllText(hash).Trim() != Convert.ToBase64String(SHA512.HashData(File.ReadAllBytes(package))))
                {
                    yield return kept;
                }
            }
        }
    }

    private static string GetOwnVersion() => typeof(DeviceCloudCatalog).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    [GeneratedRegex("^DCCL\\.ML\\.([0-9]+\\.[0-9]+\\.[0-9]+(?:-[0-9A-Za-z.-]+)?)\\.nupkg$", RegexOptions.IgnoreCase)]
    private static partial Regex PackageFile();
}
