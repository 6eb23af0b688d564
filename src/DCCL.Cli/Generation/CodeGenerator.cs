using System.Globalization;
using System.Text.Json;
using DCCL.Cli.Logs;
using DCCL.Cli.Models;
using DCCL.Cli.Training;

namespace DCCL.Cli.Generation;

/// <summary>Writes the code that uses, trains and evaluates a model, and projects around it.</summary>
internal sealed class CodeGenerator
{
    private const string Templates = "templates/";

    private static readonly (string Template, string File)[] _files =
    [
        ("consumption.cs", "{{Name}}.consumption.cs"),
        ("training.cs", "{{Name}}.training.cs"),
        ("evaluate.cs", "{{Name}}.evaluate.cs"),
        ("solution.slnx", "{{Name}}.slnx"),
        ("console/Program.cs", "console/Program.cs"),
        ("console/project.xml", "console/{{Name}}.Console.csproj"),
        ("api/Program.cs", "api/Program.cs"),
        ("api/project.xml", "api/{{Name}}.Api.csproj"),
        ("training/Program.cs", "training/Program.cs"),
        ("training/project.xml", "training/{{Name}}.Training.csproj"),
        ("web/Program.cs", "web/Program.cs"),
        ("web/project.xml", "web/{{Name}}.Web.csproj"),
        ("web/package.json", "web/package.json"),
        ("web/package-lock.json", "web/package-lock.json"),
        .. ListPage(),
    ];

    private readonly Dictionary<string, string> _values;
    private readonly PackageFolder _packages;

    /// <param name="name">The name of the model.</param>
    /// <param name="layout">How its log is written.</param>
    /// <param name="settings">How it was trained.</param>
    /// <param name="packages">Where packages come from.</param>
    public CodeGenerator(string name, LogLayout layout, TrainingSettings settings, PackageFolder packages)
    {
        _packages = packages;
        _values = new Dictionary<string, string>
        {
            ["Name"] = name,
            ["Version"] = packages.Version,
            ["LibTorchVersion"] = LibTorch.Version,
            ["PackageSource"] = packages.IsOwn ? $"$(MSBuildThisFileDirectory)../{PackageFolder.OwnFolderName}" : packages.Path ?? "",
            ["Properties"] = CreateProperties(layout),
            ["Separator"] = layout.Delimiter switch { '\t' => @"'\t'", '\'' => @"'\''", '\\' => @"'\\'", _ => $"'{layout.Delimiter}'" },
            ["HasHeader"] = layout.HasHeader ? "true" : "false",
            ["AllowsQuotes"] = layout.Delimiter == '\t' ? "false" : "true",
            ["TimeColumn"] = layout.Time is null ? "null" : "nameof(ModelInput.Timestamp)",
            ["LabelColumn"] = layout.Feedback is null ? "null" : "\"Label\"",
            ["Label"] = CreateLabel(layout),
            ["Trainer"] = settings.Backbone == TrainingSettings.SasRec ? "SasRec" : "Din",
            ["TrainerClass"] = settings.TrainerName,
            ["Seed"] = settings.Seed.ToString(CultureInfo.InvariantCulture),
            ["LogFile"] = Quote(Path.GetFullPath(layout.Path)),
        };
    }

    /// <summary>Writes everything into a folder.</summary>
    public void Write(OutputFolder folder)
    {
        foreach ((string template, string file) in _files)
        {
            File.WriteAllText(folder.GetPath(Fill(file)), Fill(Read(template)));
        }

        foreach (string package in _packages.IsOwn ? _packages.Files : [])
        {
            File.Copy(package, folder.GetPath(Path.Combine(PackageFolder.OwnFolderName, Path.GetFileName(package))));
        }
    }

    private static string CreateProperties(LogLayout layout)
    {
        List<string> lines = [];
        void Add(LogColumn? column, string type, string name, string meaning)
        {
            if (column is not null)
            {
                string initial = type == "string" ? " = \"\";" : "";
                lines.Add($"        /// <summary>Gets or sets {meaning}: {Escape(column.Name)} in the log.</summary>");
                lines.Add(FormattableString.Invariant($"        [LoadColumn({column.Index})]"));
                lines.Add($"        public {type} {name} {{ get; set; }}{initial}");
                lines.Add("");
            }
        }

        Add(layout.User, "string", LogLayout.UserColumnName, "who");
        Add(layout.Item, "string", LogLayout.ItemColumnName, "what");
        Add(layout.Time, layout.HasDates ? "DateTime" : "double", LogLayout.TimeColumnName, "when; scoring does not look at it");
        Add(layout.PositiveRating is null ? null : layout.Find(ColumnRole.Rating), "float", "Rating", "how much it was liked; scoring does not look at it");
        Add(layout.Find(ColumnRole.Label), "bool", LogLayout.LabelColumnName, "whether it was taken; scoring does not look at it");
        return string.Join('\n', lines[..^1]);
    }

    private static string CreateLabel(LogLayout layout) => layout.PositiveRating is double rating
        ? string.Create(CultureInfo.InvariantCulture, $"ml.Transforms.Expression(\"Label\", \"rating => rating >= {rating:0.0###}f\", \"Rating\").Fit(rows).Transform(rows)")
        : "rows";

    // The page and its modules, some of them the example's, keep their names.
    private static IEnumerable<(string Template, string File)> ListPage() => typeof(CodeGenerator).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith($"{Templates}web/page/", StringComparison.Ordinal))
        .Select(name => (name[Templates.Length..], name[Templates.Length..]));

    private static string Read(string template)
    {
        using Stream stream = typeof(CodeGenerator).Assembly.GetManifestResourceStream(Templates + template)!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    // JSON's escapes are C#'s as well.
    private static string Quote(string text) => JsonSerializer.Serialize(text);

    private static string Escape(string text) => new([.. text.Where(character => !char.IsControl(character)).Select(character => character is '<' or '>' or '&' ? '_' : character)]);

    private string Fill(string text) => _values.Aggregate(text, (filled, value) => filled.Replace($"{{{{{value.Key}}}}}", value.Value, StringComparison.Ordinal));
}
