using System.Text.Json;
using System.Text.Json.Nodes;
using DCCL.Cli.Logs;
using DCCL.Cli.Reporting;

#pragma warning disable CA1507 // the names of the file's fields are its format, whatever members are called

namespace DCCL.Cli.Models;

/// <summary>
/// Writes and reads the .mbconfig of a model: Model Builder's JSON, in which its own fields mean what they mean there, and one further section, DeviceCloud.
/// </summary>
internal sealed class ModelBuilderConfig
{
    // The versions that Model Builder writes beside its types.
    private const int ConfigVersion = 6;
    private const int DataSourceVersion = 3;
    private const int ColumnVersion = 5;
    private const int TrainingOptionVersion = 2;
    private const int DeviceCloudVersion = 1;

    private readonly JsonObject _json;

    private ModelBuilderConfig(JsonObject json, string path)
    {
        _json = json;
        Path = path;
    }

    /// <summary>Gets the path that it was read from.</summary>
    public string Path { get; }

    /// <summary>Gets the name of the model, which is that of the file.</summary>
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    /// <summary>Gets the network: din or sasrec.</summary>
    public string Backbone => (string?)_json["DeviceCloud"]?["Backbone"] ?? "din";

    /// <summary>Gets a value indicating whether all events were trained on, so that none are left for a test.</summary>
    public bool UsesAllEvents => (bool?)_json["DeviceCloud"]?["UsesAllEvents"] ?? false;

    /// <summary>Gets what was written of how good the model is.</summary>
    public JsonNode? RunHistory => _json["RunHistory"];

    /// <summary>Gets how the training went; none where the config does not say.</summary>
    public IEnumerable<LearningCurve> LearningCurves => (_json["DeviceCloud"]?["LearningCurves"]?.AsArray() ?? []).Select(curve => new LearningCurve(
        (string)curve!["Stage"]!, [.. curve["Losses"]!.AsArray().Select(value => (double)value!)], [.. curve["Metrics"]!.AsArray().Select(value => (double)value!)]));

    /// <summary>Makes the text of a config.</summary>
    public static JsonObject Create(
        LogLayout layout,
        string backbone,
        string trainer,
        int seed,
        bool usesAllEvents,
        string metric,
        double? score,
        TimeSpan time,
        IEnumerable<LearningCurve> curves) => new()
        {
            ["Scenario"] = "Recommendation",
            ["DataSource"] = new JsonObject
            {
                ["Type"] = "TabularFile",
                ["Version"] = DataSourceVersion,
                ["FilePath"] = System.IO.Path.GetFullPath(layout.Path),
                ["Delimiter"] = layout.Delimiter.ToString(),
                ["DecimalMarker"] = ".",
                ["HasHeader"] = layout.HasHeader,
                ["EscapeCharacter"] = "\"",
                ["AllowQuoting"] = layout.Delimiter != '\t',
                ["ReadMultiLines"] = false,
                ["ColumnProperties"] = new JsonArray([.. layout.Columns.Select(CreateColumn)]),
            },
            ["Environment"] = new JsonObject { ["Type"] = "LocalCPU", ["Version"] = 1 },
            ["TrainingOption"] = new JsonObject
            {
                ["Type"] = "RecommendationTrainingOption",
                ["Version"] = TrainingOptionVersion,
                ["LabelColumn"] = layout.Feedback?.Name,
                ["UserIdColumn"] = layout.User.Name,
                ["ItemIdColumn"] = layout.Item.Name,
                ["AvailableTrainers"] = new JsonArray(trainer),
                ["OptimizeMetric"] = metric,
                ["Subsampling"] = false,
                ["TrainingTime"] = (int)Math.Ceiling(time.TotalSeconds),
                ["Seed"] = seed,
            },
            ["RunHistory"] = new JsonObject
            {
                ["Type"] = "Result",
                ["Version"] = 1,
                ["MetricName"] = metric,
                ["Trials"] = new JsonArray(new JsonObject
                {
                    ["Type"] = "Trial",
                    ["Version"] = 0,
                    ["TrainerName"] = trainer,
                    ["Score"] = score,
                    ["RuntimeInSeconds"] = Math.Round(time.TotalSeconds, 1),
                }),
            },
            ["Type"] = "TrainingConfig",
            ["Version"] = ConfigVersion,
            ["DeviceCloud"] = new JsonObject
            {
                ["Version"] = DeviceCloudVersion,
                ["Backbone"] = backbone,
                ["UsesAllEvents"] = usesAllEvents,
                ["PositiveRating"] = layout.PositiveRating,
                ["LearningCurves"] = new JsonArray([.. curves.Select(curve => new JsonObject
            {
                ["Stage"] = curve.Stage,
                ["Losses"] = new JsonArray([.. curve.Losses.Select(value => (JsonNode)value)]),
                ["Metrics"] = new JsonArray([.. curve.Metrics.Select(value => (JsonNode)value)]),
            })]),
                ["Columns"] = new JsonObject(layout.Columns.Where(column => column.Role != ColumnRole.Ignored).Select(column =>
                    KeyValuePair.Create<string, JsonNode?>(column.Role.ToString(), new JsonObject { ["Name"] = column.Name, ["Index"] = column.Index }))),
            },
        };

