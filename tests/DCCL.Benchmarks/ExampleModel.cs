using System.CommandLine;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.Trainers;
using Microsoft.ML;

namespace DCCL.Benchmarks;

/// <summary>The verb example-model: trains the small model that an example starts from, on built-in data.</summary>
internal static class ExampleModel
{
    public static Command CreateCommand()
    {
        Option<string> output = new("--output") { HelpName = "FILE", Description = "The file to write.", Required = true };
        Option<bool> web = new("--web") { Description = "The model of examples/OnDeviceWeb instead." };
        Command command = new("example-model", "Trains the small model of examples/OnDevice or OnDeviceWeb.") { output, web };
        command.SetAction(parsed => Run(parsed.GetValue(output)!, parsed.GetValue(web)));
        return command;
    }

    private static void Run(string path, bool isWeb)
    {
        MLContext ml = new(seed: 1);
        SyntheticDeviceCloud data = isWeb ? OnDeviceWeb.ExampleData.Create() : OnDevice.ExampleData.Create();
        IDataView log = data.CreateLog(ml);
        PeriodSplit split = InteractionSplit.ByPeriods(log, data.Columns);
        InteractionColumns columns = new("User", "Item", data.Columns.TimestampColumnName, data.Columns.LabelColumnName, data.Columns.ProfileColumnName);
        TrainingRunOptions run = new() { Seed = 1, NumberOfThreads = 1 };
        IEstimator<ITransformer> pipeline = ml.Transforms.Conversion.MapValueToKey("User", nameof(SyntheticEvent.UserId))
            .Append(ml.Transforms.Conversion.MapValueToKey("Item", nameof(SyntheticEvent.ItemId)))
            .Append(ml.DeviceCloud().Trainers.Din(new DinTrainer.Options
            {
                Columns = columns,
                EmbeddingDimension = 8,
                HistoryLength = isWeb ? 3 : 20,
                ActivationUnitSize = 16,
                HiddenLayerSizes = [32, 16],
                Run = run,
            }));
        ITransformer cloud = pipeline.Fit(split.Cloud);
        MetaPatchTrainer.Options options = isWeb
            ? new() { Basis = PatchBasisSource.Learned, PatchSize = 16, BottleneckSize = 8, L2 = 10, BasisLearningRate = 0.003, Run = run }
            : new() { Basis = PatchBasisSource.Learned, PatchSize = 8, BottleneckSize = 4, Run = run };
        ITransformer fleet = ml.DeviceCloud().Trainers.MetaPatch(cloud, options).Fit(split.Device);
        ml.Model.Save(fleet, log.Schema, path);
        Console.WriteLine($"{path}: {new FileInfo(path).Length} bytes, {fleet.GetUserPatches().Count} patches");
    }
}
