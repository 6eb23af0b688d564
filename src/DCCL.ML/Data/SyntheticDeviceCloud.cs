using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Data;

/// <summary>A log with planted personal preferences, whose best possible recommendations are known.</summary>
/// <remarks>
/// <para>
/// User <c>u</c>, in period <c>s</c> (0 the cloud's, 1 the devices' and the test's), after taking item <c>i</c>, finds item <c>j</c> worth
/// </para>
/// <code>
/// z = b_s(j) + tasteStrength p_u . q_j / sqrt(K) + shortTermStrength q_i . q_j / sqrt(K) + r_us . a_j / sqrt(R)
///
/// b_0(j) = -itemExponent log(rank of j), centred        b_1(j) = b_0(j) + popularityDrift n_j, centred
/// p_u, q_j in R^K, a_j in R^R and n_j are standard normal
/// r_u0 = residualStrength ( sqrt(share) B_0 profile_u + sqrt(1 - share) e_u0 )
/// r_u1 = (1 - residualDrift) r_u0 + sqrt(1 - (1 - residualDrift)^2) r'_u,    r'_u drawn as r_u0, with another B
/// </code>
/// <para>
/// Taste and the previous item can be read from the history. The residual <c>r</c> is what patches are for: how a person likes
/// attributes that have nothing to do with taste, and which the history shows only as it was, mixed with what it has become.
/// What the device period changes for everybody, popularity and <c>B</c>, is what flows back to the cloud model.
/// </para>
/// <para>
/// Without labels, each event is the user's choice among the items not yet taken, with probability softmax(z). With labels, an item
/// not yet shown is drawn with probability softmax(b + half of the taste) and taken with probability sigmoid(z), taking being the
/// positive label. Users' activity follows a power law; each user's events spread evenly over 100 days; the device period starts with
/// the event that has 70 % of all events before it, which is where <see cref="InteractionSplit.ByPeriods"/> cuts. Immutable and thread-safe.
/// </para>
/// </remarks>
public sealed partial class SyntheticDeviceCloud
{
    private const long FirstTimestamp = 1_700_000_000;
    private const int NumberOfSeconds = 100 * 24 * 60 * 60;
    private const double CloudFraction = 0.7;

    private readonly Options _options;
    private readonly SyntheticTruth _truth;
    private readonly SyntheticEvent[] _events;

    /// <summary>Creates the log.</summary>
    /// <param name="options">What it looks like; <see langword="null"/> for the defaults.</param>
    /// <exception cref="ArgumentException">At least one option is out of range.</exception>
    public SyntheticDeviceCloud(Options? options = null)
    {
        _options = options ?? new Options();
        _options.Validate();
        SeededRandom random = new(_options.Seed);
        _truth = new SyntheticTruth(_options, random.Fork(0));
        long[][] timestamps = DrawTimestamps(random.Fork(1));
        long[] ordered = [.. timestamps.SelectMany(own => own).Order()];
        DeviceStart = ordered[(int)(CloudFraction * ordered.Length)];
        IEnumerable<SyntheticEvent> events = Enumerable.Range(0, _options.NumberOfUsers)
            .SelectMany(user => DrawEvents(user, timestamps[user], random.Fork(2 + (ulong)user)));
        _events = [.. events.OrderBy(row => row.Timestamp)];
    }

    /// <summary>Gets the rows of the log in time order.</summary>
    public IReadOnlyList<SyntheticEvent> Events => _events;

    /// <summary>Gets the time from which on people and popularity have changed.</summary>
    public long DeviceStart { get; }

    /// <summary>Gets the columns of the raw log, for splitting it; trainers read keys mapped from its users and items.</summary>
    public InteractionColumns Columns => new(
        nameof(SyntheticEvent.UserId),
        nameof(SyntheticEvent.ItemId),
        nameof(SyntheticEvent.Timestamp),
        _options.WithLabels ? nameof(SyntheticEvent.Label) : null,
        _options.ProfileDimension > 0 ? nameof(SyntheticEvent.Profile) : null);

    /// <summary>Gets the log: UserId, ItemId, Timestamp, Label where there are labels, Profile where there are profiles.</summary>
    /// <param name="mlContext">The context.</param>
    /// <returns>One row per event, in time order.</returns>
    public IDataView CreateLog(MLContext mlContext)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        SchemaDefinition schema = SchemaDefinition.Create(typeof(SyntheticEvent));
        if (!_options.WithLabels)
        {
            schema.Remove(schema[nameof(SyntheticEvent.Label)]);
        }

        if (_options.ProfileDimension == 0)
        {
            schema.Remove(schema[nameof(SyntheticEvent.Profile)]);
        }
        else
        {
            schema[nameof(SyntheticEvent.Profile)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, _options.ProfileDimension);
        }

