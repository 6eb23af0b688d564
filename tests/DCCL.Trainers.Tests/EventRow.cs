using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.Trainers.Tests;

/// <summary>An event of a log that a user of the library would load.</summary>
public sealed class EventRow
{
    public string User { get; set; } = "";

    public string Item { get; set; } = "";

    public double Timestamp { get; set; }

    public bool Label { get; set; } = true;

    [VectorType(2)]
    public float[] Profile { get; set; } = [0, 0];

    /// <summary>A log with its keys mapped.</summary>
    public static IDataView LoadWithKeys(MLContext context, IEnumerable<EventRow> events)
    {
        IDataView log = context.Data.LoadFromEnumerable(events);
        return MapKeys(context).Fit(log).Transform(log);
    }

    /// <summary>Maps the ids of a log to keys.</summary>
    public static IEstimator<ITransformer> MapKeys(MLContext context) => context.Transforms.Conversion.MapValueToKey("UserKey", nameof(User))
        .Append(context.Transforms.Conversion.MapValueToKey("ItemKey", nameof(Item)));
}
