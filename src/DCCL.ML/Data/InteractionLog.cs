using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.ML;

namespace DCCL.ML.Data;

/// <summary>Who used what and when: the behaviour sequence of every user, in flat arrays with offsets.</summary>
/// <remarks>
/// <para>
/// Users and items are key values, from 1. A user's events are in time order; events of the same time keep the order of the
/// log. Times are kept as <see cref="double"/>, a DateTime as its ticks, so that DateTimes less than 13 microseconds apart may
/// count as the same time.
/// </para>
/// <para>An event takes 13 bytes, 12 without labels, and 30 while the log is read. Immutable and thread-safe.</para>
/// </remarks>
public sealed class InteractionLog
{
    private readonly int[] _offsets;
    private readonly int[] _items;
    private readonly double[] _timestamps;
    private readonly bool[]? _labels;
    private readonly float[] _profiles;

    internal InteractionLog(
        int numberOfItems,
        int[] offsets,
        int[] items,
        double[] timestamps,
        bool[]? labels,
        float[] profiles,
        int profileDimension,
        bool hasTimestamps)
    {
        _offsets = offsets;
        _items = items;
        _timestamps = timestamps;
        _labels = labels;
        _profiles = profiles;
        NumberOfItems = numberOfItems;
        ProfileDimension = profileDimension;
        HasTimestamps = hasTimestamps;
        NumberOfPositiveEvents = labels is null ? items.Length : labels.Count(label => label);
        for (int user = 1; user <= NumberOfUsers; user++)
        {
            NumberOfUsersWithEvents += GetItems(user).IsEmpty ? 0 : 1;
            NumberOfDuplicateEvents += CountDuplicates(GetItems(user), GetTimestamps(user));
        }
    }

    /// <summary>Gets the number of user keys; users are 1 to this number, whether they have events or not.</summary>
    public int NumberOfUsers => _offsets.Length - 1;

    /// <summary>Gets the number of item keys; items are 1 to this number.</summary>
    public int NumberOfItems { get; }

    /// <summary>Gets the number of events.</summary>
    public int NumberOfEvents => _items.Length;

    /// <summary>Gets the number of users with at least one event.</summary>
    public int NumberOfUsersWithEvents { get; }

    /// <summary>Gets the number of positive events; without labels, all are.</summary>
    public int NumberOfPositiveEvents { get; }

    /// <summary>Gets the number of rows that were left out because their user or item key was missing.</summary>
    public int NumberOfDroppedEvents { get; init; }

    /// <summary>Gets the number of events that repeat an earlier event's user, item and time. They are kept.</summary>
    public int NumberOfDuplicateEvents { get; }

    /// <summary>Gets a value indicating whether events are labelled positive or negative.</summary>
    public bool HasLabels => _labels is not null;

    /// <summary>Gets a value indicating whether events have times of their own; if not, their times are their positions in the log.</summary>
    public bool HasTimestamps { get; }

    /// <summary>Gets the length of a user's profile; 0 where there are none.</summary>
    public int ProfileDimension { get; }

    /// <summary>Reads a log in one pass.</summary>
    /// <param name="data">The log, its users and items mapped to keys.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="cancellationToken">Ends the reading early, with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>The log.</returns>
    /// <remarks>Rows with a missing user or item key are left out and counted.</remarks>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidDataException">There are no events, or a value cannot be what it is.</exception>
    public static InteractionLog Read(IDataView data, InteractionColumns columns, CancellationToken cancellationToken = default)
        => InteractionLogReader.Read(data, columns, cancellationToken);

