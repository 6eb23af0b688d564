using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>Ctrl-C: the best epoch so far becomes a whole model; other work ends and leaves everything as it was.</summary>
public sealed class InterruptionTests
{
    [Test]
    public void Train_InterruptedAfterTheFirstEpoch_KeepsIt()
    {
        using TemporaryFolder folder = new();

        ToolRun run = RunUntil("din: epoch 1 of 30", "train", "--data", SmallLog.WriteCsv(folder.Path), "--out", folder["model"], "--name", "Kept", "--json");

        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That((bool)run.Json["interrupted"]!, Is.True);
        Assert.That(run.Json["figures"], Is.Null);
        Assert.That(run.Error, Does.Not.Contain("epoch 3 of 30").And.Not.Contain("Evaluating"));
        Assert.That(run.Error, Does.Contain("\nInterrupted: the best epoch so far is kept.").And.EndsWith(Unevaluated(folder["model"])));
        Assert.That(ToolRun.Of("recommend", "--model", folder["model"], "--user", SmallLog.Events[0].User).ExitCode, Is.Zero);
    }

    [Test]
    public void Train_InterruptedWhileEvaluating_WritesTheWholeModelAndSaysHowToEvaluateIt()
    {
        using TemporaryFolder folder = new();
        string[] train = ["train", "--data", SmallLog.WriteCsv(folder.Path), "--name", "Movies", "--quick", "--json", "--out"];

        ToolRun run = RunUntil("Evaluating on the test period", [.. train, folder["model"]]);
        ToolRun evaluation = ToolRun.Of("evaluate", "--model", folder["model"], "--quick", "--json");
        ToolRun whole = ToolRun.Of([.. train, folder["whole"]]);

        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That((bool)run.Json["interrupted"]!, Is.True);
        Assert.That(run.Json["figures"], Is.Null);
        Assert.That(run.Error, Does.Contain("\nInterrupted: ends as soon as it can.").And.Not.Contain("best epoch").And.EndsWith(Unevaluated(folder["model"])));
        Assert.That(run.Json["checkpoint"], Is.Null, "the training is over");
        Assert.That(Directory.GetFileSystemEntries(folder.Path, "model*"), Is.EqualTo(new[] { folder["model"] }));
        Assert.That(File.ReadAllBytes(folder["model/Movies.mlnet"]), Is.EqualTo(File.ReadAllBytes(folder["whole/Movies.mlnet"])));
        Assert.That((double?)evaluation.Json["ndcg10"], Is.EqualTo((double?)whole.Json["figures"]!["ndcg10"]).And.Positive);
    }

    [Test]
    public void Train_InterruptedInTheFirstEpoch_SaysThatNothingIsKept()
    {
        using TemporaryFolder folder = new();
        string log = SmallLog.WriteCsv(folder.Path);

        ToolRun run = RunUntil($"{SmallLog.Events.Count:N0} events of", "train", "--data", log, "--out", folder["model"], "--quick");

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.Cancelled));
        Assert.That(run.LastError, Is.EqualTo("error: Interrupted before there was anything to keep."));
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Is.EqualTo(new[] { log }), "no checkpoint either");
    }

    [TestCase("personalize", false)]
    [TestCase("distill", true)]
    public void Learn_InterruptedAfterAnEpoch_WritesNothing(string verb, bool isPatched)
    {
        using TemporaryFolder folder = new();

        ToolRun run = RunUntil(": epoch 1 of", verb, "--model", isPatched ? SharedModels.Patched : SharedModels.Quick, "--out", folder["New.mlnet"], "--quick");

        Assert.That((run.ExitCode, run.LastError), Is.EqualTo((ExitCode.Cancelled, "error: Interrupted before there was anything to keep.")));
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Is.Empty);
    }

    [TestCase("evaluate")]
    [TestCase("report", "--out")]
    [TestCase("recommend", "--user", "u1")]
    [TestCase("export", "--adapters", "--out")]
    public void Verb_Interrupted_EndsWith130AndWritesNothing(params string[] args)
    {
        using TemporaryFolder folder = new();
        string[] output = args[^1] == "--out" ? [folder["out"]] : [];

        ToolRun run = ToolRun.Of(new CancellationToken(canceled: true), [.. args, .. output, "--model", SharedModels.Patched]);

        Assert.That((run.ExitCode, run.LastError), Is.EqualTo((ExitCode.Cancelled, "error: Interrupted before there was anything to keep.")));
        Assert.That(run.Output, Is.Empty);
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Is.Empty);
    }

    private static string Unevaluated(string model) => $"Interrupted: the model was not evaluated. 'dccl evaluate --model {model}' does that.\n";

    /// <summary>Runs a verb, and presses Ctrl-C when a line has some words.</summary>
    private static ToolRun RunUntil(string words, params string[] args)
    {
        using CancellationTokenSource interruption = new();
        using StringWriter output = new();
        using LineWatcher error = new(words, interruption.Cancel);
        int exitCode = Tool.Run(args, new ToolConsole(output, error), interruption.Token);
        return new ToolRun(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>Presses Ctrl-C when a line has some words.</summary>
    private sealed class LineWatcher(string words, Action press) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (value?.Contains(words, StringComparison.Ordinal) == true)
            {
                press();
            }
        }
    }
}
