using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.Trainers;
using Microsoft.ML;

namespace DCCL.Benchmarks;

/// <summary>The verb training: how long an epoch of <see cref="DinTrainer"/> takes, with its default options and nothing but training.</summary>
internal static class TrainingBenchmark
{
    public static Command CreateCommand()
    {
        Option<string?> data = new("--data")
        {
            HelpName = "FILE",
            Description = "A log: user, item, [rating,] time. Without it the built-in data are used.",
        };
        Option<int> threads = new("--threads") { HelpName = "N", Description = "The number of threads; 0 for one per processor." };
        Option<bool> quick = new("--quick") { Description = "Two epochs after the warm-up instead of five." };
        Command command = new("training", "Times an epoch of DinTrainer on all but each user's last two events.") { data, threads, quick };
        command.SetAction(parsed => Run(parsed.GetValue(data), parsed.GetValue(threads), parsed.GetValue(quick) ? 2 : 5));
        return command;
    }

    private static void Run(string? path, int threads, int numberOfMeasuredEpochs)
    {
        MLContext ml = new(seed: 1);
        BenchmarkData data = BenchmarkData.Load(ml, path);
        IDataView training = BenchmarkData.MapKeys(ml, InteractionSplit.LeaveLastOut(data.Log, data.Columns).Training);
        InteractionLog log = InteractionLog.Read(training, data.Columns);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{data.Name}: {log.NumberOfUsersWithEvents:N0} users, {log.NumberOfItems:N0} items, {log.NumberOfEvents:N0} events to train on"));

        EpochTimes times = new();
        DinTrainer.Options options = new()
        {
            Columns = data.Columns,
            NumberOfEpochs = 1 + numberOfMeasuredEpochs,
            NumberOfValidationUsers = 0,
            Run = new TrainingRunOptions { NumberOfThreads = threads, Progress = times },
        };
        using (ml.DeviceCloud().Trainers.Din(options).Fit(training))
        {
        }

        // The first epoch pays for compilation and for memory that later ones find ready.
        double seconds = Median([.. times.Seconds.Skip(1)]);
        long rows = (long)log.NumberOfEvents * (1 + options.NumberOfNegatives);
        JsonObject json = new()
        {
            ["secondsPerEpoch"] = Math.Round(seconds, 3),
            ["rowsPerSecond"] = Math.Round(rows / seconds),
            ["cores"] = threads > 0 ? Math.Min(threads, Environment.ProcessorCount) : Environment.ProcessorCount,
        };
        Console.WriteLine(json.ToJsonString());
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
    }

    /// <summary>Times epochs from the end of the one before, the progress with a loss, to their own.</summary>
    private sealed class EpochTimes : IProgress<TrainingProgress>
    {
        private readonly Stopwatch _watch = Stopwatch.StartNew();

        public List<double> Seconds { get; } = [];

        public void Report(TrainingProgress value)
        {
            if (value.Loss is double loss)
            {
                Seconds.Add(_watch.Elapsed.TotalSeconds);
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"epoch {value.Epoch} of {value.NumberOfEpochs}: {Seconds[^1]:F2} s, loss {loss:F4}"));
                _watch.Restart();
            }
        }
    }
}
