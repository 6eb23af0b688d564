using DCCL.ML.Data;

namespace DCCL.Trainers.Tests.Torch;

/// <summary>A random log and its events, user by user in time order.</summary>
internal sealed class RandomLog
{
    public RandomLog(SeededRandom random, bool hasLabels, int numberOfUsers = 6, int numberOfItems = 9, int numberOfEvents = 60, int profileDimension = 0)
    {
        int[] users = [.. Enumerable.Range(0, numberOfEvents).Select(_ => 1 + Math.Min(random.Next(numberOfUsers), random.Next(numberOfUsers)))];
        int[] items = [.. users.Select(_ => 1 + random.Next(numberOfItems))];
        double[] times = [.. users.Select(_ => (double)random.Next(20))];
        bool[] labels = [.. users.Select(_ => !hasLabels || random.Next(3) > 0)];
        Profiles = [.. Enumerable.Range(0, numberOfUsers * profileDimension).Select(_ => (float)random.NextGaussian())];
        Log = InteractionLog.Create(
            numberOfUsers, numberOfItems, users, items, times, hasLabels ? labels : null, profileDimension == 0 ? null : Profiles, profileDimension);
        Events =
        [
            .. Enumerable.Range(1, numberOfUsers).Select(user =>
                Enumerable.Range(0, numberOfEvents).Where(i => users[i] == user).OrderBy(i => times[i]).Select(i => (items[i], labels[i])).ToArray()),
        ];
    }

    public InteractionLog Log { get; }

    /// <summary>The events of users 1, 2, ...</summary>
    public (int Item, bool Label)[][] Events { get; }

    public float[] Profiles { get; }

    /// <summary>Everybody used every item but the last once, so that the last is the only negative that can be drawn.</summary>
    public static InteractionLog WithOneNegative(SeededRandom random, int numberOfUsers, int numberOfItems)
    {
        List<int> users = [];
        List<int> items = [];
        for (int user = 1; user <= numberOfUsers; user++)
        {
            int[] order = [.. Enumerable.Range(1, numberOfItems - 1)];
            random.Shuffle<int>(order);
            users.AddRange(Enumerable.Repeat(user, order.Length));
            items.AddRange(order);
        }

        return InteractionLog.Create(numberOfUsers, numberOfItems, [.. users], [.. items], null);
    }

    /// <summary>Users 1, 2, ... with the items of their events in order.</summary>
    public static InteractionLog FromSequences(params int[][] sequences)
    {
        int[] users = [.. sequences.SelectMany((items, user) => Enumerable.Repeat(user + 1, items.Length))];
        int[] all = [.. sequences.SelectMany(items => items)];
        return InteractionLog.Create(sequences.Length, all.Max(), users, all, null);
    }
}
