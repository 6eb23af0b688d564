using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using DCCL.Cli.Training;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;

namespace DCCL.Cli.Diagnosis;

/// <summary>Looks at the machine: each check says what it found, and what to do about it.</summary>
internal static partial class MachineChecks
{
    private const long Gigabyte = 1L << 30;

    /// <summary>Runs all checks.</summary>
    public static IEnumerable<Finding> Run()
    {
        yield return CheckRuntime();
        yield return CheckSdk();
        yield return CheckOnnxRuntime();
        yield return CheckLibTorch();
        yield return CheckTorchSharp();
        if (OperatingSystem.IsLinux())
        {
            yield return CheckStandardLibrary();
        }

        yield return new Finding("cores", Environment.ProcessorCount > 1 ? Severity.Fine : Severity.Warning, $"{Environment.ProcessorCount}", Environment.ProcessorCount > 1 ? null : "Training takes longer on a single core.");
        yield return CheckMemory();
        yield return CheckFolder("working folder", Directory.GetCurrentDirectory());
        yield return CheckFolder("temporary folder", Path.GetTempPath());
    }

    private static Finding CheckRuntime() => new(".NET", Severity.Fine, $"{Environment.Version} on {RuntimeInformation.OSDescription}, {RuntimeInformation.RuntimeIdentifier}");

    private static Finding CheckSdk()
    {
        const string Fix = "Install the .NET 10 SDK: generated projects are built with it, and NuGet fetches libtorch with it.";
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", ["--version"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = Path.GetTempPath(), // no global.json
            })!;
            string version = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            return process.ExitCode == 0 && int.TryParse(version.Split('.')[0], out int major) && major >= 10
                ? new Finding(".NET SDK", Severity.Fine, version)
                : new Finding(".NET SDK", Severity.Warning, version.Length > 0 ? version : "none", Fix);
        }
        catch (Win32Exception)
        {
            return new Finding(".NET SDK", Severity.Warning, "none", Fix);
        }
    }

    private static Finding CheckOnnxRuntime()
    {
        try
        {
            return new Finding("ONNX Runtime", Severity.Fine, $"{OrtEnv.Instance().GetVersionString()} loads; scoring needs nothing else");
        }
        catch (Exception exception) when (exception is TypeInitializationException or DllNotFoundException or OnnxRuntimeException or EntryPointNotFoundException)
        {
            return new Finding(
                "ONNX Runtime", Severity.Fault, exception.GetBaseException().Message,
                OperatingSystem.IsWindows() ? "Install the Visual C++ redistributable for x64." : "Use a system with glibc 2.28 or later; Alpine's musl will not do.");
        }
    }

    private static Finding CheckLibTorch()
    {
        if (LibTorch.IsBesideProgram())
        {
            return new Finding("libtorch", Severity.Fine, "beside the program");
        }

        return LibTorch.PackageName is null
            ? new Finding("libtorch", Severity.Warning, $"there is none for {RuntimeInformation.RuntimeIdentifier}", "Train on linux-x64, osx-arm64 or win-x64; scoring works here.")
            : LibTorch.FindInPackageCache() is string folder
                ? new Finding("libtorch", Severity.Fine, $"{LibTorch.Version} in {folder}")
                : new Finding("libtorch", Severity.Warning, "not fetched yet", $"The first training has NuGet fetch {LibTorch.PackageName} {LibTorch.Version}, some 120 MB; scoring does not need it.");
    }

    private static Finding CheckTorchSharp()
    {
        string version = typeof(torch).Assembly.GetName().Version?.ToString(3) ?? "unknown";
        if (OperatingSystem.IsWindows() && version == "0.107.0")
        {
            return new Finding("TorchSharp", Severity.Warning, $"{version}, which is reported not to load on Windows (its issue 1567)", "Train on Linux, WSL among others; scoring works here.");
        }

        if (!LibTorch.IsBesideProgram() && LibTorch.FindInPackageCache() is null)
        {
            return new Finding("TorchSharp", Severity.Warning, $"{version}, not tried without libtorch");
        }

        try
        {
            LibTorch.Prepare(new ToolConsole(TextWriter.Null, TextWriter.Null), CancellationToken.None);
            NativeLibrary.Load("torch_cpu", typeof(torch).Assembly, searchPath: null);
            NativeLibrary.Load("LibTorchSharp", typeof(torch).Assembly, searchPath: null);
            return new Finding("TorchSharp", Severity.Fine, $"{version} loads");
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            return new Finding("TorchSharp", Severity.Fault, exception.Message.Split('\n')[0], "Install the system packages libstdc++6 and libgomp1, and run 'dccl doctor' again.");
        }
    }

    private static Finding CheckStandardLibrary()
    {
        string? path = NativeLibrary.TryLoad("libstdc++.so.6", out _)
            ? File.ReadLines("/proc/self/maps").Select(line => line.Split(' ')[^1]).FirstOrDefault(file => Path.GetFileName(file).StartsWith("libstdc++.so.6", StringComparison.Ordinal))
            : null;
        if (path is null || !File.Exists(path))
        {
            return new Finding("libstdc++", Severity.Fault, "not found", "Install it (Debian, Ubuntu: libstdc++6).");
        }

        string text = System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(path));
        Version newest = SymbolVersions().Matches(text).Select(match => Version.Parse(match.Groups[1].Value)).DefaultIfEmpty(new Version(0, 0)).Max()!;
        return newest >= new Version(3, 4, 29)
            ? new Finding("libstdc++", Severity.Fine, $"GLIBCXX_{newest}" + (newest < new Version(3, 4, 32) ? "; older than TorchSharp asks for, which dccl sees to" : ""))
            : new Finding("libstdc++", Severity.Warning, $"GLIBCXX_{newest}", "Use the libstdc++ of GCC 11 or later: Debian 12, Ubuntu 22.04.");
    }

    private static Finding CheckMemory()
    {
        double gigabytes = (double)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Gigabyte;
        string found = FormattableString.Invariant($"{gigabytes:F1} GB");
        return gigabytes >= 2
            ? new Finding("memory", Severity.Fine, found)
            : new Finding("memory", Severity.Warning, found, "A log of some million events needs 2 GB or more: raise the container's limit, or take a shorter log.");
    }

    private static Finding CheckFolder(string name, string folder)
    {
        string file = Path.Combine(folder, $".dccl-{Path.GetRandomFileName()}");
        try
        {
            File.WriteAllText(file, "");
            File.Delete(file);
            long free = new DriveInfo(folder).AvailableFreeSpace;
            string found = FormattableString.Invariant($"{folder} can be written, {(double)free / Gigabyte:F1} GB free");
            return free >= Gigabyte ? new Finding(name, Severity.Fine, found) : new Finding(name, Severity.Warning, found, "Free a gigabyte: libtorch and a model need it.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new Finding(name, Severity.Fault, exception.Message, "Change to a folder where you may write.");
        }
    }

    [GeneratedRegex("GLIBCXX_([0-9]+\\.[0-9]+(?:\\.[0-9]+)?)")]
    private static partial Regex SymbolVersions();
}
