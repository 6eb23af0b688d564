using DCCL.ML.Data;

namespace DCCL.ML.Evaluation;

/// <summary>Which events of which users are evaluated: all about an evaluation that does not depend on the model's weights.</summary>
internal sealed class EvaluationPlan
{
    private EvaluationPlan(
        UserTimeline[] timelines,
        EventReference[] rankedEvents,
        EventReference[] labelledEvents,
        int numberOfTestUsers,
        int numberOfUnknownItemEvents)
    {
        Timelines = timelines;
        RankedEvents = rankedEvents;
        LabelledEvents = labelledEvents;
        NumberOfTestUsers = numberOfTestUsers;
        NumberOfUnknownItemEvents = numberOfUnknownItemEvents;
    }

    /// <summary>Gets the evaluated users in ascending order of the key value.</summary>
    public UserTimeline[] Timelines { get; }

    /// <summary>Gets the positive test events, user by user in order of time.</summary>
    public EventReference[] RankedEvents { get; }

    /// <summary>Gets all test events, user by user in order of time; none without labels.</summary>
    public EventReference[] LabelledEvents { get; }

    public int NumberOfTestUsers { get; }

    public int NumberOfUnknownItemEvents { get; }

    /// <summary>Makes the plan.</summary>
    /// <param name="history">The events before the test.</param>
    /// <param name="test">The test events.</param>
    /// <param name="numberOfItems">The number of items of the model; others are unknown to it.</param>
    /// <param name="profileDimension">The length of the model's profile input.</param>
    /// <param name="options">The options.</param>
    public static EvaluationPlan Create(
        InteractionLog history, InteractionLog test, int numberOfItems, int profileDimension, RankingEvaluationOptions options)
    {
        TestLogChecks.Check(history, test, profileDimension);
        List<int> users = [];
        List<int> activity = [];
        List<int> numberOfRankedEvents = [];
        int unknown = 0;
        for (int user = 1; user <= test.NumberOfUsers; user++)
        {
            (int known, int ranked) = CountKnown(test, user, numberOfItems);
            unknown += test.GetItems(user).Length - known;
            if (test.HasLabels ? known > 0 : ranked > 0)
            {
                users.Add(user);
                activity.Add(user <= history.NumberOfUsers ? history.GetItems(user).Length : 0);
                numberOfRankedEvents.Add(options.RanksItems ? ranked : 0);
            }
        }

        int[] quintiles = ActivityQuintiles.Assign([.. users], [.. activity]);
        int[] selected = Sample(numberOfRankedEvents, numberOfItems, options);
        UserTimeline[] timelines = new UserTimeline[selected.Length];
        List<EventReference> rankedEvents = [];
        List<EventReference> labelledEvents = [];
        for (int i = 0; i < selected.Length; i++)
        {
            UserTimeline timeline = CreateTimeline(
                history, test, users[selected[i]], quintiles[selected[i]], numberOfItems, profileDimension);
            timelines[i] = timeline;
            for (int position = timeline.TestStart; position < timeline.Length; position++)
            {
                if (options.RanksItems && timeline.IsPositive(position))
                {
                    rankedEvents.Add(new EventReference(i, position));
                }

                if (test.HasLabels)
                {
                    labelledEvents.Add(new EventReference(i, position));
                }
            }
        }

        return new EvaluationPlan(timelines, [.. rankedEvents], [.. labelledEvents], users.Count, unknown);
    }

    private static (int Known, int Ranked) CountKnown(InteractionLog test, int user, int numberOfItems)
    {
        ReadOnlySpan<int> items = test.GetItems(user);
        ReadOnlySpan<bool> labels = test.GetLabels(user);
        int known = 0;
        int ranked = 0;
        for (int i = 0; i < items.Length; i++)
        {
            bool isKnown = items[i] <= numberOfItems;
            known += isKnown ? 1 : 0;
            ranked += isKnown && (labels.IsEmpty || labels[i]) ? 1 : 0;
        }

        return (known, ranked);
    }

    /// <summary>Gets the indices of the evaluated users, ascending: all, or as many of a seeded shuffle as the limits allow.</summary>
    private static int[] Sample(List<int> numberOfRankedEvents, int numberOfItems, RankingEvaluationOptions options)
    {
        int[] order = [.. Enumerable.Range(0, numberOfRankedEvents.Count)];
        int limit = Math.Min(options.NumberOfSampledUsers ?? order.Length, order.Length);
        long maximumNumberOfEvents = options.MaximumNumberOfPairs / numberOfItems;
        if (limit == order.Length && numberOfRankedEvents.Sum(count => (long)count) <= maximumNumberOfEvents)
        {
            return order;
        }

        new SeededRandom(options.Seed).Shuffle(order.AsSpan());
        long numberOfEvents = 0;
        int selected = 0;
        for (; selected < limit; selected++)
        {
            // Ending at the first user who does not fit, rather than skipping the user, keeps very active users in the sample.
            numberOfEvents += numberOfRankedEvents[order[selected]];
            if (selected > 0 && numberOfEvents > maximumNumberOfEvents)
            {
                break;
            }
        }

        Array.Resize(ref order, selected);
        Array.Sort(order);
        return order;
    }

    private static UserTimeline CreateTimeline(
        InteractionLog history, InteractionLog test, int user, int quintile, int numberOfItems, int profileDimension)
    {
        ReadOnlySpan<int> testItems = test.GetItems(user);
        bool isKnown = user <= history.NumberOfUsers;
        ReadOnlySpan<int> earlierItems = isKnown ? history.GetItems(user) : [];
        List<int> items = new(earlierItems.Length + testItems.Length);
        List<bool>? labels = history.HasLabels || test.HasLabels ? new(items.Capacity) : null;
        Append(items, labels, earlierItems, isKnown ? history.GetLabels(user) : [], numberOfItems);
        int testStart = items.Count;
        Append(items, labels, testItems, test.GetLabels(user), numberOfItems);

        float[] profile = [];
        if (profileDimension > 0)
        {
            profile = history.ProfileDimension == profileDimension && !earlierItems.IsEmpty
                ? history.GetProfile(user).ToArray()
                : test.ProfileDimension == profileDimension ? test.GetProfile(user).ToArray() : new float[profileDimension];
        }

        return new UserTimeline(user, quintile, [.. items], labels?.ToArray(), testStart, profile);
    }

    private static void Append(
        List<int> items, List<bool>? labels, ReadOnlySpan<int> newItems, ReadOnlySpan<bool> newLabels, int numberOfItems)
    {
        for (int i = 0; i < newItems.Length; i++)
        {
            if (newItems[i] <= numberOfItems)
            {
                items.Add(newItems[i]);
                labels?.Add(newLabels.IsEmpty || newLabels[i]);
            }
        }
    }

    /// <summary>A test event: the index of its user's timeline and its place there.</summary>
    internal readonly record struct EventReference(int Timeline, int Position);
}
