using System.CommandLine;
using System.Text.Json.Nodes;
using DCCL.Cli.Models;
using DCCL.ML;
using DCCL.ML.Device;
using DCCL.ML.Export;
using Microsoft.ML;

namespace DCCL.Cli.Verbs;

/// <summary><c>dccl export</c>: the files for devices.</summary>
internal static class ExportVerb
{
    /// <summary>The folder of the users' patches within the folder that is written.</summary>
    public const string Adapters = "adapters";

    private const string AdapterList = "adapters.json";

    public static Command Create(ToolConsole console, CancellationToken cancellation)
    {
        Option<string> model = VerbOptions.Model();
        Option<string> output = new("--out", "-o") { HelpName = "DIR", Description = "The folder to write.", Required = true };
        Option<bool> adapters = new("--adapters") { Description = "Also every user's patch, as an ONNX Runtime adapter, and a list of who has which. They are personal data." };
        Option<bool> requiresPatch = new("--requires-patch") { Description = "Make the patch a required input, as JavaScript's ONNX Runtime needs it." };
        Option<bool> half = new("--half") { Description = "Weights of 16 bits: half the size." };
        Option<bool> force = VerbOptions.Force();
        Option<bool> json = VerbOptions.Json();
        Command command = new("export", "Writes the model as plain ONNX with its vocabulary, the graph that learns a patch on a device, and the cold start where it helps.")
        {
            model, output, adapters, requiresPatch, half, force, json,
        };
        command.SetAction(parsed =>
        {
            ITransformer loaded = ModelFiles.Find(parsed.GetValue(model)!).Load(new MLContext(seed: 1), out _);
            using OutputFolder folder = OutputFolder.Begin(parsed.GetValue(output)!, parsed.GetValue(force));
            bool canLearn = loaded.DeviceCloudModel().Parameters.Patch is not null;
            OnnxExportOptions options = new() { RequiresPatch = parsed.GetValue(requiresPatch), UsesHalfPrecision = parsed.GetValue(half) };
            if (canLearn)
            {
                loaded.ExportForDevice(folder.GetPath(), options);
            }
            else
            {
                console.Note("The model knows no patches: without 'dccl personalize' a device can score, but not learn.");
                loaded.ExportToOnnx(folder.GetPath(DeviceFiles.Model), options);
            }

            int numberOfAdapters = parsed.GetValue(adapters) ? WriteAdapters(loaded, folder, cancellation) : 0;
            folder.Replace(DeviceFiles.TrainingStep, DeviceFiles.ColdStart, $"{Adapters}/*.onnx_adapter", $"{Adapters}/{AdapterList}"); // of another model, or nobody's any more
            folder.Complete();
            Show(console, folder.FinalPath, canLearn, numberOfAdapters, parsed.GetValue(json));
            return ExitCode.Success;
        });
        return command;
    }

    // Files have numbers: a raw id may hold what no file name can.
    private static int WriteAdapters(ITransformer model, OutputFolder folder, CancellationToken cancellation)
    {
        JsonObject list = [];
        int number = 0;
        foreach ((string user, UserPatch patch) in model.GetUserPatches().OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            cancellation.ThrowIfCancellationRequested();
            number++;
            string name = FormattableString.Invariant($"{number}.onnx_adapter");
            patch.Save(folder.GetPath(Path.Combine(Adapters, name)));
            list[user] = name;
        }

        if (number > 0)
        {
            File.WriteAllText(folder.GetPath(Path.Combine(Adapters, AdapterList)), ToolConsole.ToText(list));
        }

        return number;
    }

    private static void Show(ToolConsole console, string folder, bool canLearn, int numberOfAdapters, bool isJson)
    {
        FileInfo[] files = [.. new DirectoryInfo(folder).EnumerateFiles().OrderBy(file => file.Name, StringComparer.Ordinal)];
        if (isJson)
        {
            console.WriteJson(new JsonObject
            {
                ["folder"] = folder,
                ["canLearn"] = canLearn,
                ["adapters"] = numberOfAdapters,
                ["files"] = new JsonObject(files.Select(file => KeyValuePair.Create<string, JsonNode?>(file.Name, file.Length))),
            });
            return;
        }

        foreach (FileInfo file in files)
        {
            console.WriteLine($"{file.Name,-24} {file.Length,12:N0} bytes");
        }

        if (numberOfAdapters > 0)
        {
            console.WriteLine($"{Adapters}/ holds the patches of {numberOfAdapters:N0} users: personal data, each for its owner's device only.");
        }
    }
}
