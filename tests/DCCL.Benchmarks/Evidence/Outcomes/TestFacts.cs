using DCCL.ML.Data;
using DCCL.ML.Evaluation;

namespace DCCL.Benchmarks.Evidence.Outcomes;

/// <summary>What is true of a test whatever the method.</summary>
internal sealed class TestFacts
{
    /// <summary>The number of events in the cloud period from which on a user is not cold.</summary>
    public const int ColdLimit = 5;

    private readonly Dictionary<int, UserFacts> _users;
    private readonly double[] _popularity;

    private TestFacts(Dictionary<int, UserFacts> users, double[] popularity, EvaluationPlan plan)
    {
        _users = users;
        _popularity = popularity;
        Plan = plan;
    }

    /// <summary>Gets the events that are evaluated.</summary>
    public EvaluationPlan Plan { get; }

    /// <summary>Gets the number of items.</summary>
    public int NumberOfItems => _popularity.Length - 1;

    /// <summary>Gets the facts of a user.</summary>
    public UserFacts this[int user] => _users[user];

    /// <summary>Gets an item's popularity: the share of users before the test who took it.</summary>
    public double GetPopularity(int item) => _popularity[item];

    public static TestFacts Create(EvidenceStudy study, RankingEvaluationOptions options)
    {
        InteractionLog history = study.Training.History;
        EvaluationPlan plan = EvaluationPlan.Create(history, study.Test, history.NumberOfItems, history.ProfileDimension, options);
        double[] popularity = CountUsers(history);
        Dictionary<int, UserFacts> users = [];
        foreach (UserTimeline timeline in plan.Timelines)
        {
            HashSet<int> before = [.. timeline.GetItemsBefore(timeline.TestStart)];
            int[] past = timeline.GetPositivesBefore(timeline.TestStart).ToArray();
            HashSet<int> relevant = [];
            List<int> candidates = [];
            HashSet<int> seen = [.. before];
            for (int position = timeline.TestStart; position < timeline.Length; position++)
            {
                int item = timeline.GetItem(position);
                if (timeline.IsPositive(position))
                {
                    candidates.Add(history.NumberOfItems - seen.Count + (seen.Contains(item) ? 1 : 0));
                    if (!before.Contains(item))
                    {
                        relevant.Add(item);
                    }
                }

                seen.Add(item);
            }

            int cloudEvents = timeline.User <= study.Training.CloudLog.NumberOfUsers
                ? study.Training.CloudLog.GetItems(timeline.User).Length
                : 0;
            users.Add(timeline.User, new UserFacts(
                timeline.User,
                cloudEvents < ColdLimit,
                [.. candidates],
                [.. relevant],
                past.Length == 0 ? double.NaN : past.Average(item => popularity[item])));
        }

        return new TestFacts(users, popularity, plan);
    }

    private static double[] CountUsers(InteractionLog log)
    {
        InteractionLog positives = log.WithPositivesOnly();
        double[] users = new double[log.NumberOfItems + 1];
        for (int user = 1; user <= positives.NumberOfUsers; user++)
        {
            foreach (int item in new HashSet<int>([.. positives.GetItems(user)]))
            {
                users[item] += 1.0 / positives.NumberOfUsersWithEvents;
            }
        }

        return users;
    }
}