    /// <summary>Reads a config.</summary>
    public static ModelBuilderConfig Load(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(path)) is JsonObject json && (string?)json["Type"] == "TrainingConfig"
                ? new ModelBuilderConfig(json, path)
                : throw ToolException.BadModel($"'{path}' must be a Model Builder config, of type TrainingConfig, but is not. Name another file, or train again.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw ToolException.BadModel($"'{path}' must be a Model Builder config, but is damaged: {exception.Message} Train again, or restore the file.", exception);
        }
    }

    /// <summary>Gets how to read a log as the one that the model was trained on.</summary>
    /// <param name="path">Another log; null for that one.</param>
    public LogOptions GetLog(string? path)
    {
        JsonNode? source = _json["DataSource"];
        string trained = (string?)source?["FilePath"]
            ?? throw ToolException.BadModel($"'{Path}' must say which log the model was trained on, but does not. Name one with --data.");
        if (path is null && !File.Exists(trained))
        {
            throw ToolException.BadInput($"The log '{trained}', which the model was trained on, must be there, but is not. Name it, or a later one, with --data.");
        }

        // A log of another form has columns of its own; one of the same has the same.
        bool hasHeader = (bool?)source!["HasHeader"] ?? false;
        char delimiter = ((string?)source["Delimiter"])?.FirstOrDefault() ?? ',';
        Dictionary<ColumnRole, string> columns = [];
        foreach ((string role, JsonNode? column) in _json["DeviceCloud"]?["Columns"]?.AsObject() ?? [])
        {
            if (Enum.TryParse(role, out ColumnRole parsed) && column is not null && (parsed != ColumnRole.Rating || _json["DeviceCloud"]!["PositiveRating"] is not null))
            {
                columns[parsed] = hasHeader ? (string)column["Name"]! : FormattableString.Invariant($"{(int)column["Index"]! + 1}");
            }
        }

        return new LogOptions
        {
            Path = path ?? trained,
            Delimiter = delimiter,
            HasHeader = hasHeader,
            Columns = columns,
            PositiveRating = (double?)_json["DeviceCloud"]?["PositiveRating"],
        };
    }

    private static JsonNode CreateColumn(LogColumn column) => new JsonObject
    {
        ["ColumnName"] = column.Name,
        ["ColumnPurpose"] = column.Role switch
        {
            ColumnRole.User or ColumnRole.Item => "Feature",
            ColumnRole.Rating or ColumnRole.Label => "Label",
            _ => "Ignore",
        },
        ["ColumnDataFormat"] = column.Role is ColumnRole.User or ColumnRole.Item ? "String" : column.Type switch
        {
            ColumnType.Integer or ColumnType.Number => "Single",
            ColumnType.Boolean => "Boolean",
            ColumnType.Date => "DateTime",
            _ => "String",
        },
        ["IsCategorical"] = column.Role is ColumnRole.User or ColumnRole.Item,
        ["Type"] = "Column",
        ["Version"] = ColumnVersion,
    };
}
