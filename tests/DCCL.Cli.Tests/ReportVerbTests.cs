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
        _model = _folder["model"];
        string log = SmallLog.WriteStrongTastes(_folder.Path);
        ToolRun training = ToolRun.Of("train", "--data", log, "--label", "liked", "--name", "Movies", "--out", _model, "--yes", "--json");
        Assert.That(training.ExitCode, Is.Zero, training.Error);
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
        string patched = Path.Combine(_folder.Path, "patched.mlnet");
        Assert.That(ToolRun.Of("personalize", "--model", _model, "--out", patched).ExitCode, Is.Zero);
        ITransformer fleet = ml.Model.Load(patched, out _);
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
        string all = _folder["all"];
        Assert.That(ToolRun.Of("train", "--data", SmallLog.WriteCsv(_folder.Path), "--name", "All", "--out", all, "--quick", "--yes", "--use-all", "--json").ExitCode, Is.Zero);
        ToolRun report = ToolRun.Of("report", "--model", all, "--quick");
        Assert.That((report.ExitCode, report.LastError), Is.EqualTo((ExitCode.BadInput,
            "error: There must be events that the model has not seen, but it was trained with --use-all. Train one without it.")));
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
