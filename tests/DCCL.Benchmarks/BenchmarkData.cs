using DCCL.ML.Data;
using Microsoft.ML;
using QuickStart;

namespace DCCL.Benchmarks;

/// <summary>The log that a benchmark runs on.</summary>
/// <param name="Name">The file's name, or "built-in".</param>
/// <param name="Log">The log, in memory.</param>
/// <param name="Columns">Its columns: the raw ones.</param>
internal sealed record BenchmarkData(string Name, IDataView Log, InteractionColumns Columns)
{
    /// <summary>Reads a log from a file, or makes one if the path is null.</summary>
    public static BenchmarkData Load(MLContext ml, string? path)
    {
        IDataView log = path is null ? new SyntheticDeviceCloud().CreateLog(ml) : LogFile.Open(path).Load(ml);
        return new BenchmarkData(
            path is null ? "built-in" : Path.GetFileName(path), ml.Data.Cache(log), new InteractionColumns("UserId", "ItemId", "Timestamp"));
    }

    /// <summary>Maps users and items to the keys that trainers read.</summary>
    public static IDataView MapKeys(MLContext ml, IDataView log) =>
        ml.Transforms.Conversion.MapValueToKey([new InputOutputColumnPair("UserId"), new InputOutputColumnPair("ItemId")]).Fit(log).Transform(log);
}
