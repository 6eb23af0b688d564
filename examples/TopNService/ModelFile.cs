using DCCL.ML;
using DCCL.ML.Data;
using DCCL.Trainers;
using Microsoft.ML;

namespace TopNService;

/// <summary>Trains models, as a job beside the service would do it.</summary>
internal static class ModelFile
{
    /// <summary>Trains a model on built-in data and saves it.</summary>
    public static void Train(string path, bool isQuick, int seed = 1)
    {
        MLContext ml = new(seed: 1);
        SyntheticDeviceCloud generator = new(new()
        {
            NumberOfUsers = isQuick ? 60 : 400,
            NumberOfItems = isQuick ? 40 : 200,
            ProfileDimension = 0,
        });
        IDataView log = generator.CreateLog(ml);
        DinTrainer.Options options = new()
        {
            Columns = new InteractionColumns("User", "Item", "Timestamp"),
            NumberOfEpochs = isQuick ? 2 : 10,
            Run = new TrainingRunOptions { Seed = seed },
        };
        ITransformer model = ml.Transforms.Conversion
            .MapValueToKey([new("User", "UserId"), new("Item", "ItemId")])
            .Append(ml.DeviceCloud().Trainers.Din(options))
            .Fit(log);
        Save(ml, model, log.Schema, path);
        if (seed == 1)
        {
            Console.WriteLine($"trained: {model.DeviceCloudModel().UserIds!.Count} users, {model.DeviceCloudModel().ItemIds!.Count} items");
        }
    }

    /// <summary>Writes beside the file and then takes its place: whoever reads it sees the old model or the new one, never half of one.</summary>
    private static void Save(MLContext ml, ITransformer model, DataViewSchema schema, string path)
    {
        string part = path + ".part";
        ml.Model.Save(model, schema, part);
        File.Move(part, path, overwrite: true);
    }
}
