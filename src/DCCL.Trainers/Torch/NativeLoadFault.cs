using System.Text.RegularExpressions;

namespace DCCL.Trainers.Torch;

/// <summary>Turns what the system's loader says of a native library into what a user can do about it.</summary>
internal static partial class NativeLoadFault
{
    /// <summary>Describes why a library does not load: which one, what is missing, what to install.</summary>
    /// <param name="library">The name that was asked for, such as <c>torch_cpu</c>.</param>
    /// <param name="loaderMessage">The message of the exception, several lines on Linux: one for every place that was tried.</param>
    /// <param name="runtimeIdentifier">The running system, such as <c>linux-x64</c> or <c>debian.12-x64</c>.</param>
    public static string Describe(string library, string loaderMessage, string runtimeIdentifier)
    {
        string package = Package(runtimeIdentifier);
        string? cause = loaderMessage.Split('\n', StringSplitOptions.TrimEntries).Skip(1).FirstOrDefault(line => IsCause(line, library));
        string found = cause ?? FirstLine(loaderMessage);
        string remedy;
        if (SymbolVersion().Match(found) is { Success: true } version)
        {
            found = $"{Path.GetFileName(version.Groups["file"].Value)} lacks version {version.Groups["version"].Value}";
            remedy = Upgrade(version.Groups["version"].Value);
        }
        else if (MissingFile().Match(found) is { Success: true } missing)
        {
            string file = missing.Groups["file"].Value;
            found = $"{file}, which it needs, is not there";
            remedy = IsTorch(file)
                ? $"Add the package {package} to the project that runs."
                : $"Install the system package that holds {file}{Holder(file)}.";
        }
        else if (runtimeIdentifier.StartsWith("win", StringComparison.Ordinal))
        {
            remedy = $"Add the package {package} to the project that runs, and install the Visual C++ redistributable for x64.";
        }
        else if (cause is null)
        {
            found = "it is not beside the program";
            remedy = library == "LibTorchSharp"
                ? $"Publish for one of TorchSharp's systems (linux-x64, osx-arm64, win-x64); this one is {runtimeIdentifier}."
                : $"Add the package {package} to the project that runs.";
        }
        else
        {
            remedy = $"Check that {package} suits this system, {runtimeIdentifier}.";
        }

        return $"TorchSharp's native library '{library}' must load, but does not: {found}. {remedy}";
    }

    // The loader tries several names in several places; a file of that very name that is not there tells nothing.
    private static bool IsCause(string line, string library)
    {
        if (line.Length == 0)
        {
            return false;
        }

        string subject = Path.GetFileNameWithoutExtension(line.Split(": ")[0]);
        return !line.Contains("cannot open shared object file", StringComparison.Ordinal)
            || (subject != library && subject != "lib" + library);
    }

    private static string FirstLine(string message)
    {
        string line = message.Split('\n', 2)[0].Trim();
        int hint = line.IndexOf(" In order to help diagnose", StringComparison.Ordinal);
        return (hint < 0 ? line : line[..hint]).TrimEnd('.');
    }

    private static bool IsTorch(string file)
    {
        return file.StartsWith("libtorch", StringComparison.Ordinal)
            || file.StartsWith("libc10", StringComparison.Ordinal)
            || file.StartsWith("libgomp-", StringComparison.Ordinal);
    }

    private static string Upgrade(string version)
    {
        if (version == "GLIBCXX_3.4.32")
        {
            return "Build again with RelaxTorchSharpNativeLibrary at its default, true, or install the libstdc++ of GCC 13 or later.";
        }

        return version.StartsWith("GLIBC_", StringComparison.Ordinal)
            ? "Use a system with a newer C library, such as Debian 12 or Ubuntu 22.04."
            : "Install a newer libstdc++ (Debian, Ubuntu: libstdc++6).";
    }

    private static string Holder(string file)
    {
        return file switch
        {
            "libgomp.so.1" => " (Debian, Ubuntu: libgomp1)",
            "libstdc++.so.6" => " (Debian, Ubuntu: libstdc++6)",
            "libgcc_s.so.1" => " (Debian, Ubuntu: libgcc-s1)",
            _ => "",
        };
    }

    private static string Package(string runtimeIdentifier)
    {
        return runtimeIdentifier switch
        {
            _ when runtimeIdentifier.StartsWith("win", StringComparison.Ordinal) => "libtorch-cpu-win-x64",
            _ when runtimeIdentifier.StartsWith("osx", StringComparison.Ordinal) => "libtorch-cpu-osx-arm64",
            _ => "libtorch-cpu-linux-x64",
        };
    }

    [GeneratedRegex("^(?<file>[^:]+): version `(?<version>[^']+)' not found")]
    private static partial Regex SymbolVersion();

    [GeneratedRegex("^(?<file>[^:/]+): cannot open shared object file")]
    private static partial Regex MissingFile();
}
