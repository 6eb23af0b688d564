using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using DCCL.Trainers;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>A training of the tool that is killed, or interrupted, as a process of its own; and what <c>--resume</c> makes of it.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.SingleInstance)]
public sealed class ResumeTests
{
    private static readonly Dictionary<string, string> _environment = [];

    private TemporaryFolder _folder = null!;
    private string _log = null!;

    [OneTimeSetUp]
    public void TrainToTheEnd()
    {
        _folder = new TemporaryFolder();
        _log = SmallLog.WriteCsv(_folder.Path);
        ToolRun run = ToolRun.Of(Train("whole"));
        Assert.That(run.ExitCode, Is.Zero, run.Error);
    }

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Dispose();

    // Line by line, and a while after the line: in the middle of an epoch, or while its end is written.
    [Test]
    public void Train_KilledAgainAndAgain_ResumesToTheSameFiles()
    {
        (string Line, int Milliseconds)[] ends = [("60 users", 0), ("din: epoch 1 of", 0), ("din: epoch 2 of", 20), ("din: epoch 4 of", 70)];
        foreach ((string line, int milliseconds) in ends)
        {
            using Process process = Start([.. Train("killed"), "--resume"]);
            WaitForLine(process, line);
            Thread.Sleep(milliseconds);
            process.Kill();
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Not.Zero, "it was killed before it was done");
            Assert.That(Directory.Exists(_folder["killed"]), Is.False);
        }

        ToolRun last = ToolRun.Of([.. Train("killed"), "--resume"]);

