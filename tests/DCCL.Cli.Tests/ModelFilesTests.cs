using System.IO.Compression;
using System.Text.Json.Nodes;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>What the verbs write beside the code: ML.NET's zip and Model Builder's config.</summary>
public sealed class ModelFilesTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Model_OfAnyVerb_DoesNotSayWhenItWasWritten()
    {
        foreach (string path in new[] { Path.Combine(SharedModels.Quick, "Movies.mlnet"), SharedModels.Patched })
        {
            using ZipArchive zip = ZipFile.OpenRead(path);
            Assert.That(zip.Entries.Select(part => part.LastWriteTime.DateTime), Is.Not.Empty.And.All.EqualTo(new DateTime(1980, 1, 1)), path);
        }
    }

    // Names, purposes and versions are those of files that Model Builder wrote for its scenario Recommendation.
    [Test]
    public void Config_OfATraining_IsModelBuilders()
    {
        JsonNode config = ReadConfig(Path.Combine(SharedModels.Quick, "Movies.mlnet"));
        JsonNode option = config["TrainingOption"]!;
        JsonNode history = config["RunHistory"]!;
        JsonNode trial = history["Trials"]!.AsArray().Single()!;

        Assert.That((string?)config["Scenario"], Is.EqualTo("Recommendation"));
        Assert.That($"{config["Type"]} {config["Version"]}", Is.EqualTo("TrainingConfig 5"));
        Assert.That(config.AsObject().Last().Key, Is.EqualTo("DeviceCloud"), "what Model Builder does not know comes last");
        Assert.That((string?)config["DataSource"]!["Delimiter"], Is.EqualTo(","));
        Assert.That((bool?)config["DataSource"]!["KeepDiacritics"], Is.False);
        Assert.That((bool?)config["DataSource"]!["KeepPunctuations"], Is.False);
        Assert.That(ReadColumns(config), Is.EqualTo(new[] { "userId User String", "movieId Item String", "timestamp Ignore Single" }));
        Assert.That($"{option["Type"]} {option["Version"]}", Is.EqualTo("RecommendationTrainingOption 2"));
        Assert.That($"{option["UserIdColumn"]} {option["ItemIdColumn"]} {option["LabelColumn"]}", Is.EqualTo("userId movieId "));
        Assert.That((int)option["TrainingTime"]!, Is.Zero, "there was no budget");
        Assert.That(option["ValidationOption"]!.ToJsonString(), Is.EqualTo("""{"Type":"TrainValidateSplitValidationOption","Version":0,"SplitRatio":0.1}"""));
        Assert.That($"{history["Type"]} {history["Version"]} {history["MetricName"]}", Is.EqualTo("Result 3 NDCG@10"));
        Assert.That((string?)history["ModelFilePath"], Is.EqualTo(Path.Combine(SharedModels.Quick, "Movies.mlnet")));
        Assert.That(
            history["Schema"]!.ToString().Split(" * ").Select(name => (string?)history["Estimators"]![name]),
            Is.EqualTo(new[] { "MapValueToKey", "MapValueToKey", "DinTrainer" }));
        Assert.That($"{trial["Type"]} {trial["Version"]} {trial["TrainerName"]}", Is.EqualTo("Trial 1 DinTrainer"));
        Assert.That((string?)trial["Parameter"]!["_SCHEMA_"], Is.EqualTo((string?)history["Schema"]));
        Assert.That((string?)trial["Parameter"]!["e0"]!["InputColumnName"], Is.EqualTo("UserId"));
        Assert.That((double?)trial["Score"], Is.EqualTo((double?)SharedModels.QuickTraining.Json["figures"]!["ndcg10"]).And.Positive);
    }

    [Test]
    public void Config_OfAllEvents_NamesNoSplit() =>
        Assert.That(ReadConfig(Path.Combine(SharedModels.All, "Movies.mlnet"))["TrainingOption"]!["ValidationOption"], Is.Null);

    [Test]
    public void Config_OfRatingsWithoutAHeader_NamesColumnsAsLoadColumnCountsThem()
    {
        string log = _folder.Write("rated.csv", [.. SmallLog.Events.Select(row => $"{row.User},{row.Item},{(row.IsLiked ? 5 : 2)},{row.Time}")]);

        ToolRun unused = ToolRun.Of("train", "--data", log, "--out", _folder["unused"], "--name", "Movies", "--quick", "--json");
        ToolRun used = ToolRun.Of("train", "--data", log, "--out", _folder["used"], "--name", "Movies", "--quick", "--json", "--rating", "3");
        ToolRun evaluated = ToolRun.Of("evaluate", "--model", _folder["used"], "--quick", "--json");

        Assert.That(unused.ExitCode, Is.Zero, unused.Error);
        Assert.That(used.ExitCode, Is.Zero, used.Error);
        JsonNode without = ReadConfig(_folder["unused/Movies.mlnet"]);
        JsonNode with = ReadConfig(_folder["used/Movies.mlnet"]);
        Assert.That(ReadColumns(without), Is.EqualTo(new[] { "col0 User String", "col1 Item String", "col2 Ignore Single", "col3 Ignore Single" }));
        Assert.That(without["TrainingOption"]!["LabelColumn"], Is.Null);
        Assert.That(ReadColumns(with), Is.EqualTo(new[] { "col0 User String", "col1 Item String", "col2 Label Single", "col3 Ignore Single" }));
        JsonNode option = with["TrainingOption"]!;
        Assert.That($"{option["UserIdColumn"]} {option["ItemIdColumn"]} {option["LabelColumn"]}", Is.EqualTo("col0 col1 col2"));
        Assert.That(File.ReadAllText(_folder["used/Movies.consumption.cs"]), Does.Match("LoadColumn\\(0\\)\\]\\n *public string UserId").And.Match("LoadColumn\\(2\\)\\]\\n *public float Rating"));
        Assert.That((double?)evaluated.Json["gauc"], Is.EqualTo((double?)used.Json["figures"]!["gauc"]).And.Positive, "the log is read as it was");
    }

    [Test]
    public void Config_OfAModelThatWasLearntFromAnother_HasNoScoreOfThatOne()
    {
        JsonNode trained = ReadConfig(Path.Combine(SharedModels.Tastes, "Movies.mlnet"));
        JsonNode patched = ReadConfig(SharedModels.Patched);

        Assert.That((double?)trained["RunHistory"]!["Trials"]![0]!["Score"], Is.Positive);
        Assert.That(patched["RunHistory"]!["Trials"]!.AsArray(), Is.Empty);
        Assert.That((string?)patched["RunHistory"]!["ModelFilePath"], Is.EqualTo(SharedModels.Patched));
        Assert.That(patched["DeviceCloud"]!.ToJsonString(), Is.EqualTo(trained["DeviceCloud"]!.ToJsonString()), "how to read the log");
    }

    private static JsonNode ReadConfig(string model) => JsonNode.Parse(File.ReadAllText(Path.ChangeExtension(model, ".mbconfig")))!;

    private static IEnumerable<string> ReadColumns(JsonNode config) =>
        config["DataSource"]!["ColumnProperties"]!.AsArray().Select(column => $"{column!["ColumnName"]} {column["ColumnPurpose"]} {column["ColumnDataFormat"]}");
}
