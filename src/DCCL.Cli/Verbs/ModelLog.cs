using DCCL.Cli.Logs;
using DCCL.Cli.Models;
using Microsoft.ML;

namespace DCCL.Cli.Verbs;

/// <summary>The events that a verb works on besides the model: those that the model was trained on, or later ones.</summary>
/// <param name="Layout">How the log is written.</param>
/// <param name="Cloud">What the model was trained on, read when it is asked for; null where it is part of the device's events.</param>
/// <param name="Device">What devices learn from.</param>
/// <param name="BeforeTest">What came before the test, read when it is asked for.</param>
/// <param name="Test">The test; null where none is left.</param>
/// <param name="Description">Where the parts come from.</param>
internal sealed record ModelLog(LogLayout Layout, Lazy<IDataView>? Cloud, IDataView Device, Lazy<IDataView>? BeforeTest, IDataView? Test, string Description)
{
    /// <summary>Reads the events.</summary>
    /// <param name="console">Receives warnings.</param>
    /// <param name="ml">The context.</param>
    /// <param name="files">The model.</param>
    /// <param name="laterLog">A later log; null for the model's own.</param>
    /// <param name="onlyUser">The only user whose events devices learn from; null for all.</param>
    /// <param name="isStrict">Whether the first unreadable row is a fault.</param>
    /// <param name="cancellation">Stops reading.</param>
    /// <param name="learnsFromOwn">Whether devices learn from the model's own log, and the later one is the test alone.</param>
    public static ModelLog Open(
        ToolConsole console, MLContext ml, ModelFiles files, string? laterLog, string? onlyUser, bool isStrict, CancellationToken cancellation, bool learnsFromOwn = false)
    {
        ModelBuilderConfig config = files.GetConfig();
        EventLog Read(string? path)
        {
            LogLayout layout = LayoutDialog.Check(LayoutGuess.Guess(config.GetLog(path)));
            EventLog log = new LogReader(layout, isStrict).Read(cancellation);
            if (log.Faults.Describe() is string faults)
            {
                console.Note($"warning: {faults}");
            }

            return log;
        }

        if (laterLog is not null && !learnsFromOwn)
        {
            EventLog later = Read(laterLog);
            Lazy<IDataView> earlier = new(() => Read(null).Load(ml));
            return new ModelLog(
                later.Layout, earlier, Choose(ml, later, null, onlyUser), earlier, later.Load(ml), $"all events of {Path.GetFileName(laterLog)}");
        }

        EventLog own = Read(null);
        LogPeriods? periods = config.UsesAllEvents ? null : own.Split(ml);
        Lazy<IDataView>? cloud = periods is null ? null : new(() => periods.Load(ml, period => period.Cloud));
        if (laterLog is not null)
        {
            IDataView test = Read(laterLog).Load(ml);
            return new ModelLog(
                own.Layout, cloud, Choose(ml, own, periods is null ? null : [.. periods.Device.Concat(periods.Test).Order()], onlyUser), new Lazy<IDataView>(() => own.Load(ml)), test,
                $"all events of {Path.GetFileName(laterLog)}; devices learn from what the model was not fitted to in {Path.GetFileName(own.Layout.Path)}");
        }

        if (periods is null)
        {
            return new ModelLog(own.Layout, Cloud: null, Choose(ml, own, null, onlyUser), BeforeTest: null, Test: null, "each user's last tenth, which the model was not fitted to");
        }

        return new ModelLog(
            own.Layout,
            cloud,
            Choose(ml, own, periods.Device, onlyUser),
            new Lazy<IDataView>(() => periods.Load(ml, period => period.BeforeTest)),
            periods.Load(ml, period => period.Test),
            periods.Description);
    }

    private static IDataView Choose(MLContext ml, EventLog log, IReadOnlyList<int>? rows, string? user)
    {
        rows ??= [.. Enumerable.Range(0, log.Events.Count)];
        int[] chosen = [.. rows.Where(row => user is null || log.Users[log.Events[row].User] == user)];
        return chosen.Length > 0
            ? log.Load(ml, chosen)
            : throw ToolException.BadInput($"The log '{log.Layout.Path}' must have events to learn from{(user is null ? "" : $" of the user '{user}'")}, but has none. Pass a later log with --data.");
    }
}
