namespace DCCL.Trainers.Torch;

/// <summary>Where the users, or the items, of a previous model stand among the keys of new data.</summary>
/// <remarks>
/// Raw ids tell who is who, whatever mapping made the keys. Keys of the new data stay as they are; behind them come those of the
/// previous model that the new data's mapping does not have.
/// </remarks>
internal sealed class KeyMatch
{
    private readonly int[] _newKeys;

    private KeyMatch(int[] newKeys, int count, string[]? ids)
    {
        _newKeys = newKeys;
        Count = count;
        Ids = ids;
    }

    /// <summary>Gets the number of keys of both.</summary>
    public int Count { get; }

    /// <summary>Gets the raw ids of all keys; null if there are none.</summary>
    public string[]? Ids { get; }

    /// <summary>Gets the number of keys of the previous model.</summary>
    public int NumberOfOldKeys => _newKeys.Length;

    /// <summary>Matches keys.</summary>
    /// <param name="columnName">The column of the new data that holds them.</param>
    /// <param name="oldIds">The raw ids that the previous model knows; null if key numbers are all there is.</param>
    /// <param name="oldCount">The number of keys of the previous model.</param>
    /// <param name="newIds">The raw ids behind the keys of the new data; null if key numbers are all there is.</param>
    /// <param name="newCount">The number of keys of the new data.</param>
    /// <exception cref="ArgumentException">One of the two has raw ids, and the other has not.</exception>
    public static KeyMatch Create(string columnName, IReadOnlyList<string>? oldIds, int oldCount, string[]? newIds, int newCount)
    {
        if (oldIds is null && newIds is null)
        {
            return new KeyMatch([.. Enumerable.Range(1, oldCount)], Math.Max(oldCount, newCount), ids: null);
        }

        if (oldIds is null || newIds is null)
        {
            throw new ArgumentException(
                $"Column '{columnName}' must have raw ids behind its keys if and only if the previous model's has, but "
                + $"{(newIds is null ? "the new data have none and the model has" : "the model has none and the new data have")}. "
                + "Map it with Conversion.MapValueToKey both times.");
        }

        List<string> ids = [.. newIds];
        Dictionary<string, int> keys = new(StringComparer.Ordinal);
        for (int i = 0; i < newIds.Length; i++)
        {
            keys.TryAdd(newIds[i], i + 1);
        }

        int[] newKeys = new int[oldIds.Count];
        for (int i = 0; i < newKeys.Length; i++)
        {
            if (!keys.TryGetValue(oldIds[i], out newKeys[i]))
            {
                ids.Add(oldIds[i]);
                newKeys[i] = ids.Count;
                keys.Add(oldIds[i], newKeys[i]);
            }
        }

        return new KeyMatch(newKeys, ids.Count, [.. ids]);
    }

    /// <summary>Gets the new key value of one of the previous model's.</summary>
    public int this[int oldKey] => _newKeys[oldKey - 1];
}
