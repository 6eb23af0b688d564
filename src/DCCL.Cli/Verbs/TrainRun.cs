using System.Diagnostics;
using System.Text.Json.Nodes;
using DCCL.Cli.Generation;
using DCCL.Cli.Logs;
using DCCL.Cli.Models;
using DCCL.Cli.Training;
using DCCL.ML;
using DCCL.ML.Evaluation;
using DCCL.ML.Scoring;
using DCCL.Trainers;
using Microsoft.ML;

namespace DCCL.Cli.Verbs;

/// <summary>The work of <c>dccl train</c>.</summary>
internal static class TrainRun
{
    private const string CheckpointExtension = ".checkpoint";

    public static int Run(ToolConsole console, TrainRequest request, CancellationToken cancellation)
    {
        // What can fail fails before the long work, and before anybody is asked.
        LogLayout guess = LayoutGuess.Guess(request.Log);
        PackageFolder packages = PackageFolder.Find(request.PackageSource);
        using OutputFolder folder = OutputFolder.Begin(request.OutputFolder, request.IsForced);
        LogLayout layout = LayoutDialog.Settle(console, guess, request.Asks, cancellation);
        string checkpoint = Path.GetRelativePath(Environment.CurrentDirectory, folder.FinalPath + CheckpointExtension);
        bool isResumed = SettleCheckpoint(console, request, checkpoint);
        TimeSpan earlier = isResumed ? TrainingCheckpoint.Load(checkpoint).Elapsed : TimeSpan.Zero;
        LibTorch.Prepare(console, cancellation);
        EventLog log = new LogReader(layout, request.Log.IsStrict).Read(cancellation);
        if (log.Faults.Describe() is string faults)
        {
            console.Note($"warning: {faults}");
        }

        console.Note($"{Words.Count(log.Events.Count, "event")} of {Words.Count(log.Users.Count, "user")} and {Words.Count(log.Items.Count, "item")}");
        foreach (string other in packages.FindOthers(LibTorch.GetPackageFolders()))
        {
            console.Note($"warning: NuGet keeps another package of the same version in '{other}', which generated projects would get. Delete that folder first.");
        }

        MLContext ml = new(request.Settings.Seed);
        ProgressView progress = new(console, isResumed ? $"Goes on from '{checkpoint}'." : null, cancellation) { KeepsBest = true };
        progress.Watch(ml);
        ModelTraining training = new(ml, request.Settings, progress, cancellation, checkpoint);
        Stopwatch watch = Stopwatch.StartNew();
        LogPeriods? periods = request.UsesAllEvents ? null : log.Split(ml);
        LogVariety.Check(log, periods is null ? log.Events : [.. periods.Cloud.Select(row => log.Events[row])]);
        ITransformer model = progress.Run(() => periods is null
            ? training.TrainCloud(layout, log.Load(ml), log.Load(ml), holdsBack: true)
            : training.TrainCloud(layout, periods.Load(ml, period => period.BeforeTest), periods.Load(ml, period => period.Cloud), holdsBack: false));
        Outcome outcome = new(isResumed, cancellation.IsCancellationRequested, earlier + watch.Elapsed);
        RankingReport? report = periods is null ? null : Evaluate(console, ml, training, model, periods, cancellation);
        string metric = report is null ? "validation" : Figures.GetMainMetricName(report);
        double? score = report is null ? progress.BestMetrics.Values.Cast<double?>().FirstOrDefault() : Figures.Finite(report.Overall[Figures.GetMainMetric(report)]);
        JsonObject config = ModelBuilderConfig.Create(
            layout, request.Settings, request.UsesAllEvents, Path.Combine(folder.FinalPath, request.Name + ModelFiles.Extension), metric, score, outcome.Time, progress.Curves);
        try
        {
            Write(ml, folder, request, packages, layout, model, log.Load(ml).Schema, config);
            folder.Complete();
        }
        catch (IOException exception) when (OutputFile.IsDiskFull(exception) && File.Exists(checkpoint))
        {
            throw ToolException.Output(
                $"{OutputFile.DescribeFullDisk(exception)} Nothing is lost: once there is room, the same command with --resume makes the model from '{checkpoint}'.", exception);
        }

        if (!outcome.IsUnfinished)
        {
            File.Delete(checkpoint);
        }

        Show(console, request, log, model, report, periods, outcome with { Checkpoint = File.Exists(checkpoint) ? checkpoint : null });
        return ExitCode.Success;
    }