    /// <summary>Creates a log from arrays, one entry per event, in log order.</summary>
    /// <param name="numberOfUsers">The number of user keys.</param>
    /// <param name="numberOfItems">The number of item keys.</param>
    /// <param name="users">The events' users; 0 is a missing key.</param>
    /// <param name="items">The events' items; 0 is a missing key.</param>
    /// <param name="timestamps">The events' times; <see langword="null"/> where their order is all that is known.</param>
    /// <param name="labels">Whether the events are positive; <see langword="null"/> where all are.</param>
    /// <param name="profiles">The profiles of users 1, 2, ..., one after the other.</param>
    /// <param name="profileDimension">The length of a profile.</param>
    /// <returns>The log; the arrays are copied.</returns>
    /// <exception cref="ArgumentException">Lengths disagree, or a value is out of range.</exception>
    public static InteractionLog Create(
        int numberOfUsers,
        int numberOfItems,
        int[] users,
        int[] items,
        double[]? timestamps,
        bool[]? labels = null,
        float[]? profiles = null,
        int profileDimension = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(numberOfUsers);
        ArgumentOutOfRangeException.ThrowIfNegative(numberOfItems);
        ArgumentOutOfRangeException.ThrowIfNegative(profileDimension);
        ArgumentNullException.ThrowIfNull(users);
        ArgumentNullException.ThrowIfNull(items);
        CheckLength(nameof(items), items.Length, users.Length);
        CheckLength(nameof(timestamps), timestamps?.Length ?? users.Length, users.Length);
        CheckLength(nameof(labels), labels?.Length ?? users.Length, users.Length);
        CheckLength(nameof(profiles), profiles?.LongLength ?? 0, (long)numberOfUsers * profileDimension);

        InteractionLogBuilder builder = new(numberOfUsers, numberOfItems, timestamps is not null, labels is not null, profileDimension);
        for (int i = 0; i < users.Length; i++)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(users[i], nameof(users));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(users[i], numberOfUsers, nameof(users));
            ArgumentOutOfRangeException.ThrowIfNegative(items[i], nameof(items));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(items[i], numberOfItems, nameof(items));
            if (users[i] == 0 || items[i] == 0)
            {
                builder.NumberOfDroppedEvents++;
                continue;
            }

            double timestamp = timestamps?[i] ?? i;
            ColumnReaders.CheckTimestamp(timestamp, i + 1L, nameof(timestamps));
            builder.Add(users[i], items[i], timestamp, labels?[i] ?? true);
        }

        for (int user = 1; profileDimension > 0 && user <= numberOfUsers; user++)
        {
            profiles.AsSpan((user - 1) * profileDimension, profileDimension).CopyTo(builder.Profile(user));
        }

