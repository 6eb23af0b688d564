using DCCL.ML.Data;
using Microsoft.ML;
using Microsoft.ML.Data;
using QuickStart;

namespace DCCL.Benchmarks.Evidence;

/// <summary>The log of a run.</summary>
internal static class EvidenceData
{
    /// <summary>The number of users that a quick run keeps.</summary>
    private const int NumberOfQuickUsers = 150;

    /// <summary>Reads or makes the log: raw, in memory.</summary>
    public static EventData Load(MLContext ml, EvidenceOptions options)
    {
        if (options.DataFile is null)
        {
            return CreateBuiltIn(ml, options);
        }

        EventData data = EventData.Load(ml, new QuickStartOptions
        {
            DataFile = options.DataFile,
            UserFile = options.UserFile,
            PositiveRating = options.PositiveRating,
        });
        return options.IsQuick ? data with { Log = ml.Data.Cache(SampleUsers(data.Log, data.Columns, NumberOfQuickUsers)) } : data;
    }

    /// <summary>Makes the built-in data: one world for all seeds. What differs between them is the training alone, so that users can be paired.</summary>
    public static SyntheticDeviceCloud CreateGenerator(EvidenceOptions options)
    {
        SyntheticDeviceCloud.Options defaults = new();
        return new SyntheticDeviceCloud(new SyntheticDeviceCloud.Options
        {
            ResidualStrength = options.PlantedStrength ?? defaults.ResidualStrength,
            WithLabels = options.PositiveRating is not null,
            NumberOfUsers = options.IsQuick ? NumberOfQuickUsers : defaults.NumberOfUsers,
            NumberOfItems = options.IsQuick ? 150 : defaults.NumberOfItems,
            MeanNumberOfEvents = options.IsQuick ? 25 : defaults.MeanNumberOfEvents,
        });
    }

    private static EventData CreateBuiltIn(MLContext ml, EvidenceOptions options)
    {
        SyntheticDeviceCloud generator = CreateGenerator(options);
        IDataView log = generator.CreateLog(ml);
        IDataView converted = ml.Transforms.Conversion.ConvertType("Timestamp", outputKind: DataKind.Double).Fit(log).Transform(log);
        return new EventData("built-in", ml.Data.Cache(converted), generator.Columns);
    }

    /// <summary>Keeps all events of a seeded sample of users.</summary>
    public static IDataView SampleUsers(IDataView log, InteractionColumns columns, int count)
    {
        RowsByUser rows = RowsByUser.Read(log, columns);
        int[] users = [.. Enumerable.Range(0, rows.NumberOfUsers)];
        new SeededRandom(1).Shuffle<int>(users);
        byte[] parts = new byte[rows.NumberOfRows];
        Array.Fill<byte>(parts, 1);
        foreach (int user in users.Take(count))
        {
            foreach (int row in rows.GetRows(user))
            {
                parts[row] = 0;
            }
        }

        return new RowSubset(log, parts, 0);
    }
}
