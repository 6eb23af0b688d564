using System.Diagnostics;
using System.Text.Json.Nodes;
using DCCL.Cli.Generation;
using DCCL.Cli.Logs;
using DCCL.Cli.Models;
using DCCL.Cli.Training;
using DCCL.ML;
using DCCL.ML.Evaluation;
using DCCL.ML.Scoring;
using Microsoft.ML;

namespace DCCL.Cli.Verbs;

/// <summary>The work of <c>dccl train</c>.</summary>
internal static class TrainRun
{
    public static int Run(ToolConsole console, TrainRequest request, CancellationToken cancellation)
    {
        // What can fail fails before the long work.
        LogLayout layout = LayoutDialog.Settle(console, LayoutGuess.Guess(request.Log), request.Asks);
        PackageFolder packages = PackageFolder.Find(request.PackageSource);
        using OutputFolder folder = OutputFolder.Begin(request.OutputFolder, request.IsForced);
        LibTorch.Prepare(console, cancellation);
        EventLog log = new LogReader(layout, request.Log.IsStrict).Read(cancellation);
        if (log.Faults.Describe() is string faults)
        {
            console.Note($"warning: {faults}");
        }

        console.Note($"{log.Events.Count:N0} events of {log.Users.Count:N0} users and {log.Items.Count:N0} items");
        MLContext ml = new(request.Settings.Seed);
        ProgressView progress = new(console);
        progress.Watch(ml);
        ModelTraining training = new(ml, request.Settings, progress, cancellation);
        Stopwatch watch = Stopwatch.StartNew();
        LogPeriods? periods = request.UsesAllEvents ? null : log.Split(ml);
        ITransformer model = progress.Run(() => periods is null
            ? training.TrainCloud(layout, log.Load(ml), log.Load(ml), holdsBack: true)
            : training.TrainCloud(layout, periods.Load(ml, period => period.BeforeTest), periods.Load(ml, period => period.Cloud), holdsBack: false));
        TimeSpan time = watch.Elapsed;
        bool isInterrupted = cancellation.IsCancellationRequested;
        RankingReport? report = periods is null
            ? null
            : training.Evaluate(model, periods.Load(ml, period => period.Test), periods.Load(ml, period => period.BeforeTest), periods.Description);
        string metric = report is null ? "validation" : Figures.GetMainMetricName(report);
        double? score = report is null ? progress.BestMetrics.Values.Cast<double?>().FirstOrDefault() : Finite(report.Overall[Figures.GetMainMetric(report)]);
        JsonObject config = ModelBuilderConfig.Create(
            layout, request.Settings.Backbone, request.Settings.TrainerName, request.Settings.Seed, request.UsesAllEvents, metric, score, time, progress.Curves);
        Write(ml, folder, request, packages, layout, model, log.Load(ml).Schema, config);
        folder.Complete();
        Show(console, request, log, model, report, periods, isInterrupted, time);
        return ExitCode.Success;
    }

    private static void Write(
        MLContext ml, OutputFolder folder, TrainRequest request, PackageFolder packages, LogLayout layout, ITransformer model, DataViewSchema schema, JsonObject config)
    {
        string name = request.Name;
        ml.Model.Save(model, schema, folder.GetPath(name + ModelFiles.Extension));
        model.ExportToOnnx(folder.GetPath(name + ".onnx"));
        File.WriteAllText(folder.GetPath(name + ".mbconfig"), ToolConsole.ToText(config));
        new CodeGenerator(name, layout, request.Settings, packages).Write(folder);
    }

    private static void Show(
        ToolConsole console, TrainRequest request, EventLog log, ITransformer model, RankingReport? report, LogPeriods? periods, bool isInterrupted, TimeSpan time)
    {
        using DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        string[] files = [.. Directory.EnumerateFiles(request.OutputFolder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(request.OutputFolder, file)).Order(StringComparer.Ordinal)];
        if (request.IsJson)
        {
            console.WriteJson(new JsonObject
            {
                ["folder"] = Path.GetFullPath(request.OutputFolder),
                ["name"] = request.Name,
                ["events"] = log.Events.Count,
                ["users"] = log.Users.Count,
                ["items"] = log.Items.Count,
                ["unreadableRows"] = log.Faults.Count,
                ["fingerprint"] = transformer.Parameters.Fingerprint,
                ["seconds"] = Math.Round(time.TotalSeconds, 1),
                ["interrupted"] = isInterrupted,
                ["split"] = periods?.Description,
                ["figures"] = report?.ToJson("cloud"),
                ["files"] = new JsonArray([.. files.Select(file => (JsonNode)file)]),
            });
            return;
        }

        if (isInterrupted)
        {
            console.Note("Interrupted: the best epoch so far is kept.");
        }

        if (report is not null)
        {
            console.WriteLine(periods!.Description);
            Figures.Print(console, report);
        }

        console.WriteLine($"Trained in {time.TotalSeconds:F1} s. Written to {request.OutputFolder}: {string.Join(", ", files.Where(file => !file.Contains(Path.DirectorySeparatorChar)))}");
        console.WriteLine($"Next: dccl recommend --model {request.OutputFolder} --user {log.Users[0]}");
    }

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
