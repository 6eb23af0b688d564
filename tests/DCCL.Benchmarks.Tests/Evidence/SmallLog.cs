using DCCL.ML.Data;

namespace DCCL.Benchmarks.Tests.Evidence;

/// <summary>Small logs, event by event.</summary>
internal static class SmallLog
{
    /// <summary>Creates a log whose events, of user and item, happen one second after the other.</summary>
    public static InteractionLog Create(int numberOfUsers, int numberOfItems, params (int User, int Item)[] events) => InteractionLog.Create(
        numberOfUsers,
        numberOfItems,
        [.. events.Select(row => row.User)],
        [.. events.Select(row => row.Item)],
        [.. events.Select((_, i) => (double)i)]);

    /// <summary>Creates a log with labels.</summary>
    public static InteractionLog CreateLabelled(int numberOfUsers, int numberOfItems, params (int User, int Item, bool Label)[] events) =>
        InteractionLog.Create(
            numberOfUsers,
            numberOfItems,
            [.. events.Select(row => row.User)],
            [.. events.Select(row => row.Item)],
            [.. events.Select((_, i) => (double)i)],
            [.. events.Select(row => row.Label)]);

    /// <summary>Creates a log of two kinds of users, each of whom takes items of one half only, all but one of it.</summary>
    /// <param name="numberOfUsers">The number of users; the odd ones take the first half.</param>
    /// <param name="numberOfItems">The number of items, even. User u has not taken item 1 + (u / 2) mod half of the half.</param>
    public static InteractionLog CreateHalves(int numberOfUsers, int numberOfItems)
    {
        List<(int, int)> events = [];
        for (int user = 1; user <= numberOfUsers; user++)
        {
            events.AddRange(GetHalf(user, numberOfItems).Where(item => item != GetLeftOut(user, numberOfItems)).Select(item => (user, item)));
        }

        return Create(numberOfUsers, numberOfItems, [.. events]);
    }

    /// <summary>Gets the items that a user of the two kinds likes.</summary>
    public static IEnumerable<int> GetHalf(int user, int numberOfItems) =>
        Enumerable.Range(user % 2 == 1 ? 1 : 1 + (numberOfItems / 2), numberOfItems / 2);

    /// <summary>Gets the one of them that the user has not taken.</summary>
    public static int GetLeftOut(int user, int numberOfItems) => GetHalf(user, numberOfItems).ElementAt(user / 2 % (numberOfItems / 2));
}
