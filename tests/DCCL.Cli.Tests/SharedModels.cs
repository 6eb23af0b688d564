using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>Models that several fixtures look at and none changes, each trained when it is first asked for.</summary>
[SetUpFixture]
public sealed class SharedModels
{
    private static readonly Lazy<TemporaryFolder> _folder = new(() => new TemporaryFolder());
    private static readonly Lazy<ToolRun> _quick = new(() => Train("quick", SmallLog.WriteCsv(_folder.Value.Path), "--quick"));
    private static readonly Lazy<ToolRun> _all = new(() => Train("all", SmallLog.WriteCsv(_folder.Value.Path), "--quick", "--use-all"));
    private static readonly Lazy<ToolRun> _tastes = new(() => Train("tastes", SmallLog.WriteStrongTastes(_folder.Value.Path), "--label", "liked"));
    private static readonly Lazy<string> _patched = new(Personalize);

    /// <summary>Gets what the training of <see cref="Quick"/> wrote.</summary>
    internal static ToolRun QuickTraining => _quick.Value;

    /// <summary>Gets the folder of a model of the small log.</summary>
    internal static string Quick => GetFolder(_quick.Value);

    /// <summary>Gets what the training of <see cref="All"/> wrote.</summary>
    internal static ToolRun AllTraining => _all.Value;

    /// <summary>Gets the folder of a model that has learnt all events of the small log.</summary>
    internal static string All => GetFolder(_all.Value);

    /// <summary>Gets the folder of a model of people whose tastes differ much, with labels.</summary>
    internal static string Tastes => GetFolder(_tastes.Value);

    /// <summary>Gets the file of <see cref="Tastes"/> with everybody's patch.</summary>
    internal static string Patched => _patched.Value;

    [OneTimeTearDown]
    public void DeleteFolder()
    {
        if (_folder.IsValueCreated)
        {
            _folder.Value.Dispose();
        }
    }

    private static string GetFolder(ToolRun run) => (string)run.Json["folder"]!;

    private static ToolRun Train(string name, string log, params string[] options)
    {
        ToolRun run = ToolRun.Of(["train", "--data", log, "--name", "Movies", "--out", _folder.Value[name], "--yes", "--json", .. options]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        return run;
    }

    private static string Personalize()
    {
        string path = _folder.Value["Patched.mlnet"];
        ToolRun run = ToolRun.Of("personalize", "--model", Tastes, "--out", path, "--json");
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        return path;
    }
}
