using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>Ctrl-C: the best epoch so far becomes a whole model.</summary>
public sealed class InterruptionTests
{
    [Test]
    public void Train_InterruptedAfterTheFirstEpoch_KeepsIt()
    {
        using TemporaryFolder folder = new();
        using CancellationTokenSource interruption = new();
        using StringWriter output = new();
        using LineWatcher error = new("din: epoch 1 of 30", interruption.Cancel);

        int exitCode = Tool.Run(
            ["train", "--data", SmallLog.WriteCsv(folder.Path), "--out", folder["model"], "--name", "Kept", "--json"], new ToolConsole(output, error), interruption.Token);

        Assert.That(exitCode, Is.Zero, error.ToString());
        Assert.That(new ToolRun(exitCode, output.ToString(), "").Json["interrupted"]!.GetValue<bool>(), Is.True);
        Assert.That(error.ToString(), Does.Not.Contain("epoch 3 of 30"));
        Assert.That(ToolRun.Of("recommend", "--model", folder["model"], "--user", SmallLog.Events[0].User).ExitCode, Is.Zero);
    }

    /// <summary>Presses Ctrl-C when a line begins as expected.</summary>
    private sealed class LineWatcher(string start, Action press) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (value?.StartsWith(start, StringComparison.Ordinal) == true)
            {
                press();
            }
        }
    }
}
