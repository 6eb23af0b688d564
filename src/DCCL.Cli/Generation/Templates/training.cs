// Written by 'dccl train': trains {{Name}} anew, as the tool did. Needs the package DCCL.Trainers.
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.Trainers;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace {{Name}}Code;

public static partial class {{Name}}
{
    /// <summary>Gets the columns of the log, as the evaluation and the splits read them.</summary>
    public static InteractionColumns Columns { get; } = new("UserId", "ItemId", {{TimeColumn}}, {{LabelColumn}});

    /// <summary>Reads a log of the same form as the one that the model was trained on.</summary>
    public static IDataView LoadLog(MLContext ml, string path)
    {
        IDataView rows = ml.Data.LoadFromTextFile<ModelInput>(path, new TextLoader.Options
        {
            Separators = [{{Separator}}],
            HasHeader = {{HasHeader}},
            AllowQuoting = {{AllowsQuotes}},
            TrimWhitespace = true,
            MissingRealsAsNaNs = true,
        });
        return ml.Data.Cache({{Label}});
    }

    /// <summary>Trains a cloud model.</summary>
    /// <param name="ml">The context.</param>
    /// <param name="known">The log whose users and items the model is to know.</param>
    /// <param name="log">The log to learn.</param>
    /// <param name="numberOfEpochs">The number of epochs at most; null for the default.</param>
    public static ITransformer Train(MLContext ml, IDataView known, IDataView log, int? numberOfEpochs = null)
    {
        ITransformer keys = ml.Transforms.Conversion.MapValueToKey("User", "UserId")
            .Append(ml.Transforms.Conversion.MapValueToKey("Item", "ItemId"))
            .Fit(known);
        ITransformer model = ml.DeviceCloud().Trainers.{{Trainer}}(new {{TrainerClass}}.Options
        {
            Columns = Columns with { UserColumnName = "User", ItemColumnName = "Item" },
            NumberOfEpochs = numberOfEpochs ?? new {{TrainerClass}}.Options().NumberOfEpochs,
            Run = new TrainingRunOptions { Seed = {{Seed}} },
        }).Fit(keys.Transform(log));
        return keys.Append(model);
    }

    /// <summary>Learns a patch for every user of a later log.</summary>
    public static ITransformer TrainPatches(MLContext ml, ITransformer model, IDataView deviceLog) =>
        ml.DeviceCloud().Trainers.MetaPatch(model).Fit(deviceLog);
}
