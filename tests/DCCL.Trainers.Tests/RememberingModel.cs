using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.Trainers.Tests;

/// <summary>Makes a cloud model behind the mapping of ids, which remembers the cloud's events without having been trained on them.</summary>
internal static class RememberingModel
{
    /// <summary>Makes the model, of users u1, u2, ... and items i1, i2, ...</summary>
    /// <param name="context">The context.</param>
    /// <param name="parameters">The model.</param>
    /// <param name="numberOfUsers">The number of users.</param>
    /// <param name="cloud">The events to remember; a user's last one is the cut-off.</param>
    /// <param name="remembers">Whether it remembers them; else it knows of no event.</param>
    public static ITransformer Create(
        MLContext context, DeviceCloudModelParameters parameters, int numberOfUsers, IReadOnlyList<EventRow> cloud, bool remembers = true)
    {
        string[] users = [.. Enumerable.Range(1, numberOfUsers).Select(n => $"u{n}")];
        string[] items = [.. Enumerable.Range(1, parameters.Architecture.NumberOfItems).Select(n => $"i{n}")];
        ITransformer keys = EventRow.MapKeys(context).Fit(context.Data.LoadFromEnumerable(
            items.Select((item, n) => new EventRow { User = users[Math.Min(n, numberOfUsers - 1)], Item = item })));
        InteractionColumns columns = new("UserKey", "ItemKey", "Timestamp");
        InteractionLog log = InteractionLog.Read(keys.Transform(context.Data.LoadFromEnumerable(cloud)), columns).Where((_, _) => remembers);
        double[] cutoffs = [.. Enumerable.Range(1, numberOfUsers).Select(user => log.GetTimestamps(user) is [.., double last] ? last : double.NegativeInfinity)];
        DeviceCloudPredictionTransformer model = new(parameters, null, BehaviorHistory.FromLog(log, parameters.Architecture, cutoffs), columns)
        {
            UserIds = users,
            ItemIds = items,
            NumberOfThreads = 1,
        };
        return new TransformerChain<DeviceCloudPredictionTransformer>([.. (IEnumerable<ITransformer>)keys, model]);
    }
}
