using System.Text.Json.Nodes;
using DCCL.Benchmarks.Evidence;
using NUnit.Framework;

namespace DCCL.Benchmarks.Tests.Evidence;

/// <summary>The whole path, with methods that need no long training.</summary>
[NonParallelizable]
public sealed class EvidenceRunTests
{
    private static readonly EvidenceOptions _options = new()
    {
        IsQuick = true,
        NumberOfSeeds = 2,
        NumberOfThreads = 2,
        Only = ["popularity", "item-knn", "bpr"],
    };

    private string _folder = "";

    [SetUp]
    public void SetUp() => _folder = Directory.CreateTempSubdirectory("dccl-evidence").FullName;

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Run_Again_IsTheSameBitForBit()
    {
        Run(_options, "first");
        EvidenceManifest manifest = EvidenceManifest.Read(Path.Combine(_folder, "first", "manifest.json"));
        JsonNode summary = Run(manifest.Options, "second", manifest);
        Assert.Multiple(() =>
        {
            Assert.That((bool?)summary["identical"], Is.True);
            Assert.That((int?)summary["computed"], Is.EqualTo(4), "bpr with two seeds, the others once");
            Assert.That(Read("second", "report.json"), Is.EqualTo(Read("first", "report.json")));
            Assert.That(Read("second", "report.html"), Is.EqualTo(Read("first", "report.html")));
        });
    }

    [Test]
    public void Run_Interrupted_GoesOnWhereItWas()
    {
        Run(_options, "whole");
        Run(_options with { Only = ["item-knn"] }, "parts");
        JsonNode summary = Run(_options, "parts");
        Assert.Multiple(() =>
        {
            Assert.That((int?)summary["resumed"], Is.EqualTo(1));
            Assert.That((int?)summary["computed"], Is.EqualTo(3));
            Assert.That(Read("parts", "report.json"), Is.EqualTo(Read("whole", "report.json")));
        });
    }

    [Test]
    public void Run_Report_OpensWithoutANetwork()
    {
        Run(_options, "report");
        string html = Read("report", "report.html").Replace("http://www.w3.org/", "", StringComparison.Ordinal);
        Assert.Multiple(() =>
        {
            Assert.That(html, Does.Contain("<svg"));
            Assert.That(html, Does.Not.Contain("http:").And.Not.Contain("https:").And.Not.Contain("src=").And.Not.Contain("@import"));
        });
    }

    [Test]
    public void Run_ItemNeighbors_BeatsPopularityWhereTasteCounts()
    {
        JsonNode summary = Run(_options, "report");
        Assert.That((double)summary["ndcg10"]!["item-knn"]!, Is.GreaterThan((double)summary["ndcg10"]!["popularity"]!));
    }

    [Test]
    public void Run_SupportAndQuery_TestsEveryUserOnce()
    {
        Run(_options with { Protocol = EvidenceOptions.SupportQuery, NumberOfFolds = 3, NumberOfSeeds = 1, Only = ["popularity"] }, "folds");
        JsonNode facts = JsonNode.Parse(Read("folds", "report.json"))!["facts"]!;

        // All 150 users of a quick run have at least two events, the second half of which is somebody's test; a few have new items only.
        Assert.That((int?)facts["testedUsers"], Is.InRange(140, 150));
        Assert.That((int?)facts["coldUsers"], Is.EqualTo((int?)facts["testedUsers"]));
    }

    // What was planted ranks better than anything that has to find it, and what others reach of a gain is a share of that.
    [Test]
    public void Run_TheTruth_IsAboveAllAndMeasuresWhatIsReached()
    {
        JsonNode summary = Run(_options with { NumberOfSeeds = 1, Only = ["popularity", "item-knn", "truth", "reachable", "cloud", "random-basis"] }, "truth");
        JsonNode ndcg = summary["ndcg10"]!;
        JsonNode shares = JsonNode.Parse(Read("truth", "report.json"))!["comparisons"]!;
        double Share(string method) => (double)shares.AsArray().Single(row => (string?)row!["method"] == method && (string?)row["baseline"] == "cloud")!["reached"]!["estimate"]!;
        double Of(string method) => (double)ndcg[method]!;
        Assert.Multiple(() =>
        {
            Assert.That(Of("truth"), Is.GreaterThan(ndcg.AsObject().Where(pair => pair.Key != "truth").Max(pair => (double)pair.Value!)));
            Assert.That(Of("reachable"), Is.GreaterThan(Of("cloud")));
            Assert.That(Share("truth"), Is.EqualTo((Of("truth") - Of("cloud")) / (Of("reachable") - Of("cloud"))).Within(1e-9));
            Assert.That(Read("truth", "report.html"), Does.Contain("of the gain that can be reached"));
        });
    }

    [Test]
    public void Run_NothingPlanted_LeavesNothingToReach()
    {
        JsonNode ndcg = Run(_options with { NumberOfSeeds = 1, PlantedStrength = 0, Only = ["reachable", "cloud"] }, "none")["ndcg10"]!;
        Assert.That((double)ndcg["reachable"]!, Is.EqualTo((double)ndcg["cloud"]!).Within(1e-3), "The one is scored event by event, the other by many at once.");
    }

    [TestCase(null, -1.0, "--planted must be finite and at least 0, but is -1.")]
    [TestCase("log.csv", 0.0, "--planted is for the built-in data, but --data names a log. Leave one of them out.")]
    [TestCase("log.csv", null, "--only truth needs the built-in data and --protocol periods, of whose test the truth is known, but --data names a log. Leave one of them out.")]
    public void Run_WhatOnlyTheBuiltInDataHave_IsRefusedElsewhere(string? data, double? planted, string message) => Assert.That(
        () => Run(_options with { DataFile = data, PlantedStrength = planted, Only = planted is null ? ["truth"] : [] }, "refused"),
        Throws.InstanceOf<InvalidDataException>().With.Message.EqualTo(message));

    [Test]
    public void Run_TheTruthWhereItChangesWithinTheTest_IsRefused() => Assert.That(
        () => Run(_options with { Protocol = EvidenceOptions.LeaveLastOut, Only = ["reachable"] }, "refused"),
        Throws.InstanceOf<InvalidDataException>().With.Message.Contains("but --protocol is leave-last-out."));

    [Test]
    public void Run_UnknownMethod_SaysWhichThereAre() => Assert.That(
        () => Run(_options with { Only = ["magic"] }, "none"),
        Throws.InstanceOf<InvalidDataException>().With.Message.StartsWith("--only must name methods, but there is no 'magic'. They are popularity, item-knn,"));

    [Test]
    public void Read_AnotherFile_IsRefused()
    {
        string path = Path.Combine(_folder, "manifest.json");
        File.WriteAllText(path, "{ \"some\": 1 }");
        Assert.That(() => EvidenceManifest.Read(path), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("must be a manifest"));
    }

    private JsonNode Run(EvidenceOptions options, string folder, EvidenceManifest? earlier = null)
    {
        TextWriter console = Console.Out;
        using StringWriter output = new();
        Console.SetOut(output);
        try
        {
            new EvidenceRun(options, Path.Combine(_folder, folder), earlier, CancellationToken.None).Run();
        }
        finally
        {
            Console.SetOut(console);
        }

        return JsonNode.Parse(output.ToString().TrimEnd().Split('\n')[^1])!;
    }

    private string Read(string folder, string file) => File.ReadAllText(Path.Combine(_folder, folder, file));
}
