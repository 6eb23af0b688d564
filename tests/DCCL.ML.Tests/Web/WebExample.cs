using System.ComponentModel;
using System.Diagnostics;
using DCCL.TestKit;
using NUnit.Framework;

namespace DCCL.ML.Tests.Web;

/// <summary>examples/OnDeviceWeb, whose JavaScript the tests run where Node and its packages are.</summary>
internal static class WebExample
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(5);

    /// <summary>Gets the folder of the example.</summary>
    public static string Folder { get; } = Path.Combine(RepositoryFolder.Path, "examples", "OnDeviceWeb");

    /// <summary>Skips the test where there is no Node or no package of the example.</summary>
    public static void RequireNode()
    {
        if (Run("node", Folder, ["--version"], []) is null)
        {
            Assert.Ignore("There is no node here: install Node 20 or newer.");
        }

        if (!Directory.Exists(Path.Combine(Folder, "node_modules", "onnxruntime-node")))
        {
            Assert.Ignore("The packages of examples/OnDeviceWeb are missing: run npm ci there.");
        }
    }

    /// <summary>Runs a file of tests of the example, all of which must pass.</summary>
    public static void RunTests(string file, params (string Name, string Value)[] environment)
    {
        (int status, string output) = Run("node", Folder, ["--test", "--test-reporter=spec", Path.Combine("test", file)], environment)!.Value;
        TestContext.Out.WriteLine(output);
        Assert.That(status, Is.Zero, output);
        Assert.That(output, Does.Match("pass [1-9]").And.Contains("skipped 0"), "Node ran no test.");
    }

    /// <summary>Runs a program to its end.</summary>
    /// <returns>What it ended with and printed; null if there is no such program.</returns>
    public static (int Status, string Output)? Run(string program, string folder, IReadOnlyList<string> arguments, (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        try
        {
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> error = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(_limit))
            {
                process.Kill(entireProcessTree: true);
                Assert.Fail($"{program} {string.Join(' ', arguments)} ran for more than {_limit}.");
            }

            return (process.ExitCode, output.Result + error.Result);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
