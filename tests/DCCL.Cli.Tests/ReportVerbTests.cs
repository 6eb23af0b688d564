using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DCCL.Cli.Reporting;
using DCCL.ML;
using DCCL.ML.Scoring;
using Microsoft.ML;
using NUnit.Framework;
using OxyPlot;
using OxyPlot.Axes;

namespace DCCL.Cli.Tests;

/// <summary>The page that <c>dccl report</c> writes.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.SingleInstance)]
public sealed partial class ReportVerbTests
{
    private TemporaryFolder _folder = null!;
    private string _model = null!;
    private ToolRun _report = null!;
    private string _page = null!;

    [OneTimeSetUp]
    public void Report()
    {
        _folder = new TemporaryFolder();
        _model = Directory.CreateDirectory(_folder["model"]).FullName;
        foreach (string file in Directory.GetFiles(SharedModels.Tastes, "Movies.m*"))
        {
            File.Copy(file, Path.Combine(_model, Path.GetFileName(file)));
        }

        _report = ToolRun.Of("report", "--model", _model, "--json");
        Assert.That(_report.ExitCode, Is.Zero, _report.Error);
        _page = File.ReadAllText(Path.Combine(_model, "Movies.report.html"));
    }

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Report_OfItsModel_HasTheFiguresThatEvaluateGives()
    {
        JsonArray stages = _report.Json["stages"]!.AsArray();
        JsonNode evaluated = ToolRun.Of("evaluate", "--model", _model, "--json").Json;

        Assert.That(stages.Select(stage => (string)stage!["name"]!), Is.EqualTo(new[] { "cloud", "patched", "distilled", "loop" }));
        Assert.That((double)stages[0]!["gauc"]!, Is.EqualTo((double)evaluated["gauc"]!));
        Assert.That((double)stages[1]!["logLoss"]!, Is.Not.EqualTo((double)stages[0]!["logLoss"]!), "patches do something");
        Assert.That(_report.Json["gains"]!.AsArray(), Has.Count.EqualTo(3));
        Assert.That(_page, Does.Contain(((double)evaluated["gauc"]!).ToString("0.0000", System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Test]
    public void Report_Page_HasAllPartsAndNeedsNoNetwork()
    {
        string[] titles = [.. Titles().Matches(_page).Select(match => match.Groups[1].Value)];
        Assert.That(titles, Is.EqualTo(new[] { "Before and after", "Who gains", "All figures", "How it learnt", "What it costs", "Three people", "How it was measured" }));
        Assert.That(Regex.Replace(_page, "http://www.w3.org/[0-9]+/(svg|xlink)", ""), Does.Not.Contain("http").And.Not.Contain("<script").And.Not.Contain("@import"));
        Assert.That(_page, Does.Contain("prefers-color-scheme: dark"));
    }

    [Test]
    public void Report_LearningCurves_AreThoseOfTrainingAndOfTheReport()
    {
        JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(_model, "Movies.mbconfig")))!;
        JsonArray curves = config["DeviceCloud"]!["LearningCurves"]!.AsArray();

        Assert.That(curves.Select(curve => (string)curve!["Stage"]!), Is.EqualTo(new[] { "din" }));
        Assert.That(curves[0]!["Losses"]!.AsArray(), Has.Count.InRange(3, 30), "as many epochs as early stopping left");
        Assert.That(_page, Does.Contain("<title>din: validation metric by epoch</title>").And.Contain("<title>metapatch: basis: validation metric by epoch</title>"));
    }

    [Test]
    public void Report_Lists_AreTheRecommendersWithAndWithoutThePatch()
    {
        MLContext ml = new(seed: 1);
        ITransformer fleet = ml.Model.Load(SharedModels.Patched, out _);
        DeviceCloudPredictionTransformer model = fleet.DeviceCloudModel();
        using DCCL.ML.Recommendation.Recommender after = ml.DeviceCloud().CreateRecommender(fleet);
        using DCCL.ML.Recommendation.Recommender before = ml.DeviceCloud().CreateRecommender(fleet.ReplaceDeviceCloudModel(model.WithPatches(null)));
        Match[] tables = [.. Lists().Matches(_page).Cast<Match>()];

        Assert.That(tables, Is.Not.Empty);
        foreach (Match table in tables)
        {
            string user = table.Groups[1].Value;
            string[][] cells = [.. Rows().Matches(table.Value).Select(row => new[] { row.Groups[1].Value, row.Groups[2].Value }.Select(cell => cell.TrimEnd('\u2713', ' ')).ToArray())];
            Assert.That(cells.Select(row => row[0]), Is.EqualTo(before.Recommend(user, 10).Select(item => item.ItemId)), user);
            Assert.That(cells.Select(row => row[1]), Is.EqualTo(after.Recommend(user, 10).Select(item => item.ItemId)), user);
        }
    }

    [Test]
    public void Report_OfAPageThatExists_IsRefusedUnlessForced()
    {
        ToolRun again = ToolRun.Of("report", "--model", _model, "--quick");
        Assert.That((again.ExitCode, again.LastError), Is.EqualTo((ExitCode.Output,
            $"error: The page '{Path.Combine(_model, "Movies.report.html")}' must not exist yet, but does. Name another one with --out, or replace it with --force.")));
    }

    [Test]
    public void Report_OfAModelThatHasSeenAllEvents_SaysWhatIsMissing()
    {
        ToolRun report = ToolRun.Of("report", "--model", SharedModels.All, "--quick");
        Assert.That((report.ExitCode, report.LastError), Is.EqualTo((ExitCode.BadInput,
            "error: There must be events that the model has not seen, but it was trained with --use-all. Pass a later log with --data.")));

        string later = WriteLaterLog(SharedModels.All);
        ToolRun tested = ToolRun.Of("report", "--model", SharedModels.All, "--data", later, "--out", _folder["all.html"], "--quick", "--json");
        Assert.That(tested.ExitCode, Is.Zero, tested.Error);
        AssertTestIs(tested, SharedModels.All, later, "log.csv");
    }

    [Test]
    public void Report_WithALaterLog_TestsOnAllOfItAndLearnsFromTheModelsOwn()
    {
        string later = WriteLaterLog(_model);
        ToolRun tested = ToolRun.Of("report", "--model", SharedModels.Patched, "--data", later, "--out", _folder["later.html"], "--quick", "--json");
        Assert.That(tested.ExitCode, Is.Zero, tested.Error);
        AssertTestIs(tested, _model, later, "tastes.csv"); // its cloud stage is the model without the patches
        Assert.That(File.ReadAllText(_folder["later.html"]), Does.Contain("all events of later.csv; devices learn from"));
    }

    private static void AssertTestIs(ToolRun report, string model, string later, string own)
    {
        JsonNode cloud = report.Json["stages"]![0]!;
        JsonNode evaluated = ToolRun.Of("evaluate", "--model", model, "--data", later, "--quick", "--json").Json;
        Assert.That((double)cloud["ndcg10"]!, Is.EqualTo((double)evaluated["ndcg10"]!));
        Assert.That((int)cloud["users"]!, Is.EqualTo(File.ReadLines(later).Count() - 1), "one event of each user");
        Assert.That((string?)report.Json["split"], Is.EqualTo($"all events of later.csv; devices learn from what the model was not fitted to in {own}"));
    }

    /// <summary>Writes a log of one liked event of each user, after all others, of an item that the user has not had.</summary>
    private string WriteLaterLog(string model)
    {
        string log = (string)JsonNode.Parse(File.ReadAllText(Path.Combine(model, "Movies.mbconfig")))!["DataSource"]!["FilePath"]!;
        string[][] rows = [.. File.ReadLines(log).Skip(1).Select(line => line.Split(','))];
        string[] items = [.. rows.Select(row => row[1]).Distinct().Order(StringComparer.Ordinal)];
        return _folder.Write("later.csv", [File.ReadLines(log).First(), .. rows.GroupBy(row => row[0]).Select(user => string.Join(
            ',', new[] { user.Key, items.Except(user.Select(row => row[1])).First(), "9000000000" }.Concat(user.First().Skip(3).Select(_ => "1"))))]);
    }

    [Test]
    public void Draw_TwoPicturesOfOnePage_ClipThemselvesOnly()
    {
        string[] ids = [.. new[] { "one", "two" }.SelectMany(title => Ids().Matches(Draw(title)).Select(match => match.Groups[1].Value))];
        Assert.That(ids, Is.Not.Empty.And.Unique);
        Assert.That(References().Matches(Draw("one")).Select(match => match.Groups[1].Value), Is.SubsetOf(ids).And.Not.Empty);

        static string Draw(string title) => new Chart()
            .WithNumbers(AxisPosition.Bottom, "x", "0").WithNumbers(AxisPosition.Left, "y", "0")
            .AddLine([new DataPoint(0, 0), new DataPoint(1, 1)], Palette.Cloud, thickness: 2)
            .Draw(title, 300, 200);
    }

    [GeneratedRegex("<h2>([^<]+)</h2>")]
    private static partial Regex Titles();

    [GeneratedRegex("<caption>User ([^,]+), .*?</table>")]
    private static partial Regex Lists();

    [GeneratedRegex("<tr><th>[0-9]+</th><td>([^<]*)</td><td[^>]*>([^<]*)</td></tr>")]
    private static partial Regex Rows();

    [GeneratedRegex("<clipPath id=\"([^\"]+)\"")]
    private static partial Regex Ids();

    [GeneratedRegex("url\\(#([^)]+)\\)")]
    private static partial Regex References();
}