        Assert.That(last.ExitCode, Is.Zero, last.Error);
        Assert.That((bool)last.Json["resumed"]!, Is.True);
        Assert.That((bool)last.Json["interrupted"]!, Is.False);
        Assert.That(last.Error, Does.Contain("Goes on from '").And.Contains("killed.checkpoint'."));
        AssertSameModel("killed");
        Assert.That(Directory.GetFileSystemEntries(_folder.Path, "killed*"), Is.EqualTo(new[] { _folder["killed"] }), "nothing else is left");
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "Windows sends no signals.")]
    public void Train_InterruptedBySignal_KeepsAModelAndResumesToTheSameFiles()
    {
        Assume.That(IsInterruptIgnored(), Is.False, "whoever started the tests has all their processes ignore SIGINT");
        using Process process = Start(Train("interrupted"));
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string errors = WaitForLine(process, "din: epoch 2 of");
        SubProcess.Run("kill", _folder.Path, _environment, "-INT", $"{process.Id}");
        errors += process.StandardError.ReadToEnd();
        process.WaitForExit();

        Assert.That(process.ExitCode, Is.Zero, errors);
        JsonNode json = JsonNode.Parse(output.Result)!;
        Assert.That((bool)json["interrupted"]!, Is.True);
        Assert.That((string?)json["checkpoint"], Is.EqualTo(_folder["interrupted.checkpoint"]));
        Assert.That(errors, Does.Not.Contain("epoch 5 of"));
        Assert.That(ToolRun.Of("recommend", "--model", _folder["interrupted"], "--user", SmallLog.Events[0].User, "-k", "3").ExitCode, Is.Zero);
        Assert.That(ToolRun.Of([.. Train("interrupted"), "--resume"]).LastError, Does.Contain("must not exist yet, but does"), "a model is not replaced unasked");

        ToolRun last = ToolRun.Of([.. Train("interrupted"), "--resume", "--force"]);

        Assert.That(last.ExitCode, Is.Zero, last.Error);
        AssertSameModel("interrupted");
        Assert.That(File.Exists(_folder["interrupted.checkpoint"]), Is.False);
    }

    [Test]
    public void Train_WithACheckpointThatNobodyAskedFor_KeepsItUnlessForced()
    {
        string checkpoint = Interrupt("kept");
        byte[] bytes = File.ReadAllBytes(checkpoint);

        ToolRun refused = ToolRun.Of(Train("kept"));

        Assert.That(refused.ExitCode, Is.EqualTo(ExitCode.Output));
        Assert.That(refused.LastError, Does.Match(
            "^error: The training of '.*kept' was ended before it was done, and its checkpoint '.*kept\\.checkpoint' is there\\. Go on with --resume, or train anew with --force\\.$"));
        Assert.That(File.ReadAllBytes(checkpoint), Is.EqualTo(bytes));

        ToolRun anew = ToolRun.Of([.. Train("kept", "2"), "--force"]);
        Assert.That(anew.ExitCode, Is.Zero, anew.Error);
        Assert.That((bool)anew.Json["resumed"]!, Is.False);
        Assert.That(File.Exists(checkpoint), Is.False);
    }

    [Test]
    public void Train_ResumedWithOtherOptionsOrADamagedCheckpoint_IsRefusedInOneLine()
    {
        string checkpoint = Interrupt("other");

        ToolRun other = ToolRun.Of([.. Train("other", "2"), "--resume"]);
        using (FileStream stream = new(checkpoint, FileMode.Open))
        {
            stream.SetLength(stream.Length - 1);
        }

        ToolRun damaged = ToolRun.Of([.. Train("other"), "--resume"]);

        Assert.That(other.ExitCode, Is.EqualTo(ExitCode.BadModel));
        Assert.That(other.LastError, Does.Contain("is of another: seed was 1, but is 2."));
        Assert.That(damaged.ExitCode, Is.EqualTo(ExitCode.BadModel));
        Assert.That(damaged.LastError, Does.Contain("must be whole, but is damaged: its digest is not that of its bytes."));
        Assert.That(other.Error + damaged.Error, Does.Not.Contain("din: epoch").And.Not.Contain("Goes on from"));
        Assert.That(Directory.Exists(_folder["other"]), Is.False);
    }

    [Test]
    public void Train_ResumedWithAnotherLog_IsRefusedInPlainWords()
    {
        Interrupt("changed");
        string[] lines = File.ReadAllLines(_log);
        string other = Path.Combine(_folder.Path, "other.csv");
        string untimed = Path.Combine(_folder.Path, "untimed.csv");
        File.WriteAllLines(other, [lines[0], .. lines[30..]]);
        File.WriteAllLines(untimed, lines.Select(line => line[..line.LastIndexOf(',')]));

        ToolRun ofOther = ToolRun.Of([.. Train("changed", log: other), "--resume"]);
        ToolRun ofUntimed = ToolRun.Of([.. Train("changed", log: untimed), "--resume"]);

        Assert.That(ofOther.ExitCode, Is.EqualTo(ExitCode.BadModel));
        Assert.That(ofOther.LastError, Does.Contain("must be of this run, but is of another: the log is another one ("));
        Assert.That(ofUntimed.LastError, Does.Contain(
            "is of another: the columns were user 'User', item 'Item', time 'Timestamp', but are user 'User', item 'Item'; the log is another one ("));
        Assert.That(ofOther.Error + ofUntimed.Error, Does.Not.Contain("Goes on from").And.Not.Contain("InteractionColumns"));
    }

    [Test]
    public void Inspect_ACheckpoint_SaysOfWhichTrainingItIs()
    {
        string checkpoint = Interrupt("inspected");
        TrainingCheckpoint expected = TrainingCheckpoint.Load(checkpoint);

        ToolRun run = ToolRun.Of("inspect", checkpoint, "--json");
        JsonNode artefact = run.Json["artefacts"]![0]!;
        File.WriteAllBytes(checkpoint, File.ReadAllBytes(checkpoint)[1..]);
        ToolRun damaged = ToolRun.Of("inspect", checkpoint);

        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That((string?)artefact["kind"], Is.EqualTo("checkpoint of a training"));
        Assert.That((string?)artefact["properties"]!["trainer"], Is.EqualTo("DinTrainer"));
        Assert.That((string?)artefact["properties"]!["epochs done"], Is.EqualTo($"{expected.Losses.Count} of 30"));
        int best = expected.ValidationMetrics.ToList().IndexOf(expected.ValidationMetrics.Max());
        Assert.That((string?)artefact["properties"]!["best epoch"], Is.EqualTo(
            FormattableString.Invariant($"{best + 1}, loss {expected.Losses[best]:F4}, validation {expected.ValidationMetrics[best]:F4}")));
        Assert.That((string?)artefact["properties"]!["seed"], Is.EqualTo("1"));
        Assert.That(damaged.ExitCode, Is.EqualTo(ExitCode.BadModel));
        Assert.That(damaged.LastError, Does.Contain("must be a checkpoint of DCCL, but is another file"));
    }

    [Test]
    public void Train_Resumed_CountsTheTimeOfTheProcessThatWasKilled()
    {
        string checkpoint = Interrupt("timed");
        byte[] file = File.ReadAllBytes(checkpoint);
        int time = 16 + BitConverter.ToInt32(file, 12) + sizeof(int) + (16 * TrainingCheckpoint.Load(checkpoint).Losses.Count); // see FORMAT.md
        BitConverter.TryWriteBytes(file.AsSpan(time), TimeSpan.FromHours(5).Ticks);
        File.WriteAllBytes(checkpoint, [.. file[..^32], .. SHA256.HashData(file.AsSpan(0, file.Length - 32))]);

        ToolRun run = ToolRun.Of([.. Train("timed"), "--resume"]);

        Assert.That(run.ExitCode, Is.Zero, run.Error);
        double seconds = (double)run.Json["seconds"]!;
        JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder["timed"], "Movies.mbconfig")))!;
        Assert.That(seconds, Is.InRange(5 * 3600, 6 * 3600));
        Assert.That((double)config["RunHistory"]!["Trials"]![0]!["RuntimeInSeconds"]!, Is.EqualTo(seconds));
    }

    [Test]
    public void Train_NothingToResume_BeginsAtTheStartAndSaysSo()
    {
        ToolRun run = ToolRun.Of([.. Train("fresh"), "--resume", "--quick"]);

        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That((bool)run.Json["resumed"]!, Is.False);
        Assert.That(run.Json["checkpoint"], Is.Null);
        Assert.That(run.Error, Does.Match("There is no checkpoint '.*fresh\\.checkpoint' to go on from: the training begins at the start\\."));
    }

    private string[] Train(string name, string seed = "1", string? log = null) =>
        ["train", "--data", log ?? _log, "--out", _folder[name], "--name", "Movies", "--threads", "1", "--seed", seed, "--yes", "--json"];

    /// <summary>Leaves a checkpoint and no model.</summary>
    private string Interrupt(string name)
    {
        using Process process = Start(Train(name));
        WaitForLine(process, "din: epoch 2 of");
        process.Kill();
        process.WaitForExit();
        return _folder[$"{name}.checkpoint"];
    }

    private Process Start(string[] args) =>
        SubProcess.Start(SubProcess.DotNet, _folder.Path, _environment, ["exec", Path.Combine(AppContext.BaseDirectory, "dccl.dll"), .. args]);

    private static string WaitForLine(Process process, string start)
    {
        List<string> lines = [];
        while (process.StandardError.ReadLine() is string line)
        {
            lines.Add(line);
            if (line.Contains(start, StringComparison.Ordinal))
            {
                return string.Join('\n', lines);
            }
        }

        throw new AssertionException($"No line said '{start}':\n{string.Join('\n', lines)}");
    }

    private void AssertSameModel(string name)
    {
        Assert.That(File.ReadAllBytes(Path.Combine(_folder[name], "Movies.onnx")), Is.EqualTo(File.ReadAllBytes(Path.Combine(_folder["whole"], "Movies.onnx"))));
        Assert.That(File.ReadAllBytes(Path.Combine(_folder[name], "Movies.mlnet")), Is.EqualTo(File.ReadAllBytes(Path.Combine(_folder["whole"], "Movies.mlnet"))));
    }

    private static bool IsInterruptIgnored() => OperatingSystem.IsLinux() && File.ReadLines("/proc/self/status")
        .Where(line => line.StartsWith("SigIgn:", StringComparison.Ordinal))
        .Any(line => (Convert.ToUInt64(line["SigIgn:".Length..].Trim(), 16) & 2) != 0);
}
