using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using DCCL.Cli.Models;
using DCCL.Cli.Training;
using DCCL.ML;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using Microsoft.ML;

namespace DCCL.Cli.Verbs;

/// <summary>What the verbs that change a model have in common: options, progress, and writing the new model.</summary>
internal sealed class LearningVerb
{
    private readonly Option<string> _model = VerbOptions.Model();
    private readonly Option<string?> _data = VerbOptions.LaterLog("from which to learn");
    private readonly Option<string?> _output = VerbOptions.NewModel();
    private readonly Option<bool> _strict = VerbOptions.Strict();
    private readonly Option<bool> _force = VerbOptions.Force();
    private readonly Option<int> _seed = VerbOptions.Seed();
    private readonly Option<int> _threads = VerbOptions.Threads();
    private readonly Option<bool> _quick = VerbOptions.Quick();
    private readonly Option<bool> _json = VerbOptions.Json();

    /// <summary>Makes a verb of what learns.</summary>
    /// <param name="name">The name of the verb.</param>
    /// <param name="description">What it does.</param>
    /// <param name="user">The option that names one user; null if the verb has none.</param>
    /// <param name="console">Where to write.</param>
    /// <param name="learn">Makes a new model.</param>
    /// <param name="cancellation">Stops the work.</param>
    public static Command Create(
        string name, string description, Option<string?>? user, ToolConsole console, Func<ModelTraining, ITransformer, ModelLog, ITransformer> learn, CancellationToken cancellation)
    {
        LearningVerb verb = new();
        Command command = new(name, description)
        {
            verb._model, verb._data, verb._output, verb._strict, verb._force, verb._seed, verb._threads, verb._quick, verb._json,
        };
        if (user is not null)
        {
            command.Options.Add(user);
        }

        command.SetAction(parsed => verb.Run(parsed, name, user is null ? null : parsed.GetValue(user), console, learn, cancellation));
        return command;
    }

    /// <summary>Says whether a user has a patch of their own.</summary>
    public static bool HasPatch(DeviceCloudPredictionTransformer model, string user) =>
        model.UserIds is { } ids && model.Patches?.GetStatus(1 + ids.TakeWhile(id => id != user).Count()) == PatchStatus.Patched;

    private int Run(
        ParseResult parsed, string name, string? user, ToolConsole console, Func<ModelTraining, ITransformer, ModelLog, ITransformer> learn, CancellationToken cancellation)
    {
        ModelFiles files = ModelFiles.Find(parsed.GetValue(_model)!);
        string target = parsed.GetValue(_output) ?? files.ModelPath;
        bool isOwn = Path.GetFullPath(target) == Path.GetFullPath(files.ModelPath);
        OutputFile.Check(target, "model", "New.mlnet", mayExist: isOwn || parsed.GetValue(_force));
        OutputFile.CheckWritable(Path.ChangeExtension(target, ".onnx"));
        OutputFile.CheckWritable(Path.ChangeExtension(target, ".mbconfig"));
        using OutputFolder folder = OutputFolder.Begin(Path.GetDirectoryName(Path.GetFullPath(target))!, isForced: true);
        MLContext ml = new(parsed.GetValue(_seed));
        ITransformer model = files.Load(ml, out DataViewSchema schema);
        LibTorch.Prepare(console, cancellation);
        ModelLog log = ModelLog.Open(console, ml, files, parsed.GetValue(_data), user, parsed.GetValue(_strict), cancellation);
        ProgressView progress = new(console, opening: null, cancellation);
        progress.Watch(ml);
        ModelTraining training = new(ml, VerbOptions.GetSettings(parsed, files.GetConfig().Backbone, _seed, _threads, _quick), progress, cancellation);
        Stopwatch watch = Stopwatch.StartNew();
        ITransformer result = progress.Run(() => learn(training, model, log));
        ModelFiles.Save(ml, result, schema, folder, Path.GetFileName(target));
        if (files.Config is { } config)
        {
            File.WriteAllText(folder.GetPath(Path.GetFileName(Path.ChangeExtension(target, ".mbconfig"))), config.CreateNext(target));
        }

        folder.Complete();
        Show(console, parsed.GetValue(_json), name, user, target, result, watch.Elapsed, cancellation.IsCancellationRequested);
        return ExitCode.Success;
    }

    private static void Show(ToolConsole console, bool isJson, string verb, string? user, string target, ITransformer result, TimeSpan time, bool isInterrupted)
    {
        using DeviceCloudPredictionTransformer transformer = result.DeviceCloudModel();
        int patched = transformer.Patches?.NumberOfPatchedUsers ?? 0;
        int users = transformer.History.NumberOfUsers;
        bool? isPatched = user is null ? null : HasPatch(transformer, user);
        if (isJson)
        {
            JsonObject json = new()
            {
                ["verb"] = verb,
                ["model"] = Path.GetFullPath(target),
                ["fingerprint"] = transformer.Parameters.Fingerprint,
                ["users"] = users,
                ["patchedUsers"] = patched,
                ["patchSize"] = transformer.Patches?.PatchSize,
                ["seconds"] = Math.Round(time.TotalSeconds, 1),
                ["interrupted"] = isInterrupted,
            };
            if (user is not null)
            {
                json["user"] = user;
                json["isPatched"] = isPatched;
            }

            console.WriteJson(json);
            return;
        }

        if (user is not null)
        {
            console.WriteLine($"The user '{user}' has {(isPatched is true ? "a patch." : "no patch: the cloud model is as good or better.")}");
        }

        string others = patched < users && user is null && !isInterrupted ? "; for the others the cloud model is as good or better" : "";
        console.WriteLine($"{patched:N0} of {Words.Count(users, "user")} {(patched == 1 ? "has" : "have")} a patch{others}.");
        console.WriteLine($"{time.TotalSeconds:F1} s. Written to {target}, fingerprint {transformer.Parameters.Fingerprint[..16]}.");
    }
}
