using DCCL.ML.Data;
using Microsoft.ML;

namespace QuickStart;

/// <summary>A log cut by time into what the cloud learns from, what devices learn from, and the test.</summary>
/// <param name="Cloud">What the cloud model is fitted to.</param>
/// <param name="Validation">What early stopping watches; null if the trainer is to hold out events of its own.</param>
/// <param name="Device">What came next, on the devices.</param>
/// <param name="Test">What came last.</param>
/// <param name="BeforeTest">Cloud and device period together: the history of every test event, whatever the model.</param>
/// <param name="Description">How the log was cut.</param>
internal sealed record Periods(
    IDataView Cloud, IDataView? Validation, IDataView Device, IDataView Test, IDataView BeforeTest, string Description)
{
    public static Periods Split(MLContext ml, EventData data, string split) =>
        split == QuickStartOptions.PeriodsSplit ? ByPeriods(ml, data) : LeaveLastOut(ml, data);

    private static Periods ByPeriods(MLContext ml, EventData data)
    {
        PeriodSplit split = InteractionSplit.ByPeriods(data.Log, data.Columns);
        string cut = split.Cut == PeriodCut.Global
            ? "all events cut 70/20/10 % at two moments"
            : "each user's events cut 70/20/10 % in order";
        return new Periods(
            split.Cloud, Validation: null, split.Device, split.Test, Concatenate(ml, split.Cloud, split.Device),
            $"periods: {cut}; {split.NumberOfSpanningUsers} of {split.NumberOfUsers} users have events on both sides of the first cut");
    }

    private static Periods LeaveLastOut(MLContext ml, EventData data)
    {
        LeaveLastOutSplit split = InteractionSplit.LeaveLastOut(data.Log, data.Columns);
        string shortUsers = split.NumberOfShortUsers == 0 ? "" : $"; {split.NumberOfShortUsers} have too few events and are not tested";
        return new Periods(
            split.Training, split.Validation, split.Validation, split.Test, Concatenate(ml, split.Training, split.Validation),
            $"leave-last-out: the last event of each of {split.NumberOfUsers} users is the test, the one before it is for devices and "
            + $"validation{shortUsers}");
    }

    // ML.NET has nothing that appends rows to a view, so they pass through objects.
    private static IDataView Concatenate(MLContext ml, IDataView first, IDataView second) =>
        ml.Data.LoadFromEnumerable<EventRow>([.. Read(ml, first), .. Read(ml, second)], first.Schema);

    private static IEnumerable<EventRow> Read(MLContext ml, IDataView log) =>
        ml.Data.CreateEnumerable<EventRow>(log, reuseRowObject: false, ignoreMissingColumns: true);

    /// <summary>A row of a raw log.</summary>
    internal sealed class EventRow
    {
        public string UserId { get; set; } = "";

        public string ItemId { get; set; } = "";

        public double Timestamp { get; set; }

        public float Rating { get; set; }

        public bool Label { get; set; }

        public float[] Profile { get; set; } = [];
    }
}
