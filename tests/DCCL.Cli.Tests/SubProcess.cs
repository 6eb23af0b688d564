using System.Diagnostics;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>Runs a program and gives what it wrote.</summary>
internal static class SubProcess
{
    /// <summary>Gets the command that runs the SDK.</summary>
    public static string DotNet { get; } = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    /// <summary>Runs a program that must end well.</summary>
    /// <param name="program">The program.</param>
    /// <param name="folder">Its working folder.</param>
    /// <param name="environment">What to set for it.</param>
    /// <param name="args">Its arguments.</param>
    public static string Run(string program, string folder, IReadOnlyDictionary<string, string> environment, params string[] args)
    {
        using Process process = Start(program, folder, environment, args);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, $"{program} {string.Join(' ', args)}\n{output}\n{errors.Result}");
        return output;
    }

    /// <summary>Starts a program.</summary>
    public static Process Start(string program, string folder, IReadOnlyDictionary<string, string> environment, params string[] args)
    {
        ProcessStartInfo start = new(program, args) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        // The SDK that runs the tests has its own settings in variables, which must not reach another one.
        start.Environment.Remove("MSBuildSDKsPath");
        start.Environment.Remove("MSBUILD_EXE_PATH");
        start.Environment.Remove("MSBuildExtensionsPath");
        return Process.Start(start)!;
    }
}
