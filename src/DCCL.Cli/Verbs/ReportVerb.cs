using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;
using DCCL.Cli.Models;
using DCCL.Cli.Reporting;
using DCCL.Cli.Training;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using Microsoft.ML;

namespace DCCL.Cli.Verbs;

/// <summary><c>dccl report</c>: what device-cloud learning makes of a model, as one page.</summary>
internal static class ReportVerb
{
    public static Command Create(ToolConsole console, CancellationToken cancellation)
    {
        Option<string> model = VerbOptions.Model();
        Option<string?> data = VerbOptions.LaterLog("all of whose events are the test; devices learn from what the model was not fitted to in its own");
        Option<string?> output = new("--out", "-o") { HelpName = "FILE", Description = "The page to write. Without it, NAME.report.html beside the model." };
        Option<bool> strict = VerbOptions.Strict();
        Option<bool> force = VerbOptions.Force();
        Option<int> seed = VerbOptions.Seed();
        Option<int> threads = VerbOptions.Threads();
        Option<bool> quick = VerbOptions.Quick();
        Option<bool> json = VerbOptions.Json();
        Command command = new(
            "report",
            "Writes one page: how good the model is by itself, with patches, and distilled, by activity and with intervals; how it learnt, what it costs, and what a few people would see.")
        {
            model, data, output, strict, force, seed, threads, quick, json,
        };
        command.SetAction(parsed =>
        {
            ModelFiles files = ModelFiles.Find(parsed.GetValue(model)!);
            string target = parsed.GetValue(output) ?? Path.Combine(files.Folder, files.Name + ".report.html");
            OutputFile.Check(target, "page", "report.html", parsed.GetValue(force));
            MLContext ml = new(parsed.GetValue(seed));
            ITransformer loaded = files.Load(ml, out _);
            string? later = parsed.GetValue(data);
            if (later is null && files.GetConfig().UsesAllEvents)
            {
                throw ToolException.BadInput("There must be events that the model has not seen, but it was trained with --use-all. Pass a later log with --data.");
            }

            ModelLog log = ModelLog.Open(console, ml, files, later, onlyUser: null, parsed.GetValue(strict), cancellation, learnsFromOwn: true);
            LibTorch.Prepare(console, cancellation);
            ProgressView progress = new(console, opening: null, cancellation);
            progress.Watch(ml);
            ModelTraining training = new(ml, VerbOptions.GetSettings(parsed, files.GetConfig().Backbone, seed, threads, quick), progress, cancellation);
            ModelReport report = progress.Run(() => new ReportRun(ml, training, progress, cancellation).Run(files, loaded, log));
            AtomicFile.Write(target, Encoding.UTF8.GetBytes(ReportPage.Write(report)));
            Show(console, parsed.GetValue(json), report, target);
            return ExitCode.Success;
        });
        return command;
    }

    private static void Show(ToolConsole console, bool isJson, ModelReport report, string target)
    {
        if (isJson)
        {
            console.WriteJson(new JsonObject
            {
                ["file"] = Path.GetFullPath(target),
                ["split"] = report.Split,
                ["stages"] = new JsonArray([.. report.Stages.Select(stage => stage.Report.ToJson(stage.Name))]),
                ["gains"] = new JsonArray([.. report.Stages.Skip(1).Select(stage => Describe(stage, report))]),
            });
            return;
        }

        foreach (ReportStage stage in report.Stages)
        {
            ConfidenceInterval interval = Bootstrap.Mean(stage.Report, report.Metric);
            console.WriteLine(FormattableString.Invariant($"{stage.Name,-9} {report.MetricTitle} {interval.Estimate:F4}, 95 % interval over users {interval.Lower:F4} to {interval.Upper:F4}"));
        }

        if (report.Stages[0].Report is { IsSampled: true } sample)
        {
            console.WriteLine($"The figures are those of a random sample of {sample.Users.Count:N0} of the {sample.NumberOfTestUsers:N0} users in the test.");
        }

        console.WriteLine($"Written: {target}");
    }

    private static JsonObject Describe(ReportStage stage, ModelReport report)
    {
        ReportStage baseline = report.Stages[0];
        JsonObject gain = Figures.ToJson(report.MetricTitle, Bootstrap.Difference(stage.Report, baseline.Report, report.Metric));
        gain["stage"] = stage.Name;
        gain["baseline"] = baseline.Name;
        return gain;
    }
}
