using System.Diagnostics;
using DCCL.Benchmarks.Evidence;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.Benchmarks.Personalize;

/// <summary>Times MetaPatch on a basis that has been learnt: what is done again and again, for all users, as their devices' logs grow.</summary>
internal static class TimedFleet
{
    /// <summary>Makes a model that has a basis and remembers what the cloud model did, but nobody has a patch yet.</summary>
    /// <param name="fleet">Where the basis is from.</param>
    /// <param name="cloud">The cloud model.</param>
    public static ITransformer CreateModel(ITransformer fleet, ITransformer cloud)
    {
        DeviceCloudModelParameters parameters = fleet.DeviceCloudModel().Parameters;
        BehaviorHistory history = cloud.DeviceCloudModel().History;
        return cloud.ReplaceDeviceCloudModel(cloud.DeviceCloudModel().WithModel(
            parameters, UserPatches.CreateEmpty(history.NumberOfUsers, parameters.Patch!.PatchSize), history));
    }

    /// <summary>Makes the same for any number of users, who have the cloud and device events of the log's users under names of their own.</summary>
    /// <param name="ml">The context.</param>
    /// <param name="model">The model that has a basis.</param>
    /// <param name="data">The log.</param>
    /// <param name="count">The number of users.</param>
    public static (ITransformer Model, IDataView Device) Repeat(MLContext ml, ITransformer model, TrainingData data, int count)
    {
        int[] originals = [.. Enumerable.Range(1, data.DeviceLog.NumberOfUsers).Where(user => data.DeviceLog.GetItems(user).Length > 0)];
        DeviceCloudPredictionTransformer original = model.DeviceCloudModel();
        int profileSize = original.History.ProfileDimension;
        int[] offsets = new int[count + 1];
        for (int user = 1; user <= count; user++)
        {
            offsets[user] = offsets[user - 1] + original.History.GetItems(Original(user)).Length;
        }

        int[] items = new int[offsets[count]];
        double[] cutoffs = new double[count];
        float[] profiles = new float[count * profileSize];
        for (int user = 1; user <= count; user++)
        {
            original.History.GetItems(Original(user)).CopyTo(items.AsSpan(offsets[user - 1]));
            cutoffs[user - 1] = original.History.Cutoffs[Original(user) - 1];
            original.History.GetProfile(Original(user)).CopyTo(profiles.AsSpan((user - 1) * profileSize));
        }

        DeviceCloudPredictionTransformer repeated = new(
            original.Parameters,
            UserPatches.CreateEmpty(count, original.Parameters.Patch!.PatchSize),
            new BehaviorHistory(offsets, items, profileSize, profiles, cutoffs),
            new InteractionColumns(
                nameof(Row.User), nameof(Row.Item), nameof(Row.Timestamp),
                data.HasLabels ? nameof(Row.Label) : null, profileSize > 0 ? nameof(Row.Profile) : null));
        SchemaDefinition schema = SchemaDefinition.Create(typeof(Row));
        schema[nameof(Row.User)].ColumnType = new KeyDataViewType(typeof(uint), count);
        schema[nameof(Row.Item)].ColumnType = new KeyDataViewType(typeof(uint), data.NumberOfItems);
        schema[nameof(Row.Profile)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, Math.Max(1, profileSize));
        return (repeated, ml.Data.LoadFromEnumerable(CreateRows(), schema));

        int Original(int user) => originals[(user - 1) % originals.Length];

        IEnumerable<Row> CreateRows()
        {
            InteractionLog device = data.DeviceLog;
            float[][] own = [.. originals.Select(user => profileSize == 0 ? new float[1] : original.History.GetProfile(user).ToArray())];
            for (int user = 1; user <= count; user++)
            {
                int length = device.GetItems(Original(user)).Length;
                for (int i = 0; i < length; i++)
                {
                    // A key's number in an object counts from 0, in a view from 1.
                    yield return new Row
                    {
                        User = (uint)user - 1,
                        Item = (uint)device.GetItems(Original(user))[i] - 1,
                        Timestamp = device.GetTimestamps(Original(user))[i],
                        Label = !device.HasLabels || device.GetLabels(Original(user))[i],
                        Profile = own[(user - 1) % originals.Length],
                    };
                }
            }
        }
    }

    /// <summary>Learns the patches of all users.</summary>
    /// <returns>The model with the patches, how long it took, and how much of the processors.</returns>
    public static (ITransformer Fleet, double Seconds, double ProcessorSeconds) Run(
        MLContext ml, ITransformer model, IDataView device, MetaPatchTrainer.Options options)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        Stopwatch watch = Stopwatch.StartNew();
        ITransformer fleet = ml.DeviceCloud().Trainers.MetaPatch(model, options).Fit(device);
        return (fleet, watch.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - before).TotalSeconds);
    }

    private sealed class Row
    {
        public uint User { get; set; }

        public uint Item { get; set; }

        public double Timestamp { get; set; }

        public bool Label { get; set; }

        public float[] Profile { get; set; } = [];
    }
}
