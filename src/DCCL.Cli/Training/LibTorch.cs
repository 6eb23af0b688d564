using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using TorchSharp;

namespace DCCL.Cli.Training;

/// <summary>Finds libtorch, which the tool's package does not hold: 480 MB that only training needs.</summary>
/// <remarks>
/// It is looked for beside the program, then in NuGet's package cache, where every project that trains has put it already; and
/// at the first training on a machine that has none NuGet is asked for it. TorchSharp's own small library is part of the tool, and finds the
/// large ones by their names once they are loaded.
/// </remarks>
internal static class LibTorch
{
    // The order in which they need one another.
    private static readonly string[] _libraries = ["c10", "torch_cpu", "torch"];

    private static string? _folder;
    private static bool _isWatching;

    /// <summary>Gets the version that TorchSharp was built for.</summary>
    public static string Version { get; } = typeof(LibTorch).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .First(attribute => attribute.Key == "LibTorchVersion").Value!;

    /// <summary>Gets the package of this system; null if there is none for it.</summary>
    public static string? PackageName => GetSystem() is string system ? $"libtorch-cpu-{system}" : null;

    /// <summary>Gets whether a program of this system has libtorch beside it.</summary>
    public static bool IsBesideProgram()
    {
        bool isThere = NativeLibrary.TryLoad("torch_cpu", typeof(torch).Assembly, searchPath: null, out nint handle);
        if (isThere)
        {
            NativeLibrary.Free(handle);
        }

        return isThere;
    }

    /// <summary>Gets the folder of libtorch in NuGet's package cache; null if it is not there.</summary>
    public static string? FindInPackageCache() => PackageName is string package
        ? GetPackageFolders()
            .Select(folder => Path.Combine(folder, package, Version, "runtimes", GetSystem()!, "native"))
            .FirstOrDefault(Directory.Exists)
        : null;

    /// <summary>Sees to it that libtorch can be loaded. Every verb that trains calls it first.</summary>
    public static void Prepare(ToolConsole console, CancellationToken cancellation)
    {
        if (_folder is not null || IsBesideProgram() || PackageName is null)
        {
            return; // for another system the trainers say what is missing
        }

        _folder = FindInPackageCache();
        if (_folder is null)
        {
            console.Note($"Training needs libtorch {Version}: NuGet is asked for {PackageName}, once, some 120 MB.");
            Restore(PackageName, cancellation);
            _folder = FindInPackageCache()
                ?? throw new ToolException(ExitCode.Environment, $"NuGet must have put {PackageName} {Version} into its package cache, but has not. Set NUGET_PACKAGES to the folder that it uses.");
        }

        if (!_isWatching)
        {
            _isWatching = true;
            AssemblyLoadContext.Default.ResolvingUnmanagedDll += (_, name) => name == "torch_cpu" ? LoadAll(_folder) : 0;
        }
    }

    private static nint LoadAll(string folder)
    {
        nint found = 0;
        foreach (string library in _libraries)
        {
            string file = OperatingSystem.IsWindows() ? $"{library}.dll" : OperatingSystem.IsMacOS() ? $"lib{library}.dylib" : $"lib{library}.so";
            nint handle = NativeLibrary.Load(Path.Combine(folder, file));
            found = library == "torch_cpu" ? handle : found;
        }

        return found;
    }

    private static void Restore(string package, CancellationToken cancellation)
    {
        string folder = Directory.CreateTempSubdirectory("dccl-libtorch-").FullName;
        try
        {
            string project = Path.Combine(folder, "libtorch.proj.csproj");
            File.WriteAllText(project, $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
                  <ItemGroup><PackageDownload Include="{package}" Version="[{Version}]" /></ItemGroup>
                </Project>
                """);
            ProcessStartInfo start = new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", ["restore", project, "--verbosity", "quiet"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using Process process = Process.Start(start)!;
            using CancellationTokenRegistration stop = cancellation.Register(() => process.Kill(entireProcessTree: true));
            Task<string> errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            cancellation.ThrowIfCancellationRequested();
            if (process.ExitCode != 0)
            {
                throw new ToolException(
                    ExitCode.Environment, $"NuGet must fetch {package} {Version}, but cannot: {output} {errors.Result} Check the package sources with 'dotnet nuget list source'.");
            }
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new ToolException(ExitCode.Environment, $"The .NET SDK must be there to fetch {package}, but is not: {exception.Message} Install the SDK, not only the runtime.", exception);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Gets the folders in which NuGet keeps packages.</summary>
    public static IEnumerable<string> GetPackageFolders()
    {
        if (Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } set)
        {
            yield return set;
        }

        yield return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        foreach (string fallback in (Environment.GetEnvironmentVariable("RestoreFallbackFolders") ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            yield return fallback;
        }
    }

    private static string? GetSystem() => (RuntimeInformation.OSArchitecture, OperatingSystem.IsLinux(), OperatingSystem.IsMacOS(), OperatingSystem.IsWindows()) switch
    {
        (Architecture.X64, true, _, _) => "linux-x64",
        (Architecture.Arm64, _, true, _) => "osx-arm64",
        (Architecture.X64, _, _, true) => "win-x64",
        _ => null,
    };
}
