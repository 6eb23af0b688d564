using System.CommandLine;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.Trainers;
using Microsoft.ML;
using OnDevice;

namespace DCCL.Benchmarks;

/// <summary>The verb example-model: trains the small model that examples/OnDevice starts from, on built-in data.</summary>
internal static class ExampleModel
{
    public static Command CreateCommand()
    {
        Option<string> output = new("--output") { HelpName = "FILE", Description = "The file to write.", Required = true };
        Command command = new("example-model", "Trains the small model of examples/OnDevice.") { output };
        command.SetAction(parsed => Run(parsed.GetValue(output)!));
        return command;
    }

    private static void Run(string path)
    {
        MLContext ml = new(seed: 1);
        SyntheticDeviceCloud data = ExampleData.Create();
        IDataView log = data.CreateLog(ml);
        PeriodSplit split = InteractionSplit.ByPeriods(log, data.Columns);
        InteractionColumns columns = new("User", "Item", data.Columns.TimestampColumnName, data.Columns.LabelColumnName);
        TrainingRunOptions run = new() { Seed = 1, NumberOfThreads = 1 };
        IEstimator<ITransformer> pipeline = ml.Transforms.Conversion.MapValueToKey("User", nameof(SyntheticEvent.UserId))
            .Append(ml.Transforms.Conversion.MapValueToKey("Item", nameof(SyntheticEvent.ItemId)))
            .Append(ml.DeviceCloud().Trainers.Din(new DinTrainer.Options
            {
                Columns = columns,
                EmbeddingDimension = 8,
                HistoryLength = 20,
                ActivationUnitSize = 16,
                HiddenLayerSizes = [32, 16],
                Run = run,
            }));
        ITransformer cloud = pipeline.Fit(split.Cloud);
        ITransformer fleet = ml.DeviceCloud().Trainers.MetaPatch(cloud, new MetaPatchTrainer.Options { PatchSize = 8, BottleneckSize = 4, Run = run }).Fit(split.Device);
        ml.Model.Save(fleet, log.Schema, path);
        Console.WriteLine($"{path}: {new FileInfo(path).Length} bytes, {fleet.GetUserPatches().Count} patches");
    }
}
