using Microsoft.ML;

namespace DCCL.ML.Data;

/// <summary>Splits a log for training and evaluation by time, never at random.</summary>
/// <remarks>
/// Splits the raw log, before its users and items are mapped to keys; users may be texts, numbers or keys. The log is read once
/// here, and again by each part: append a cache, <c>mlContext.Data.Cache</c>, where reading it is slow. Events of the same time
/// keep the order of the log. Thread-safe.
/// </remarks>
public static class InteractionSplit
{
    private const byte First = 0;
    private const byte Second = 1;
    private const byte Third = 2;

    /// <summary>Cuts a log into the cloud's, the devices' and the test period.</summary>
    /// <param name="log">The log.</param>
    /// <param name="columns">Its columns; only user and time are read.</param>
    /// <param name="cloudFraction">The share of the events, or of each user's events, that the cloud model learns from.</param>
    /// <param name="deviceFraction">The share that comes after; the rest is for the test.</param>
    /// <param name="cut">How to cut.</param>
    /// <returns>The three parts, and how they were cut.</returns>
    /// <remarks>
    /// A global cut is a moment, so that events of the same time fall on the same side of it. Cutting per user, a user with
    /// <c>n</c> events has <c>floor(0.7 n)</c>, but at least one, in the cloud period, and the test period starts after <c>floor(0.9 n)</c>.
    /// </remarks>
    /// <exception cref="ArgumentException">A column is missing or of another type, or a fraction is out of range.</exception>
    /// <exception cref="InvalidDataException">
    /// There are no events, a time cannot be one, or a global cut was asked for and every event up to it has the same time.
    /// </exception>
    public static PeriodSplit ByPeriods(
        IDataView log,
        InteractionColumns columns,
        double cloudFraction = 0.7,
        double deviceFraction = 0.2,
        PeriodCut cut = PeriodCut.Auto)
    {
        ArgumentNullException.ThrowIfNull(log);
        ArgumentNullException.ThrowIfNull(columns);
        CheckFractions(cloudFraction, deviceFraction);
        if (!Enum.IsDefined(cut))
        {
            throw new ArgumentOutOfRangeException(nameof(cut), cut, "The cut must be Auto, Global or PerUser.");
        }

        RowsByUser rows = RowsByUser.Read(log, columns);
        double[] ordered = rows.AllTimestamps.ToArray();
        Array.Sort(ordered);
        double deviceStart = ordered[CountOf(cloudFraction, ordered.Length)];
        double testStart = ordered[CountOf(cloudFraction + deviceFraction, ordered.Length)];
        bool anyCloud = ordered[0] < deviceStart;
        bool anyDevice = deviceStart < testStart || deviceFraction == 0;
        if (cut == PeriodCut.Auto)
        {
            int spanning = CountSpanningUsers(rows, deviceStart);
            cut = anyDevice && 2 * spanning >= rows.NumberOfUsers ? PeriodCut.Global : PeriodCut.PerUser;
        }
        else if (cut == PeriodCut.Global && !anyCloud)
        {
            throw new InvalidDataException(
                "The log must have events before the global cut, but its earliest time is shared by all events up to it. Cut it per user.");
        }

        byte[] parts = new byte[rows.NumberOfRows];
        int numberOfSpanningUsers = 0;
        for (int user = 0; user < rows.NumberOfUsers; user++)
        {
            ReadOnlySpan<int> own = rows.GetRows(user);
            ReadOnlySpan<double> timestamps = rows.GetTimestamps(user);
            int cloudCount = cut == PeriodCut.Global ? CountBefore(timestamps, deviceStart) : Math.Max(1, CountOf(cloudFraction, own.Length));
            int testIndex = cut == PeriodCut.Global
                ? CountBefore(timestamps, testStart)
                : Math.Max(cloudCount, CountOf(cloudFraction + deviceFraction, own.Length));
            Assign(parts, own[cloudCount..testIndex], Second);
            Assign(parts, own[testIndex..], Third);
            numberOfSpanningUsers += cloudCount > 0 && cloudCount < own.Length ? 1 : 0;
        }

        return new PeriodSplit(
            new RowSubset(log, parts, First),
            new RowSubset(log, parts, Second),
            new RowSubset(log, parts, Third),
            cut,
            numberOfSpanningUsers,
            rows.NumberOfUsers);
    }

    /// <summary>Takes out each user's last event for the test, and the last but one for validation.</summary>
    /// <param name="log">The log.</param>
    /// <param name="columns">Its columns; only user and time are read.</param>
    /// <returns>The three parts. Users with fewer than three events stay in training and are counted.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidDataException">There are no events, or a time cannot be one.</exception>
    public static LeaveLastOutSplit LeaveLastOut(IDataView log, InteractionColumns columns)
    {
        ArgumentNullException.ThrowIfNull(log);
        ArgumentNullException.ThrowIfNull(columns);
        RowsByUser rows = RowsByUser.Read(log, columns);
        byte[] parts = new byte[rows.NumberOfRows];
        int numberOfShortUsers = 0;
        for (int user = 0; user < rows.NumberOfUsers; user++)
        {
            ReadOnlySpan<int> own = rows.GetRows(user);
            if (own.Length < 3)
            {
                numberOfShortUsers++;
                continue;
            }

            parts[own[^2]] = Second;
            parts[own[^1]] = Third;
        }

        return new LeaveLastOutSplit(
            new RowSubset(log, parts, First),
            new RowSubset(log, parts, Second),
            new RowSubset(log, parts, Third),
            numberOfShortUsers,
            rows.NumberOfUsers);
    }

    private static void CheckFractions(double cloudFraction, double deviceFraction)
    {
        if (!(cloudFraction > 0 && cloudFraction < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(cloudFraction), cloudFraction, "The cloud's fraction must be between 0 and 1, both excluded.");
        }

        if (!(deviceFraction >= 0 && cloudFraction + deviceFraction < 1))
        {
            throw new ArgumentOutOfRangeException(
                nameof(deviceFraction), deviceFraction, "The devices' fraction must be at least 0 and leave something for the test.");
        }
    }

    // 0.7 + 0.2 is a little less than 0.9, and nine of ten events must not become eight.
    private static int CountOf(double fraction, int count) => Math.Min(count - 1, (int)Math.Floor((fraction * count) + 1e-9));

    private static int CountBefore(ReadOnlySpan<double> timestamps, double moment)
    {
        int count = 0;
        while (count < timestamps.Length && timestamps[count] < moment)
        {
            count++;
        }

        return count;
    }

    private static int CountSpanningUsers(RowsByUser rows, double moment)
    {
        int count = 0;
        for (int user = 0; user < rows.NumberOfUsers; user++)
        {
            ReadOnlySpan<double> timestamps = rows.GetTimestamps(user);
            count += timestamps[0] < moment && timestamps[^1] >= moment ? 1 : 0;
        }

        return count;
    }

    private static void Assign(byte[] parts, ReadOnlySpan<int> rows, byte part)
    {
        foreach (int row in rows)
        {
            parts[row] = part;
        }
    }
}
