using System.Diagnostics;
using System.Text.RegularExpressions;
using DCCL.Cli.Models;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>A disk that is full, and what a process that was killed while writing left on one: one line, an exit code, and nothing half-written.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.SingleInstance)]
public sealed class FullDiskTests
{
    private static readonly Dictionary<string, string> _environment = [];

    private TemporaryFolder _folder = null!;
    private string _log = null!;
    private string _disk = null!;

    [OneTimeSetUp]
    public void WriteLog()
    {
        _folder = new TemporaryFolder();
        _log = SmallLog.WriteCsv(_folder.Path);
        _disk = Directory.CreateDirectory(_folder["disk"]).FullName;
    }

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Dispose();

    // The folder is a small disk of its own; the checkpoint is beside it.
    [Test]
    public void Train_IntoAFullDisk_KeepsTheCheckpointAndResumesOnceThereIsRoom()
    {
        string[] train = ["train", "--data", _log, "--name", "Movies", "--out", _disk, "--quick", "--yes", "--threads", "1", "--json"];

        ToolRun run = RunOnDisk("64k", train);

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Output), run.Error);
        Assert.That(run.LastError, Does.Match(
            "^error: There must be room to write, but the disk is full: No space left on device.* Make room there, or write elsewhere: .* "
            + "Nothing is lost: once there is room, the same command with --resume makes the model from '.*disk\\.checkpoint'\\.$"));
        Assert.That(run.Output, Is.Empty);

        ToolRun resumed = ToolRun.Of([.. train, "--resume"]); // where nothing is mounted
        Assert.That(resumed.ExitCode, Is.Zero, resumed.Error);
        Assert.That((bool)resumed.Json["resumed"]!, Is.True);
        Assert.That(Directory.GetFileSystemEntries(_disk, ".*").Concat(Directory.GetFileSystemEntries(_folder.Path, "disk.checkpoint*")), Is.Empty);
        Directory.Delete(_disk, recursive: true);
        Directory.CreateDirectory(_disk);
    }

    [TestCase("personalize", "new.mlnet", "--quick")]
    [TestCase("export", "device")]
    public void Verb_OntoAFullDisk_SaysSoAndLeavesNothing(string verb, string output, params string[] options)
    {
        ToolRun run = RunOnDisk("8k", [verb, "--model", SharedModels.Quick, "--out", Path.Combine(_disk, output), .. options]);

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Output), run.Error);
        Assert.That(run.LastError, Does.StartWith("error: There must be room to write, but the disk is full: "));
        Assert.That(run.Output, Is.Empty);
    }

    [Test]
    public void Recommend_WithoutRoomForTemporaryFiles_DoesNotBlameTheModel()
    {
        ToolRun run = RunOnDisk("0-TMPDIR", "recommend", "--model", SharedModels.Quick, "--user", "u1");

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Output), run.Error);
        Assert.That(run.LastError, Does.EndWith("temporary files with TMPDIR."));
    }

    [Test]
    [Platform("Linux", Reason = "Only there is a device that is always full.")]
    public void Tool_OutputAndErrorToAFullDevice_EndsWithItsExitCode()
    {
        using StreamWriter output = new(new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0)) { AutoFlush = true };
        using StringWriter error = new();

        int said = Tool.Run(["recommend", "--model", SharedModels.Quick, "--user", "u1"], new ToolConsole(output, error), CancellationToken.None);
        int unsaid = Tool.Run(["recommend", "--model", SharedModels.Quick, "--user", "u1"], new ToolConsole(output, output), CancellationToken.None);

        Assert.That((said, unsaid), Is.EqualTo((ExitCode.Output, ExitCode.Output)));
        Assert.That(error.ToString(), Does.StartWith("error: There must be room to write, but the disk is full: No space left on device"));
    }

    [Test]
    public void OutputFolder_LeftByAProcessThatWasKilled_IsRemovedByTheNextOneButNotThatOfALivingOne([Values] bool exists)
    {
        string place = Directory.CreateDirectory(_folder[$"place-{exists}"]).FullName;
        string path = Path.Combine(place, "out");
        if (exists)
        {
            Directory.CreateDirectory(path);
        }

        using OutputFolder living = OutputFolder.Begin(path, isForced: true);
        File.WriteAllText(living.GetPath("file"), "living");
        string killed = exists ? Path.Combine(path, ".abcdefgh.ijk.tmp") : $"{path}.abcdefgh.ijk.tmp";
        Directory.CreateDirectory(Path.Combine(killed, "files", "web"));
        File.WriteAllText(Path.Combine(killed, "lock"), "");
        string[] others = [Path.Combine(place, "out.tmp"), Path.Combine(place, "outer.abcdefgh.ijk.tmp")];
        Array.ForEach(others, other => File.WriteAllText(Path.Combine(Directory.CreateDirectory(other).FullName, "lock"), ""));

        using (OutputFolder next = OutputFolder.Begin(path, isForced: true))
        {
            File.WriteAllText(next.GetPath("file"), "next");
            next.Complete();
        }

        Assert.That(Directory.Exists(killed), Is.False);
        Assert.That(others, Is.All.Exist);
        Assert.That(File.ReadAllText(Path.Combine(path, "file")), Is.EqualTo("next"));
        living.Complete();
        Assert.That(File.ReadAllText(Path.Combine(path, "file")), Is.EqualTo("living"), "the later one of two that were forced");
        Assert.That(Directory.GetFileSystemEntries(place, "*", SearchOption.AllDirectories).Where(entry => !others.Any(entry.StartsWith)), Is.EquivalentTo(new[] { path, Path.Combine(path, "file") }));
    }

    [Test]
    public void OutputFolder_AFault_LeavesNothing([Values] bool exists)
    {
        string path = _folder[$"fault-{exists}"];
        if (exists)
        {
            Directory.CreateDirectory(path);
        }

        Assert.That(() => Write(path), Throws.TypeOf<IOException>());

        Assert.That(Directory.GetFileSystemEntries(_folder.Path, $"fault-{exists}*", SearchOption.AllDirectories), Is.EqualTo(exists ? new[] { path } : []));
        Assert.That(!exists || Directory.GetFileSystemEntries(path).Length == 0);

        static void Write(string path)
        {
            using OutputFolder folder = OutputFolder.Begin(path, isForced: false);
            File.WriteAllText(folder.GetPath("a/b"), "half");
            throw new IOException("The disk is full.");
        }
    }

    // A file that even root cannot write, as on a disk that is mounted to be read.
    [Test]
    public void Personalize_ConfigThatCanBeReadButNotWritten_IsRefusedBeforeTheWorkAndNothingIsReplaced()
    {
        string model = Directory.CreateDirectory(_folder["readonly"]).FullName;
        string[] files = [.. Directory.GetFiles(SharedModels.Quick).Select(file => Path.Combine(model, Path.GetFileName(file)))];
        Array.ForEach(files, file => File.Copy(Path.Combine(SharedModels.Quick, Path.GetFileName(file)), file));
        byte[][] before = Array.ConvertAll(files, File.ReadAllBytes);
        string config = Path.Combine(model, "Movies.mbconfig");

        ToolRun run = RunMounted($"mount --bind '{config}' '{config}' && mount -o remount,ro,bind '{config}' || exit 99", "personalize", "--model", model, "--quick");

        Assert.That(run, Is.EqualTo(new ToolRun(
            ExitCode.Output, "", $"error: The file '{config}' must be writable, but is not. Check who may write it, or name another one with --out.\n")));
        Assert.That(Directory.GetFiles(model), Is.EquivalentTo(files));
        Assert.That(Array.ConvertAll(files, File.ReadAllBytes), Is.EqualTo(before));
    }

    /// <summary>Runs a verb with a small disk of its own, mounted where only that process sees it, which needs no rights; and lists what it left there.</summary>
    private ToolRun RunOnDisk(string size, params string[] args)
    {
        bool isForTemporaryFiles = size == "0-TMPDIR";
        string fill = isForTemporaryFiles ? $"export TMPDIR='{_disk}'; head -c 4096 /dev/zero > '{_disk}/fill';" : "";
        return RunMounted($"mount -t tmpfs -o size={(isForTemporaryFiles ? "4k" : size)} tmpfs '{_disk}' || exit 99; {fill} trap \"ls -A '{_disk}'\" EXIT", args);
    }

    /// <summary>Runs a verb after a script that mounts something, which only that process sees and needs no rights.</summary>
    private ToolRun RunMounted(string script, params string[] args)
    {
        if (!OperatingSystem.IsLinux() || !File.Exists("/usr/bin/unshare"))
        {
            Assert.Ignore("Only Linux's unshare gives a process a disk of its own.");
        }

        using Process process = SubProcess.Start(
            "/usr/bin/unshare", _folder.Path, _environment,
            ["--user", "--map-root-user", "--mount", "sh", "-c", $"{script}; \"$@\"", "sh", SubProcess.DotNet, "exec", Path.Combine(AppContext.BaseDirectory, "dccl.dll"), .. args]);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode == 99 || Regex.IsMatch(errors.Result, "^unshare: "))
        {
            Assert.Ignore($"The system lets nobody mount a disk of their own: {errors.Result}");
        }

        return new ToolRun(process.ExitCode, output, errors.Result);
    }
}
