using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using DCCL.Trainers;
using Google.Protobuf;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.Benchmarks;

/// <summary>The verb device: what scoring and learning cost on a device, on one core, and how large everything is.</summary>
internal static class DeviceBenchmark
{
    private const int NumberOfItems = 1_682;
    private const int NumberOfCandidates = 100;
    private const int NumberOfEvents = 60;
    private const double ScoreTolerance = 1e-4;

    public static Command CreateCommand()
    {
        Option<bool> quick = new("--quick") { Description = "Fewer repetitions." };
        Command command = new("device", "Times scoring 100 candidates and learning one person's patch with a model of the default size.") { quick };
        command.SetAction(parsed => Run(parsed.GetValue(quick)));
        return command;
    }

    private static void Run(bool isQuick)
    {
        DinArchitecture architecture = new() { NumberOfItems = NumberOfItems };
        SeededRandom random = new(1);
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture, new PatchArchitecture { Layers = [0, 1] });
        DeviceCloudModelParameters cloud = new(
            architecture, null, null, architecture.Tensors.ToDictionary(shape => shape.Name, shape => parameters[shape.Name].ToArray()));
        DeviceCloudPredictionTransformer model = CreateTransformer(parameters);
        byte[] file = Export(model);

        Inputs inputs = new(random, parameters);
        using GraphTimer textbook = new(new TextbookGraph(cloud).Build().ToByteArray(), inputs, isPatched: false);
        using GraphTimer unpatched = new(Export(CreateTransformer(cloud)), inputs, isPatched: false);
        using GraphTimer patched = new(file, inputs, isPatched: true);
        CheckSame(textbook.Score(), unpatched.Score());
        GraphTimer[] timers = [textbook, unpatched, patched];
        for (int round = 0; round < (isQuick ? 30 : 300); round++)
        {
            foreach (GraphTimer timer in timers) // by turns, so that whatever else the machine does hits all alike
            {
                timer.Measure();
            }
        }

        Console.WriteLine($"100 candidates, {architecture.HistoryLength} events in the history, one thread:");
        Print("textbook graph", textbook);
        Print("exported graph without patches", unpatched);
        Print("exported graph with a patch", patched);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"the cloud model takes {unpatched.Median / textbook.Median:F2} of the textbook, the patched one {patched.Median / unpatched.Median:F2} of the cloud model"));

        (double learnt, long patchBytes, JsonObject sizes) = Learn(model, isQuick ? 3 : 9);
        long without = WorkingSet();
        double torch = LearnWithTorch(model, isQuick ? 2 : 4);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"a patch from {NumberOfEvents} events, gate included: {learnt:F0} ms on the device; MetaPatchTrainer for the same person {torch:F0} ms"));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"memory of the process: {without >> 20} MB, with libtorch {WorkingSet() >> 20} MB; bytes of the files: {sizes.ToJsonString()}"));
        JsonObject json = new()
        {
            ["textbookMicroseconds"] = Math.Round(textbook.Median, 1),
            ["cloudMicroseconds"] = Math.Round(unpatched.Median, 1),
            ["patchedMicroseconds"] = Math.Round(patched.Median, 1),
            ["learnMilliseconds"] = Math.Round(learnt, 1),
            ["patchBytes"] = patchBytes,
            ["modelBytes"] = file.Length,
        };
        Console.WriteLine(json.ToJsonString());
    }

    private static (double Milliseconds, long PatchBytes, JsonObject Sizes) Learn(DeviceCloudPredictionTransformer model, int repetitions)
    {
        string folder = Directory.CreateTempSubdirectory("dccl-benchmark-").FullName;
        string exported = Path.Combine(folder, "model");
        model.ExportForDevice(exported);
        List<double> times = [];
        for (int i = 0; i <= repetitions; i++)
        {
            using DevicePersonalizer device = new(exported, Path.Combine(folder, $"owner{i}"), new DevicePersonalizerOptions { Seed = i });
            foreach ((int item, int time) in Events())
            {
                device.Record(item.ToString(CultureInfo.InvariantCulture), time);
            }

            long start = Stopwatch.GetTimestamp();
            device.LearnAsync().GetAwaiter().GetResult();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        JsonObject sizes = [];
        foreach (FileInfo file in new DirectoryInfo(exported).GetFiles().OrderBy(file => file.Name, StringComparer.Ordinal))
        {
            sizes[file.Name] = file.Length;
        }

        Directory.Delete(folder, recursive: true);
        int patchBytes = new UserPatch(model.Parameters.Fingerprint, new float[model.Parameters.Patch!.PatchSize]).ToAdapter().Length;
        return (Median(times.Skip(1)), patchBytes, sizes); // the first one pays for compilation
    }

    private static double LearnWithTorch(DeviceCloudPredictionTransformer model, int repetitions)
    {
        MLContext ml = new(seed: 1);
        IDataView log = ml.Data.LoadFromEnumerable(Events().Select(@event => new Row { User = 0, Item = (uint)(@event.Item - 1), Time = @event.Time }));
        MetaPatchTrainer.Options options = new() { Run = new TrainingRunOptions { NumberOfThreads = 1 } };
        List<double> times = [];
        for (int i = 0; i <= repetitions; i++)
        {
            long start = Stopwatch.GetTimestamp();
            _ = ml.DeviceCloud().Trainers.MetaPatch(model, options).Fit(log);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return Median(times.Skip(1));
    }

    private static IEnumerable<(int Item, int Time)> Events()
    {
        SeededRandom random = new(2);
        for (int i = 0; i <= NumberOfEvents; i++) // the first one has no history, and teaches nothing
        {
            yield return (1 + random.Next(NumberOfItems), i);
        }
    }

    private static DeviceCloudPredictionTransformer CreateTransformer(DeviceCloudModelParameters parameters) => new(
        parameters, null, new BehaviorHistory([0, 0], [], 0, [], [double.NegativeInfinity]), new InteractionColumns("User", "Item", "Time"))
    {
        NumberOfThreads = 1,
    };

    private static byte[] Export(DeviceCloudPredictionTransformer model)
    {
        using MemoryStream stream = new();
        model.ExportToOnnx(stream);
        return stream.ToArray();
    }

    private static void CheckSame(float[] expected, float[] actual)
    {
        if (expected.Zip(actual, (x, y) => Math.Abs(x - y) / Math.Max(1, Math.Abs(x))).Max() > ScoreTolerance)
        {
            throw new InvalidDataException("The textbook graph must give the exported graph's scores, but does not: the comparison means nothing.");
        }
    }

    private static void Print(string name, GraphTimer timer) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"  {name}: median {timer.Median:F0} us, p99 {timer.Percentile(0.99):F0} us"));

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static long WorkingSet()
    {
        using Process process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private sealed class Row
    {
        [KeyType(1)]
        public uint User { get; set; }

        [KeyType(NumberOfItems)]
        public uint Item { get; set; }

        public float Time { get; set; }
    }

    /// <summary>One history and the candidates.</summary>
    internal sealed class Inputs(SeededRandom random, DeviceCloudModelParameters parameters)
    {
        public long[] Items { get; } = [.. Enumerable.Range(0, NumberOfCandidates).Select(_ => 1L + random.Next(NumberOfItems))];

        public long[] History { get; } = [.. Enumerable.Range(0, parameters.Architecture.HistoryLength).Select(_ => 1L + random.Next(NumberOfItems))];

        public float[] Patch { get; } = [.. Enumerable.Range(0, parameters.Patch!.PatchSize).Select(_ => 0.3f * (float)random.NextGaussian())];
    }
}
