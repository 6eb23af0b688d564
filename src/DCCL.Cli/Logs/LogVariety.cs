namespace DCCL.Cli.Logs;

/// <summary>Whether the events that a model will learn tell anything apart. The trainers ask for the same, but know the columns by other names.</summary>
internal static class LogVariety
{
    /// <summary>Refuses events of a single user or item, users with a single event each, and labels of one class.</summary>
    /// <param name="log">The log.</param>
    /// <param name="learnt">Those of its events that the model will learn.</param>
    public static void Check(EventLog log, IReadOnlyList<LogEvent> learnt)
    {
        LogLayout layout = log.Layout;
        Check(log, learnt, CountUsers, "have events of at least 2 users to learn from", $"Check that column '{layout.User.Name}' says who.");
        Check(log, learnt, CountItems, "have events of at least 2 items to learn from", $"Check that column '{layout.Item.Name}' says what.");
        Check(log, learnt, CountEventsOfMostActiveUser, "have users with at least 2 events to learn from", $"Check that column '{layout.User.Name}' says who.");
        if (layout.Feedback is LogColumn feedback && CountClasses(learnt) < 2)
        {
            string found = (learnt[0].IsPositive ? "positive" : "negative") + Where(isElsewhere: CountClasses(log.Events) > 1);
            throw ToolException.BadInput(
                $"The column '{feedback.Name}' must tell positive from negative events, but all are {found}. "
                + Remedy(CountClasses(log.Events) > 1, $"Choose another {(layout.PositiveRating is null ? "--label" : "--positive-rating")}."));
        }
    }

    private static void Check(EventLog log, IReadOnlyList<LogEvent> learnt, Func<IEnumerable<LogEvent>, int> count, string expectation, string remedy)
    {
        int found = count(learnt);
        if (found < 2)
        {
            bool isElsewhere = count(log.Events) > 1;
            throw ToolException.BadInput(
                $"The log '{log.Layout.Path}' must {expectation}, but has {(found == 0 ? "none" : "only 1")}{Where(isElsewhere)}. {Remedy(isElsewhere, remedy)}");
        }
    }

    private static string Where(bool isElsewhere) => isElsewhere ? " in the 70 % that are for the model" : "";

    private static string Remedy(bool isElsewhere, string otherwise) => isElsewhere ? "Take a longer log, or learn from all events with --use-all." : otherwise;

    private static int CountUsers(IEnumerable<LogEvent> events) => events.DistinctBy(row => row.User).Take(2).Count();

    private static int CountItems(IEnumerable<LogEvent> events) => events.DistinctBy(row => row.Item).Take(2).Count();

    private static int CountClasses(IEnumerable<LogEvent> events) => events.DistinctBy(row => row.IsPositive).Take(2).Count();

    private static int CountEventsOfMostActiveUser(IEnumerable<LogEvent> events) => events.CountBy(row => row.User).Select(user => user.Value).DefaultIfEmpty().Max();
}