        return builder.Build();
    }

    /// <summary>Gets the items of a user's events in time order.</summary>
    /// <param name="user">The user's key value, 1 to <see cref="NumberOfUsers"/>.</param>
    /// <returns>The items; empty for a user without events.</returns>
    public ReadOnlySpan<int> GetItems(int user) => Slice(_items, user);

    /// <summary>Gets the times of a user's events, ascending.</summary>
    /// <param name="user">The user's key value, 1 to <see cref="NumberOfUsers"/>.</param>
    /// <returns>The times.</returns>
    public ReadOnlySpan<double> GetTimestamps(int user) => Slice(_timestamps, user);

    /// <summary>Gets whether a user's events are positive, in time order.</summary>
    /// <param name="user">The user's key value, 1 to <see cref="NumberOfUsers"/>.</param>
    /// <returns>The labels; empty where <see cref="HasLabels"/> is false.</returns>
    public ReadOnlySpan<bool> GetLabels(int user) => _labels is null ? [] : Slice(_labels, user);

    /// <summary>Gets a user's profile.</summary>
    /// <param name="user">The user's key value, 1 to <see cref="NumberOfUsers"/>.</param>
    /// <returns>The profile of the user's last row in the log; zeros for a user without rows.</returns>
    public ReadOnlySpan<float> GetProfile(int user)
    {
        CheckUser(user);
        return _profiles.AsSpan((user - 1) * ProfileDimension, ProfileDimension);
    }

    /// <summary>Joins two logs of the same people and items.</summary>
    /// <param name="other">The other log; where both have profiles of a user, its profile wins.</param>
    /// <returns>All events of both. At the same time, this log's come first; without times, all of this log's come first.</returns>
    /// <exception cref="ArgumentException">Only one of the logs has labels, or times, or the profiles differ in length.</exception>
    public InteractionLog Merge(InteractionLog other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return InteractionLogMerger.Merge(this, other);
    }

    /// <summary>Keeps the positive events.</summary>
    /// <returns>A log without labels; this log if it has none.</returns>
    public InteractionLog WithPositivesOnly()
    {
        if (_labels is null)
        {
            return this;
        }

        return Filter((user, index) => _labels[_offsets[user - 1] + index], keepLabels: false);
    }

    /// <summary>Keeps some of the events. Users, items and profiles stay as they are.</summary>
    /// <param name="keep">Tells from the user and the event's place in the user's sequence, from 0, whether to keep the event.</param>
    /// <returns>The log of the events kept.</returns>
    public InteractionLog Where(Func<int, int, bool> keep)
    {
        ArgumentNullException.ThrowIfNull(keep);
        return Filter(keep, keepLabels: true);
    }

    /// <summary>Leaves out the events of users and items whose keys are beyond a model's, as those of a mapping that has grown are.</summary>
    /// <param name="numberOfUsers">The number of the model's users, at least 0.</param>
    /// <param name="numberOfItems">The number of the model's items, at least 0.</param>
    /// <returns>A log of so many users and items; what was left out counts as dropped.</returns>
    internal InteractionLog LimitTo(int numberOfUsers, int numberOfItems)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(numberOfUsers);
        ArgumentOutOfRangeException.ThrowIfNegative(numberOfItems);
        if (numberOfUsers == NumberOfUsers && numberOfItems == NumberOfItems)
        {
            return this;
        }

        InteractionLog kept = numberOfUsers >= NumberOfUsers && numberOfItems >= NumberOfItems
            ? this
            : Where((user, index) => user <= numberOfUsers && GetItems(user)[index] <= numberOfItems);
        int[] offsets = new int[numberOfUsers + 1];
        Array.Fill(offsets, kept.NumberOfEvents);
        kept._offsets.AsSpan(0, Math.Min(offsets.Length, kept._offsets.Length)).CopyTo(offsets);
        float[] profiles = new float[numberOfUsers * ProfileDimension];
        _profiles.AsSpan(0, Math.Min(profiles.Length, _profiles.Length)).CopyTo(profiles);
        return new InteractionLog(numberOfItems, offsets, kept._items, kept._timestamps, kept._labels, profiles, ProfileDimension, HasTimestamps)
        {
            NumberOfDroppedEvents = NumberOfDroppedEvents + NumberOfEvents - kept.NumberOfEvents,
        };
    }

    /// <summary>Computes what identifies the contents: SHA-256 over everything that the log holds.</summary>
    /// <returns>64 lower-case hexadecimal digits.</returns>
    public string ComputeFingerprint()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        int[] header = [NumberOfUsers, NumberOfItems, NumberOfEvents, ProfileDimension, HasLabels ? 1 : 0, HasTimestamps ? 1 : 0];
        hash.AppendData(MemoryMarshal.AsBytes<int>(header));
        hash.AppendData(MemoryMarshal.AsBytes<int>(_offsets));
        hash.AppendData(MemoryMarshal.AsBytes<int>(_items));
        hash.AppendData(MemoryMarshal.AsBytes<double>(_timestamps));
        hash.AppendData(MemoryMarshal.AsBytes<bool>(_labels));
        hash.AppendData(MemoryMarshal.AsBytes<float>(_profiles));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void CheckLength(string name, long actual, long expected)
    {
        if (actual != expected)
        {
            throw new ArgumentException($"'{name}' must have {expected} values, but has {actual}.", name);
        }
    }

    private static int CountDuplicates(ReadOnlySpan<int> items, ReadOnlySpan<double> timestamps)
    {
        int duplicates = 0;
        for (int start = 0, end; start < items.Length; start = end)
        {
            end = start + 1;
            while (end < items.Length && timestamps[end] == timestamps[start])
            {
                end++;
            }

            if (end - start > 1)
            {
                HashSet<int> distinct = [.. items[start..end]];
                duplicates += end - start - distinct.Count;
            }
        }

        return duplicates;
    }

    private void CheckUser(int user)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(user, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(user, NumberOfUsers);
    }

    private ReadOnlySpan<T> Slice<T>(T[] values, int user)
    {
        CheckUser(user);
        return values.AsSpan(_offsets[user - 1].._offsets[user]);
    }

    private InteractionLog Filter(Func<int, int, bool> keep, bool keepLabels)
    {
        int[] offsets = new int[_offsets.Length];
        List<int> kept = [];
        for (int user = 1; user <= NumberOfUsers; user++)
        {
            int start = _offsets[user - 1];
            int length = _offsets[user] - start;
            for (int index = 0; index < length; index++)
            {
                if (keep(user, index))
                {
                    kept.Add(start + index);
                }
            }

            offsets[user] = kept.Count;
        }

        ReadOnlySpan<int> positions = CollectionsMarshal.AsSpan(kept);
        return new InteractionLog(
            NumberOfItems,
            offsets,
            Pick(_items, positions),
            Pick(_timestamps, positions),
            _labels is null || !keepLabels ? null : Pick(_labels, positions),
            _profiles,
            ProfileDimension,
            HasTimestamps)
        {
            NumberOfDroppedEvents = NumberOfDroppedEvents,
        };
    }

    private static T[] Pick<T>(T[] values, ReadOnlySpan<int> positions)
    {
        T[] picked = new T[positions.Length];
        for (int i = 0; i < positions.Length; i++)
        {
            picked[i] = values[positions[i]];
        }

        return picked;
    }
}
