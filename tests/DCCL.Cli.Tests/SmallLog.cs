using System.Globalization;
using DCCL.ML.Data;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.Cli.Tests;

/// <summary>A small log with planted preferences, as files of several forms.</summary>
internal static class SmallLog
{
    /// <summary>Gets the events: who, what, when, and whether it was liked.</summary>
    public static IReadOnlyList<(string User, string Item, long Time, bool IsLiked)> Events { get; } = Create();

    /// <summary>Writes the events with a header.</summary>
    public static string WriteCsv(string folder, string header = "userId,movieId,timestamp", string name = "log.csv")
    {
        string path = Path.Combine(folder, name);
        File.WriteAllLines(path, Events
            .Select(row => string.Create(CultureInfo.InvariantCulture, $"{row.User},{row.Item},{row.Time}"))
            .Prepend(header));
        return path;
    }

    /// <summary>Writes a log of people whose tastes differ much, with a column that says whether the item was liked.</summary>
    public static string WriteStrongTastes(string folder)
    {
        string path = Path.Combine(folder, "tastes.csv");
        File.WriteAllLines(path, Create(numberOfUsers: 300, numberOfItems: 100, numberOfEvents: 60, residualStrength: 4)
            .Select(row => string.Create(CultureInfo.InvariantCulture, $"{row.User},{row.Item},{row.Time},{(row.IsLiked ? 1 : 0)}"))
            .Prepend("userId,movieId,timestamp,liked"));
        return path;
    }

    private static (string User, string Item, long Time, bool IsLiked)[] Create(int numberOfUsers = 60, int numberOfItems = 40, double numberOfEvents = 20, double residualStrength = 1.5)
    {
        SyntheticDeviceCloud generator = new(new()
        {
            NumberOfUsers = numberOfUsers,
            NumberOfItems = numberOfItems,
            MeanNumberOfEvents = numberOfEvents,
            ResidualStrength = residualStrength,
            ProfileDimension = 0,
            ProfileShare = 0,
            WithLabels = true,
        });
        IDataView log = generator.CreateLog(new MLContext(seed: 1));
        return
        [
            .. log.GetColumn<string>("UserId")
                .Zip(log.GetColumn<string>("ItemId"), log.GetColumn<long>("Timestamp"))
                .Zip(log.GetColumn<bool>("Label"), (row, label) => (row.First, row.Second, row.Third, label)),
        ];
    }
}
