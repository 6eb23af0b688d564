using System.Text.Json;
using System.Text.Json.Nodes;
using DCCL.Cli.Logs;
using DCCL.Cli.Reporting;
using DCCL.Cli.Training;
using DCCL.ML.Data;

#pragma warning disable CA1507 // the names of the file's fields are its format, whatever members are called

namespace DCCL.Cli.Models;

/// <summary>
/// Writes and reads the .mbconfig of a model: Model Builder's JSON, in which its own fields mean what they mean there, and one further section, DeviceCloud.
/// </summary>
internal sealed class ModelBuilderConfig
{
    // The versions that Model Builder writes beside its types, those of one release.
    private const int ConfigVersion = 5;
    private const int DataSourceVersion = 3;
    private const int ColumnVersion = 5;
    private const int TrainingOptionVersion = 2;
    private const int ValidationOptionVersion = 0;
    private const int RunHistoryVersion = 3;
    private const int TrialVersion = 1;
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

    /// <summary>Gets how the training went; none where the config does not say.</summary>
    public IEnumerable<LearningCurve> LearningCurves => (_json["DeviceCloud"]?["LearningCurves"]?.AsArray() ?? []).Select(curve => new LearningCurve(
        (string)curve!["Stage"]!, [.. curve["Losses"]!.AsArray().Select(value => (double)value!)], [.. curve["Metrics"]!.AsArray().Select(value => (double)value!)]));

    /// <summary>Makes the text of a config.</summary>
    /// <remarks>
    /// TrainingTime is a budget in seconds, which Model Builder spends on trying trainers; here there is none, and it is 0. How long the training
    /// took stands in its trial. A training of all events is validated on no split that the config could name.
    /// </remarks>
    public static JsonObject Create(
        LogLayout layout,
        TrainingSettings settings,
        bool usesAllEvents,
        string modelPath,
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
                ["KeepDiacritics"] = false,
                ["KeepPunctuations"] = false,
                ["ColumnProperties"] = new JsonArray([.. layout.Columns.Select(column => CreateColumn(layout, column))]),
            },
            ["Environment"] = new JsonObject { ["Type"] = "LocalCPU", ["Version"] = 1 },
            ["RunHistory"] = CreateRunHistory(layout.KeyedColumns, settings.TrainerName, modelPath, metric, score, time),
            ["Type"] = "TrainingConfig",
            ["Version"] = ConfigVersion,
            ["TrainingOption"] = new JsonObject
            {
                ["Type"] = "RecommendationTrainingOption",
                ["Version"] = TrainingOptionVersion,
                ["LabelColumn"] = layout.Feedback is { } feedback ? GetName(layout, feedback) : null,
                ["UserIdColumn"] = GetName(layout, layout.User),
                ["ItemIdColumn"] = GetName(layout, layout.Item),
                ["AvailableTrainers"] = new JsonArray(settings.TrainerName),
                ["OptimizeMetric"] = metric,
                ["Subsampling"] = false,
                ["TrainingTime"] = 0,
                ["Seed"] = settings.Seed,
                ["ValidationOption"] = usesAllEvents ? null : new JsonObject
                {
                    ["Type"] = "TrainValidateSplitValidationOption",
                    ["Version"] = ValidationOptionVersion,
                    ["SplitRatio"] = LogPeriods.TestShare,
                },
            },
            ["DeviceCloud"] = new JsonObject
            {
                ["Version"] = DeviceCloudVersion,
                ["Backbone"] = settings.Backbone,
                ["UsesAllEvents"] = usesAllEvents,
                ["PositiveRating"] = layout.PositiveRating,
                ["LearningCurves"] = new JsonArray([.. curves.Select(curve => new JsonObject
                {
                    ["Stage"] = curve.Stage,
                    ["Losses"] = new JsonArray([.. curve.Losses.Select(value => (JsonNode)value)]),
                    ["Metrics"] = new JsonArray([.. curve.Metrics.Select(value => (JsonNode)value)]),
                })]),
                ["Columns"] = new JsonObject(layout.Columns.Where(column => column.Role != ColumnRole.Ignored).Select(column =>
                    KeyValuePair.Create<string, JsonNode?>(column.Role.ToString(), new JsonObject { ["Name"] = GetName(layout, column), ["Index"] = column.Index }))),
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
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw ToolException.BadModel($"'{path}' must be readable, but is not: {exception.Message} Check who may read it, and that no other program has it open.", exception);
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

    /// <summary>Makes the text of the config of a model that was learnt from this one.</summary>
    /// <param name="modelPath">The path of that model. How good it is nobody has said yet: no trial of this one is its.</param>
    public string CreateNext(string modelPath)
    {
        JsonObject next = _json.DeepClone().AsObject();
        if (next["RunHistory"] is JsonObject history)
        {
            history["Trials"] = new JsonArray();
            history["ModelFilePath"] = System.IO.Path.GetFullPath(modelPath);
        }

        return ToolConsole.ToText(next);
    }

    // The model as a chain, one estimator after the other. A training without a figure is no trial: there a trial has one.
    private static JsonObject CreateRunHistory(InteractionColumns columns, string trainer, string modelPath, string metric, double? score, TimeSpan time)
    {
        const string Chain = "e0 * e1 * e2";
        static JsonObject CreateKey(string output, string input) => new()
        {
            ["OutputColumnName"] = output,
            ["InputColumnName"] = input,
            ["AddKeyValueAnnotationsAsText"] = false,
        };
        JsonObject trial = new()
        {
            ["Type"] = "Trial",
            ["Version"] = TrialVersion,
            ["TrainerName"] = trainer,
            ["Score"] = score,
            ["RuntimeInSeconds"] = Math.Round(time.TotalSeconds, 1),
            ["Parameter"] = new JsonObject
            {
                ["_SCHEMA_"] = Chain,
                ["e0"] = CreateKey(columns.UserColumnName, LogLayout.UserColumnName),
                ["e1"] = CreateKey(columns.ItemColumnName, LogLayout.ItemColumnName),
                ["e2"] = new JsonObject
                {
                    ["UserColumnName"] = columns.UserColumnName,
                    ["ItemColumnName"] = columns.ItemColumnName,
                    ["TimestampColumnName"] = columns.TimestampColumnName,
                    ["LabelColumnName"] = columns.LabelColumnName,
                },
            },
        };
        return new JsonObject
        {
            ["Type"] = "Result",
            ["Version"] = RunHistoryVersion,
            ["Trials"] = score is null ? [] : new JsonArray(trial),
            ["Estimators"] = new JsonObject { ["e0"] = "MapValueToKey", ["e1"] = "MapValueToKey", ["e2"] = trainer },
            ["Schema"] = Chain,
            ["MetricName"] = metric,
            ["ModelFilePath"] = System.IO.Path.GetFullPath(modelPath),
        };
    }

    // Without a header Model Builder counts columns as LoadColumn does.
    private static string GetName(LogLayout layout, LogColumn column) => layout.HasHeader ? column.Name : FormattableString.Invariant($"col{column.Index}");

    // Ratings that are not used are no label.
    private static JsonNode CreateColumn(LogLayout layout, LogColumn column) => new JsonObject
    {
        ["ColumnName"] = GetName(layout, column),
        ["ColumnPurpose"] = column == layout.Feedback ? "Label" : column.Role is ColumnRole.User or ColumnRole.Item ? column.Role.ToString() : "Ignore",
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
