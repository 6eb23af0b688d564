using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DCCL.Cli.Training;
using DCCL.Trainers;
using NUnit.Framework;
using Spectre.Console;

namespace DCCL.Cli.Tests;

/// <summary>What people and shells ask the command line itself.</summary>
public sealed class CommandLineTests
{
    [Test]
    public void Help_OfTheTool_ListsVerbsAndExitCodes()
    {
        ToolRun run = ToolRun.Of("--help");

        Assert.That(run.ExitCode, Is.Zero);
        foreach (string word in new[] { "train", "evaluate", "report", "personalize", "distill", "recommend", "export", "inspect", "doctor", "completion", "130 interrupted" })
        {
            Assert.That(run.Output, Does.Contain(word));
        }
    }

    [Test]
    public void Suggest_BeginningOfAVerb_CompletesIt()
    {
        ToolRun run = ToolRun.Of("[suggest:8]", "dccl per");

        Assert.That(run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries), Is.EqualTo(new[] { "personalize" }));
    }

    [Test]
    public void Suggest_NothingYet_OffersNoOtherNamesOfHelp()
    {
        string[] words = ToolRun.Of("[suggest:5]", "dccl ").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[] options = ToolRun.Of("[suggest:11]", "dccl train ").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.That(words, Has.Member("train").And.Member("--help"));
        Assert.That(options, Has.Member("--data").And.Member("--help"));
        Assert.That(words.Concat(options), Has.None.StartsWith("/"));
    }

    [TestCase("bash", "complete -o default -F _dccl dccl")]
    [TestCase("zsh", "compdef _dccl dccl")]
    [TestCase("pwsh", "Register-ArgumentCompleter -Native -CommandName dccl")]
    public void Completion_KnownShell_PrintsItsScript(string shell, string line)
    {
        ToolRun run = ToolRun.Of("completion", shell);
        ToolRun json = ToolRun.Of("completion", shell, "--json");

        Assert.That(run.Output, Does.Contain(line));
        Assert.That(json.ExitCode, Is.Zero, json.Error);
        Assert.That((string?)json.Json["shell"], Is.EqualTo(shell));
        Assert.That((string?)json.Json["script"] + Environment.NewLine, Is.EqualTo(run.Output));
    }

    [Test]
    public void Completion_UnknownShellWithJson_IsOneLineOfError()
    {
        ToolRun run = ToolRun.Of("completion", "fish", "--json");

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.BadInput));
        Assert.That(run.Output, Is.Empty);
        Assert.That(run.Error, Does.Match("^error: [^\n]*fish[^\n]*\n$"));
    }

    [Test]
    public void Table_NarrowTerminal_FitsItAndLeavesNumbersWhole()
    {
        using StringWriter output = new();
        ToolConsole console = new(output, TextWriter.Null);
        console.Output.Profile.Width = 40;
        console.Output.Profile.Capabilities.Ansi = true;
        Table table = Tables.Create(console, ["Users", "", "HR@10", "NDCG@10", "MRR"]);
        table.AddRow("least active fifth", "1,234", "0.1111", "0.2222", "0.3333");

        Tables.Print(console, table);

        string text = Regex.Replace(output.ToString(), "\u001b\\[[0-9;]*m", "");
        Assert.That(text.Split('\n').Max(line => line.TrimEnd().Length), Is.LessThanOrEqualTo(40));
        foreach (string number in new[] { "1,234", "0.1111", "0.2222", "0.3333", "NDCG@10" })
        {
            Assert.That(text, Does.Contain(number));
        }
    }

    [Test]
    public void Table_ColumnOfASingleDigit_IsMarkdown()
    {
        using StringWriter output = new();
        ToolConsole console = new(output, TextWriter.Null);
        Table table = Tables.Create(console, ["Users", ""]);
        table.AddRow("all", "2");

        Tables.Print(console, table);

        Assert.That(output.ToString().Split('\n')[1], Does.Match(@"^\| -+ \| -+: \|$"));
    }

    [TestCase("a line", 6, "a line")]
    [TestCase("one two three", 8, "one two|three")]
    [TestCase("one two three", 7, "one two|three")]
    [TestCase("  one two three", 9, "  one two|  three")]
    [TestCase("fingerprint 0123456789 end", 8, "fingerprint|0123456789|end")]
    [TestCase("", 5, "")]
    public void Wrap_ALine_BreaksBetweenWords(string line, int width, string expected) =>
        Assert.That(string.Join('|', ToolConsole.Wrap(line, width)), Is.EqualTo(expected));

    [Test]
    public void Progress_NobodyLooksOn_IsALineForEachEpoch()
    {
        using StringWriter error = new();
        ProgressView progress = new(new ToolConsole(TextWriter.Null, error), opening: null, CancellationToken.None);

        progress.Run(() =>
        {
            progress.Report(new TrainingProgress("din", 1, 2, 0.5, null, null, TimeSpan.FromSeconds(90)));
            progress.Report(new TrainingProgress("din", 1, 2, 1, 0.25, 0.125, TimeSpan.FromSeconds(61)));
            progress.Report(new TrainingProgress("din", 2, 2, 1, 0.2, 0.1, TimeSpan.Zero));
            return 0;
        });

        Assert.That(error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries), Is.EqualTo(new[]
        {
            "din: epoch 1 of 2, loss 0.2500, validation 0.1250, at most 1:01 left",
            "din: epoch 2 of 2, loss 0.2000, validation 0.1000",
        }));
        Assert.That(progress.BestMetrics["din"], Is.EqualTo(0.125));
    }

    [Test]
    public void Progress_MoreThanAnHour_SaysTheHours()
    {
        using StringWriter error = new();

        new ProgressView(new ToolConsole(TextWriter.Null, error), opening: null, CancellationToken.None).Report(new TrainingProgress("din", 1, 2, 1, 0.25, null, new TimeSpan(1, 2, 3)));

        Assert.That(error.ToString(), Does.EndWith(", at most 1:02:03 left\n"));
    }

    [Test]
    public void Progress_Interrupted_SaysSoAtOnce()
    {
        using StringWriter error = new();
        using CancellationTokenSource interruption = new();

        new ProgressView(new ToolConsole(TextWriter.Null, error), opening: null, interruption.Token).Run(() =>
        {
            interruption.Cancel();
            Assert.That(error.ToString(), Does.StartWith("Interrupted: ends as soon as it can."));
            return 0;
        });
    }

    [Test]
    public void Progress_BeforeTheFirstEpochIsDone_PromisesToKeepNothing()
    {
        ProgressView training = new(new ToolConsole(TextWriter.Null, TextWriter.Null), opening: null, CancellationToken.None) { KeepsBest = true };
        ProgressView learning = new(new ToolConsole(TextWriter.Null, TextWriter.Null), opening: null, CancellationToken.None);
        List<string> promises = [training.Promise];
        training.Report(new TrainingProgress("din", 1, 2, 0.5, null, null, null));
        promises.Add(training.Promise);
        training.Report(new TrainingProgress("din", 1, 2, 1, 0.25, null, null));
        learning.Report(new TrainingProgress("metapatch", 1, 2, 1, 0.25, null, null));

        Assert.That(promises, Is.All.EqualTo("Ctrl-C keeps nothing before the first epoch is done"));
        Assert.That(training.Promise, Is.EqualTo("Ctrl-C keeps the best epoch so far"));
        Assert.That(learning.Promise, Is.EqualTo("Ctrl-C ends it and writes nothing"));
    }

    [Test]
    public void Help_OfTrain_SaysThatNothingIsKeptWithinAnEpoch()
    {
        string help = string.Join(' ', ToolRun.Of("train", "--help").Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

        Assert.That(help, Does.Contain("Ctrl-C keeps the best whole epoch so far, and nothing in the first one; --resume goes on."));
        Assert.That(help, Does.Contain("after its last whole epoch, so that one ended in its first epoch begins anew."));
    }

    [TestCase(40, false)]
    [TestCase(60, true)]
    public void Recommend_NarrowTerminal_ShowsItemsScoresAndReason(int width, bool isTable)
    {
        using StringWriter output = new();
        ToolConsole console = new(output, TextWriter.Null);
        console.Output.Profile.Width = width;
        console.Output.Profile.Capabilities.Ansi = true;
        JsonNode first = ToolRun.Of("recommend", "--model", SharedModels.Quick, "--user", SmallLog.Events[0].User, "--json").Json["items"]![0]!;

        Tool.Run(["recommend", "--model", SharedModels.Quick, "--user", SmallLog.Events[0].User, "-k", "1"], console, CancellationToken.None);

        string text = Regex.Replace(output.ToString(), "\u001b\\[[0-9;]*m", "");
        Assert.That(text.Contains('│'), Is.EqualTo(isTable), text);
        Assert.That(text.Split('\n').Max(line => line.TrimEnd().Length), Is.LessThanOrEqualTo(width));
        foreach (string word in new[] { (string)first["item"]!, FormattableString.Invariant($"{(float)first["score"]!:F3}"), "Cloud", (string)first["like"]![0]!["item"]! })
        {
            Assert.That(text, Does.Contain(word));
        }
    }
}
