using DCCL.ML.Data;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.Cli.Logs;

/// <summary>A log in memory: its readable rows, and how many were not.</summary>
/// <param name="Layout">How the file is written.</param>
/// <param name="Users">The raw ids of the users.</param>
/// <param name="Items">The raw ids of the items.</param>
/// <param name="Events">The events, in the order of the file.</param>
/// <param name="Faults">The unreadable rows.</param>
internal sealed record EventLog(
    LogLayout Layout, IReadOnlyList<string> Users, IReadOnlyList<string> Items, IReadOnlyList<LogEvent> Events, RowFaults Faults)
{
    /// <summary>Makes what ML.NET reads of the events.</summary>
    /// <param name="ml">The context.</param>
    /// <param name="rows">The numbers of the events; null for all.</param>
    public IDataView Load(MLContext ml, IReadOnlyList<int>? rows = null) =>
        ml.Data.LoadFromEnumerable(Enumerate(rows ?? [.. Enumerable.Range(0, Events.Count)]), CreateSchema());

    /// <summary>Cuts the log into what the cloud learns from, what devices learn from, and the test.</summary>
    public LogPeriods Split(MLContext ml)
    {
        PeriodSplit split = InteractionSplit.ByPeriods(Load(ml), Layout.InteractionColumns);
        int[] test = [.. split.Test.GetColumn<int>(nameof(LogRow.Row))];
        HashSet<int> isTest = [.. test];
        string cut = split.Cut == PeriodCut.Global ? "all events cut at two moments" : "each user's events cut in order";
        return new LogPeriods(
            this,
            [.. split.Cloud.GetColumn<int>(nameof(LogRow.Row))],
            [.. split.Device.GetColumn<int>(nameof(LogRow.Row))],
            test,
            [.. Enumerable.Range(0, Events.Count).Where(row => !isTest.Contains(row))],
            $"periods 70/20/10 %: {cut}; {split.NumberOfSpanningUsers} of {split.NumberOfUsers} users have events on both sides of the first cut");
    }

    private SchemaDefinition CreateSchema()
    {
        SchemaDefinition schema = SchemaDefinition.Create(typeof(LogRow));
        schema.RemoveAll(column =>
            (column.MemberName == nameof(LogRow.Timestamp) && (Layout.Time is null || Layout.HasDates))
            || (column.MemberName == nameof(LogRow.Date) && !Layout.HasDates)
            || (column.MemberName == nameof(LogRow.Label) && Layout.Feedback is null));
        foreach (SchemaDefinition.Column column in schema.Where(column => column.MemberName == nameof(LogRow.Date)))
        {
            column.ColumnName = LogLayout.TimeColumnName;
        }

        return schema;
    }

    private IEnumerable<LogRow> Enumerate(IReadOnlyList<int> rows)
    {
        foreach (int row in rows)
        {
            LogEvent log = Events[row];
            yield return new LogRow
            {
                UserId = Users[log.User],
                ItemId = Items[log.Item],
                Timestamp = log.Time,
                Date = Layout.HasDates ? new DateTime((long)log.Time, DateTimeKind.Utc) : default,
                Label = log.IsPositive,
                Row = row,
            };
        }
    }
}