        return mlContext.Data.LoadFromEnumerable(_events, schema);
    }

    /// <summary>Gets <c>z</c>, what an item is worth to a user.</summary>
    /// <param name="userId">The user.</param>
    /// <param name="itemId">The item.</param>
    /// <param name="timestamp">The time; before or after <see cref="DeviceStart"/> is all that counts.</param>
    /// <param name="previousItemId">The item that the user took last; <see langword="null"/> for none.</param>
    /// <param name="withResidual">Whether the personal residual counts; without it, the best model that is the same for everybody.</param>
    /// <returns>The logit.</returns>
    /// <remarks>
    /// Without labels no model can rank items better than by it, and with labels none can better tell what is taken from what is
    /// refused. (What is shown at all depends on popularity, and so does the rank of what is taken among all items.)
    /// </remarks>
    /// <exception cref="ArgumentException">There is no such user or item.</exception>
    public double GetTrueLogit(string userId, string itemId, long timestamp, string? previousItemId, bool withResidual = true)
    {
        int item = Parse(itemId, 'i', _options.NumberOfItems, nameof(itemId));
        int? previousItem = previousItemId is null ? null : Parse(previousItemId, 'i', _options.NumberOfItems, nameof(previousItemId));
        return _truth.StaticLogit(Parse(userId, 'u', _options.NumberOfUsers, nameof(userId)), item, timestamp >= DeviceStart, withResidual)
            + _truth.ShortTermLogit(item, previousItem);
    }

    /// <summary>Gets the id of a user.</summary>
    /// <param name="number">The user's number, from 1.</param>
    /// <returns>The id.</returns>
    public static string GetUserId(int number) => string.Create(CultureInfo.InvariantCulture, $"u{number}");

    /// <summary>Gets the id of an item.</summary>
    /// <param name="number">The item's number, from 1.</param>
    /// <returns>The id.</returns>
    public static string GetItemId(int number) => string.Create(CultureInfo.InvariantCulture, $"i{number}");

    private static int Parse(string id, char prefix, int count, string parameterName)
    {
        ArgumentNullException.ThrowIfNull(id, parameterName);
        return id.StartsWith(prefix) && int.TryParse(id.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number >= 1 && number <= count
            ? number - 1
            : throw new ArgumentException($"The id must be one of {prefix}1 to {prefix}{count}, but is '{id}'.", parameterName);
    }

    private long[][] DrawTimestamps(SeededRandom random)
    {
        // The mean of a Pareto distribution is its minimum times exponent / (exponent - 1).
        double minimum = _options.MeanNumberOfEvents * (_options.UserExponent - 1) / _options.UserExponent;
        long[][] timestamps = new long[_options.NumberOfUsers][];
        for (int user = 0; user < timestamps.Length; user++)
        {
            double activity = minimum * Math.Pow(1 - random.NextDouble(), -1 / _options.UserExponent);
            timestamps[user] = new long[(int)Math.Clamp(Math.Round(activity), 1, _options.NumberOfItems / 2)];
            for (int i = 0; i < timestamps[user].Length; i++)
            {
                timestamps[user][i] = FirstTimestamp + random.Next(NumberOfSeconds);
            }

            Array.Sort(timestamps[user]);
        }

        return timestamps;
    }

    private List<SyntheticEvent> DrawEvents(int user, long[] timestamps, SeededRandom random)
    {
        float[] profile = Array.ConvertAll(_truth.Profiles[user], value => (float)value);
        bool[] used = new bool[_options.NumberOfItems];
        double[] weights = new double[_options.NumberOfItems];
        int? previousItem = null;
        List<SyntheticEvent> events = [];
        foreach (long timestamp in timestamps)
        {
            bool isDevicePeriod = timestamp >= DeviceStart;
            int item = Draw(user, isDevicePeriod, previousItem, used, weights, random);
            double logit = _truth.StaticLogit(user, item, isDevicePeriod, withResidual: true) + _truth.ShortTermLogit(item, previousItem);
            bool isTaken = !_options.WithLabels || random.NextDouble() < 1 / (1 + Math.Exp(-logit));
            used[item] = true;
            previousItem = isTaken ? item : previousItem;
            events.Add(new SyntheticEvent
            {
                UserId = GetUserId(user + 1),
                ItemId = GetItemId(item + 1),
                Timestamp = timestamp,
                Label = isTaken,
                Profile = profile,
            });
        }

        return events;
    }

    private int Draw(int user, bool isDevicePeriod, int? previousItem, bool[] used, double[] weights, SeededRandom random)
    {
        double sum = 0;
        for (int item = 0; item < weights.Length; item++)
        {
            weights[item] = used[item] ? 0 : Math.Exp(_options.WithLabels
                ? _truth.Popularity(item, isDevicePeriod) + (_truth.Taste(user, item) / 2)
                : _truth.StaticLogit(user, item, isDevicePeriod, withResidual: true) + _truth.ShortTermLogit(item, previousItem));
            sum += weights[item];
        }

        double rest = random.NextDouble() * sum;
        int drawn = -1;
        for (int item = 0; item < weights.Length && rest >= 0; item++)
        {
            drawn = used[item] ? drawn : item;
            rest -= weights[item];
        }

        return drawn;
    }
}
