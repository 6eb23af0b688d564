using System.Globalization;
using DCCL.ML.Data;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace QuickStart;

/// <summary>A log of events, one per row: who (UserId) used what (ItemId) and when (Timestamp), perhaps with Label and Profile.</summary>
/// <param name="Name">Where it is from.</param>
/// <param name="Log">The log.</param>
/// <param name="Columns">Its columns.</param>
internal sealed record EventData(string Name, IDataView Log, InteractionColumns Columns)
{
    public bool HasLabels => Columns.LabelColumnName is not null;

    public static EventData Load(MLContext ml, QuickStartOptions options)
    {
        EventData data = options.DataFile is null ? CreateBuiltIn(ml, options) : ReadFile(ml, options, options.DataFile);

        // Splits, trainers and evaluations each read the log again: in memory that costs nothing.
        return data with { Log = ml.Data.Cache(data.Log) };
    }

    private static EventData CreateBuiltIn(MLContext ml, QuickStartOptions options)
    {
        SyntheticDeviceCloud generator = new(new() { Seed = options.Seed, WithLabels = options.PositiveRating is not null });
        IDataView log = generator.CreateLog(ml);
        IDataView converted = ml.Transforms.Conversion.ConvertType("Timestamp", outputKind: DataKind.Double).Fit(log).Transform(log);
        return new EventData("built-in", converted, generator.Columns);
    }

    private static EventData ReadFile(MLContext ml, QuickStartOptions options, string path)
    {
        LogFile file = LogFile.Open(path);
        IDataView log = file.Load(ml);
        InteractionColumns columns = new("UserId", "ItemId", "Timestamp");
        if (options.PositiveRating is double rating)
        {
            if (!file.HasRatings)
            {
                throw new InvalidDataException(
                    $"--positive-rating needs ratings, but '{path}' has only user, item and time. "
                    + "Leave the option out: every event is positive then.");
            }

            float[] ratings = [.. log.GetColumn<float>("Rating").Where(float.IsFinite)];
            if (ratings.Length > 0 && !(rating > ratings.Min() && rating <= ratings.Max()))
            {
                throw new InvalidDataException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"--positive-rating must be above {ratings.Min()} and at most {ratings.Max()}, the ratings in '{path}', but is {rating}."));
            }

            string isPositive = string.Create(CultureInfo.InvariantCulture, $"rating => rating >= {rating:0.0###}f");
            log = ml.Transforms.Expression("Label", isPositive, "Rating").Fit(log).Transform(log);
            columns = columns with { LabelColumnName = "Label" };
        }

        if (options.UserFile is not null)
        {
            log = UserFile.AddProfiles(ml, log, options.UserFile);
            columns = columns with { ProfileColumnName = "Profile" };
        }

        return new EventData(Path.GetFileName(path), log, columns);
    }
}
