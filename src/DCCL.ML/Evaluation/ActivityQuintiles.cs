namespace DCCL.ML.Evaluation;

/// <summary>Divides users into fifths of equal size by how many events they had before the test.</summary>
internal static class ActivityQuintiles
{
    public const int Count = 5;

    /// <summary>Assigns the quintiles: 1 to the least active; users with equally many events in order of their key.</summary>
    /// <param name="users">The users' key values.</param>
    /// <param name="numberOfEvents">The number of events of each user before the test.</param>
    /// <returns>The quintile of each user, 1 to 5; sizes differ by one at most.</returns>
    public static int[] Assign(ReadOnlySpan<int> users, ReadOnlySpan<int> numberOfEvents)
    {
        int[] order = new int[users.Length];
        (int Events, int User)[] keys = new (int, int)[users.Length];
        for (int i = 0; i < users.Length; i++)
        {
            order[i] = i;
            keys[i] = (numberOfEvents[i], users[i]);
        }

        Array.Sort(keys, order);
        int[] quintiles = new int[users.Length];
        for (int place = 0; place < order.Length; place++)
        {
            quintiles[order[place]] = (int)((long)place * Count / order.Length) + 1;
        }

        return quintiles;
    }
}