    /// <summary>Says whether there is a training to go on with, and sees to it that none is lost that was not meant to be.</summary>
    private static bool SettleCheckpoint(ToolConsole console, TrainRequest request, string path)
    {
        bool isThere = File.Exists(path);
        if (request.Resumes)
        {
            if (!isThere)
            {
                console.Note($"There is no checkpoint '{path}' to go on from: the training begins at the start.");
            }

            return isThere;
        }

        if (isThere && !request.IsForced)
        {
            throw ToolException.Output($"The training of '{request.OutputFolder}' was ended before it was done, and its checkpoint '{path}' is there. Go on with --resume, or train anew with --force.");
        }

        File.Delete(path);
        return false;
    }

    // Whoever interrupts it has the model all the same, without figures.
    private static RankingReport? Evaluate(
        ToolConsole console, MLContext ml, ModelTraining training, ITransformer model, LogPeriods periods, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            return null;
        }

        console.Note("Evaluating on the test period ...");
        using CancellationTokenRegistration interruption = console.NoteInterruption(cancellation);
        try
        {
            return training.Evaluate(model, periods.Load(ml, period => period.Test), periods.Load(ml, period => period.BeforeTest), periods.Description);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private static void Write(
        MLContext ml, OutputFolder folder, TrainRequest request, PackageFolder packages, LogLayout layout, ITransformer model, DataViewSchema schema, JsonObject config)
    {
        string name = request.Name;
        ModelFiles.Save(ml, model, schema, folder, name + ModelFiles.Extension);
        File.WriteAllText(folder.GetPath(name + ".mbconfig"), ToolConsole.ToText(config));
        new CodeGenerator(name, layout, request.Settings, packages).Write(folder);
    }

    private static void Show(
        ToolConsole console, TrainRequest request, EventLog log, ITransformer model, RankingReport? report, LogPeriods? periods, Outcome outcome)
    {
        using DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        bool isUnevaluated = periods is not null && report is null;
        string[] files = [.. Directory.EnumerateFiles(request.OutputFolder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(request.OutputFolder, file)).Order(StringComparer.Ordinal)];
        if (outcome.IsUnfinished)
        {
            console.Note("Interrupted: the best epoch so far is kept." + (outcome.Checkpoint is null ? "" : $" The same command with --resume --force goes on from '{outcome.Checkpoint}'."));
        }

        if (isUnevaluated)
        {
            console.Note($"Interrupted: the model was not evaluated. 'dccl evaluate --model {request.OutputFolder}' does that.");
        }

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
                ["seconds"] = Math.Round(outcome.Time.TotalSeconds, 1),
                ["resumed"] = outcome.IsResumed,
                ["interrupted"] = outcome.IsUnfinished || isUnevaluated,
                ["checkpoint"] = outcome.Checkpoint is null ? null : Path.GetFullPath(outcome.Checkpoint),
                ["split"] = periods?.Description,
                ["figures"] = report?.ToJson("cloud"),
                ["files"] = new JsonArray([.. files.Select(file => (JsonNode)file)]),
            });
            return;
        }

        if (report is not null)
        {
            console.WriteLine(periods!.Description);
            Figures.Print(console, report);
        }

        console.WriteLine($"Trained in {outcome.Time.TotalSeconds:F1} s. Written to {request.OutputFolder}: {string.Join(", ", files.Where(file => !file.Contains(Path.DirectorySeparatorChar)))}");
        console.WriteLine($"Next: dccl recommend --model {request.OutputFolder} --user {log.Users[0]}");
    }

    /// <summary>How a training went.</summary>
    /// <param name="IsResumed">Whether it went on where another process was ended.</param>
    /// <param name="IsUnfinished">Whether it was ended before it was done.</param>
    /// <param name="Time">How long it took, in all processes that took part.</param>
    /// <param name="Checkpoint">What it can go on from; null if nothing.</param>
    private sealed record Outcome(bool IsResumed, bool IsUnfinished, TimeSpan Time, string? Checkpoint = null);
}
