using DCCL.ML.Data;
using Microsoft.ML;
using QuickStart;

namespace DCCL.Benchmarks.Evidence;

/// <summary>What methods learn from: the same for all, raw for estimators and read for others.</summary>
internal sealed class TrainingData
{
    /// <summary>Maps the raw logs to keys, and reads them.</summary>
    /// <param name="ml">The context.</param>
    /// <param name="data">The whole log, for its columns.</param>
    /// <param name="periods">How it was cut.</param>
    public TrainingData(MLContext ml, EventData data, Periods periods)
    {
        Cloud = periods.Cloud;
        Validation = periods.Validation;
        Device = periods.Device;
        Columns = data.Columns with { UserColumnName = "User", ItemColumnName = "Item" };

        // The catalogue and the list of customers are known when devices learn, so the keys are those of both periods.
        Keys = ml.Transforms.Conversion.MapValueToKey("User", data.Columns.UserColumnName)
            .Append(ml.Transforms.Conversion.MapValueToKey("Item", data.Columns.ItemColumnName))
            .Fit(periods.BeforeTest);
        CloudLog = Read(Cloud);
        DeviceLog = Read(Device);
        ValidationLog = Validation is null ? null : Read(Validation);
        History = CloudLog.Merge(DeviceLog);
    }

    /// <summary>Gets the raw log that the cloud model is fitted to.</summary>
    public IDataView Cloud { get; }

    /// <summary>Gets the raw events that early stopping watches; null if trainers are to hold out some.</summary>
    public IDataView? Validation { get; }

    /// <summary>Gets the raw log of the devices.</summary>
    public IDataView Device { get; }

    /// <summary>Gets the mapping of raw ids to keys.</summary>
    public ITransformer Keys { get; }

    /// <summary>Gets the columns after the mapping.</summary>
    public InteractionColumns Columns { get; }

    public InteractionLog CloudLog { get; }

    public InteractionLog DeviceLog { get; }

    public InteractionLog? ValidationLog { get; }

    /// <summary>Gets cloud and device log together: what was before the test.</summary>
    public InteractionLog History { get; }

    public bool HasLabels => History.HasLabels;

    public int NumberOfItems => History.NumberOfItems;

    public int NumberOfUsers => History.NumberOfUsers;

    /// <summary>Gets the index of a user's first device event in <see cref="History"/>.</summary>
    public int GetFirstDeviceEvent(int user) => user <= CloudLog.NumberOfUsers ? CloudLog.GetItems(user).Length : 0;

    /// <summary>Reads a raw log with the keys.</summary>
    public InteractionLog Read(IDataView log) => InteractionLog.Read(Keys.Transform(log), Columns);
}
