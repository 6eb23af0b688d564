using DCCL.ML.Data;

namespace DCCL.Trainers.Tests;

/// <summary>
/// Two groups of users and items: everybody uses the items of the own group, in any order, all but one. Which one is known, and
/// a model that has understood the board ranks it above the items of the other group.
/// </summary>
internal sealed class Checkerboard
{
    private readonly SeededRandom _random = new(1);

    public Checkerboard(int usersInGroup = 12, int itemsInGroup = 7)
    {
        List<EventRow> events = [];
        for (int user = 0; user < 2 * usersInGroup; user++)
        {
            string group = user % 2 == 0 ? "a" : "b";
            int heldOut = user / 2 % itemsInGroup;
            int[] items = [.. Enumerable.Range(0, itemsInGroup).Where(item => item != heldOut)];
            _random.Shuffle<int>(items);
            HeldOut.Add($"{group}{user}", $"{group}{heldOut}");
            events.AddRange(items.Select((item, i) => new EventRow { User = $"{group}{user}", Item = $"{group}{item}", Timestamp = 100 + (10 * i) }));
        }

        Events = events;
        Items = [.. events.Select(row => row.Item).Distinct()];
    }

    public IReadOnlyList<EventRow> Events { get; }

    public IReadOnlyList<string> Items { get; }

    /// <summary>Gets each user's item that is missing.</summary>
    public Dictionary<string, string> HeldOut { get; } = [];

    /// <summary>Everybody and every item that they have not used.</summary>
    public IEnumerable<EventRow> Candidates() =>
        from user in HeldOut.Keys
        from item in Items
        where item[0] != user[0] || item == HeldOut[user]
        select new EventRow { User = user, Item = item, Timestamp = 1000 };
}
