using System.CommandLine;
using System.Text.Json.Nodes;
using DCCL.Cli.Models;
using DCCL.Cli.Training;
using DCCL.ML.Evaluation;
using Microsoft.ML;

namespace DCCL.Cli.Verbs;

/// <summary><c>dccl evaluate</c>: how good a model is on events that it has not seen.</summary>
internal static class EvaluateVerb
{
    public static Command Create(ToolConsole console, CancellationToken cancellation)
    {
        Option<string> model = VerbOptions.Model();
        Option<string?> data = VerbOptions.LaterLog("all of whose events are the test");
        Option<bool> strict = VerbOptions.Strict();
        Option<int> seed = VerbOptions.Seed();
        Option<int> threads = VerbOptions.Threads();
        Option<bool> quick = VerbOptions.Quick();
        Option<bool> json = VerbOptions.Json();
        Command command = new("evaluate", "Ranks each test event among all items that its user has not had: hit rate, NDCG, MRR, and AUC with labels, overall and by activity.")
        {
            model, data, strict, seed, threads, quick, json,
        };
        command.SetAction(parsed =>
        {
            ModelFiles files = ModelFiles.Find(parsed.GetValue(model)!);
            MLContext ml = new(parsed.GetValue(seed));
            ITransformer loaded = files.Load(ml, out _);
            ModelLog log = ModelLog.Open(console, ml, files, parsed.GetValue(data), onlyUser: null, parsed.GetValue(strict), cancellation);
            if (log.Test is null)
            {
                throw ToolException.BadInput("There must be events that the model has not seen, but it was trained with --use-all. Pass a later log with --data.");
            }

            TrainingSettings settings = VerbOptions.GetSettings(parsed, files.GetConfig().Backbone, seed, threads, quick);
            using CancellationTokenRegistration interruption = console.NoteInterruption(cancellation);
            RankingReport report = new ModelTraining(ml, settings, progress: null, cancellation).Evaluate(loaded, log.Test, log.BeforeTest?.Value, log.Description);
            if (parsed.GetValue(json))
            {
                JsonObject result = report.ToJson(files.Name);
                result["split"] = log.Description;
                result["interval"] = Figures.ToJson(Figures.GetMainMetricName(report), Bootstrap.Mean(report, Figures.GetMainMetric(report)));
                console.WriteJson(result);
            }
            else
            {
                console.WriteLine(log.Description);
                Figures.Print(console, report);
            }

            return ExitCode.Success;
        });
        return command;
    }
}
