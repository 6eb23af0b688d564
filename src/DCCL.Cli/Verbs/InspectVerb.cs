using System.CommandLine;
using System.Text.Json.Nodes;
using DCCL.Cli.Models;

namespace DCCL.Cli.Verbs;

/// <summary><c>dccl inspect</c>: what files are, and whether they fit together.</summary>
internal static class InspectVerb
{
    private static readonly string[] _extensions = [".mlnet", ".zip", ".onnx", ".onnx_adapter", ".vocabulary.json", ".mbconfig", ".checkpoint"];

    public static Command Create(ToolConsole console)
    {
        Argument<string[]> paths = new("PATH") { Arity = ArgumentArity.OneOrMore, Description = "Files, or a folder that 'dccl train' or 'dccl export' wrote." };
        Option<bool> json = VerbOptions.Json();
        Command command = new("inspect", "Says what artefacts are, their fingerprints and sizes, and whether they fit together. Ends with 4 if they do not.") { paths, json };
        command.SetAction(parsed => Run(console, parsed.GetValue(paths)!, parsed.GetValue(json)));
        return command;
    }

    private static int Run(ToolConsole console, string[] paths, bool isJson)
    {
        Artefact[] artefacts = [.. paths.SelectMany(List).Select(Artefact.Read)];
        Artefact[] kinds = [.. artefacts.DistinctBy(artefact => (artefact.Kind, artefact.Fingerprint, artefact.Vocabulary))]; // of many patches one, if all are of one model
        string[] misfits = [.. kinds.SelectMany((first, i) => kinds.Skip(i + 1).Select(first.FindMisfit)).OfType<string>()];
        if (isJson)
        {
            console.WriteJson(new JsonObject
            {
                ["artefacts"] = new JsonArray([.. artefacts.Select(ToJson)]),
                ["fit"] = misfits.Length == 0,
                ["misfits"] = new JsonArray([.. misfits.Select(misfit => (JsonNode)misfit)]),
            });
        }
        else
        {
            ILookup<bool, Artefact> ofMany = artefacts.ToLookup(artefact => artefact.Kind == Artefact.PatchKind && !paths.Contains(artefact.Path));
            foreach (Artefact artefact in ofMany[false])
            {
                Show(console, artefact);
            }

            foreach (IGrouping<string?, Artefact> model in ofMany[true].GroupBy(artefact => artefact.Fingerprint))
            {
                Show(console, $"{ExportVerb.Adapters}/: {model.Count():N0} {(model.Count() == 1 ? "person's patch" : "people's patches")}", [("fingerprint", model.Key)]);
            }

            if (artefacts.Length > 1 && misfits.Length == 0)
            {
                console.WriteLine("They fit together.");
            }
        }

        return misfits.Length == 0 ? ExitCode.Success : throw ToolException.BadModel($"The artefacts must fit together, but do not: {misfits[0]}");
    }

    private static string[] List(string path)
    {
        if (!Directory.Exists(path))
        {
            return [path];
        }

        string adapters = Path.Combine(path, ExportVerb.Adapters);
        string[] files = [.. Directory.EnumerateFiles(path).Concat(Directory.Exists(adapters) ? Directory.EnumerateFiles(adapters, "*.onnx_adapter") : []).Where(file => _extensions.Any(extension => file.EndsWith(extension, StringComparison.OrdinalIgnoreCase))).Order(StringComparer.Ordinal)];
        return files.Length > 0 ? files : throw ToolException.BadModel($"The folder '{path}' must hold artefacts of DCCL, but holds none. Name another one.");
    }

    private static void Show(ToolConsole console, Artefact artefact)
    {
        Show(
            console,
            $"{artefact.Name}: {artefact.Kind}, {new FileInfo(artefact.Path).Length:N0} bytes",
            [.. artefact.Properties, ("fingerprint", artefact.Fingerprint), ("vocabulary", artefact.Vocabulary)]);
    }

    private static void Show(ToolConsole console, FormattableString title, (string Name, string? Value)[] lines)
    {
        console.WriteLine(title);
        int width = Math.Max(20, lines.Max(line => line.Name.Length));
        foreach ((string name, string? value) in lines.Where(line => line.Value is not null))
        {
            console.WriteLine($"  {name.PadRight(width)} {value}");
        }
    }

    private static JsonNode ToJson(Artefact artefact) => new JsonObject
    {
        ["path"] = artefact.Path,
        ["kind"] = artefact.Kind,
        ["bytes"] = new FileInfo(artefact.Path).Length,
        ["fingerprint"] = artefact.Fingerprint,
        ["vocabulary"] = artefact.Vocabulary,
        ["properties"] = new JsonObject(artefact.Properties.Select(property => KeyValuePair.Create<string, JsonNode?>(property.Name, property.Value))),
    };
}
