using System.Text.Json;
using System.Text.Json.Nodes;

namespace QuickStart;

/// <summary>Writes the figures for other programs to read.</summary>
internal static class JsonFile
{
    private static readonly JsonSerializerOptions _indented = new() { WriteIndented = true };

    public static void Write(string path, string data, QuickStartOptions options, TimeSpan elapsed, IEnumerable<StageResult> stages)
    {
        JsonObject json = new()
        {
            ["data"] = data,
            ["split"] = options.Split,
            ["seed"] = options.Seed,
            ["seconds"] = Math.Round(elapsed.TotalSeconds, 1),
            ["stages"] = new JsonArray([.. stages.Select(stage => stage.Report.ToJson(stage.Name))]),
        };

        // Written aside, then renamed: nobody ever reads half a file.
        string temporary = path + ".tmp";
        File.WriteAllText(temporary, json.ToJsonString(_indented) + "\n");
        File.Move(temporary, path, overwrite: true);
    }
}
