using System.Net.Http.Json;
using System.Text.Json.Nodes;
using DCCL.ML.Model;
using DCCL.TestKit;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>The tool as a user gets it: packed, installed from a folder, run; and the projects that it writes, built and run with its own packages.</summary>
[TestFixture]
[Category("Slow")]
[FixtureLifeCycle(LifeCycle.SingleInstance)]
public sealed partial class InstalledToolTests
{
    private const string Version = "0.1.0-test";

    private readonly Dictionary<string, string> _environment = [];
    private TemporaryFolder _folder = null!;
    private string _tool = null!;
    private string _model = null!;

    [OneTimeSetUp]
    public void PackInstallTrainAndBuild()
    {
        _folder = new TemporaryFolder();

        // A package cache of its own, before the usual one: what was packed here must not stay there, nor an older one be taken.
        _environment["RestoreFallbackFolders"] = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        _environment["NUGET_PACKAGES"] = _folder["cache"];
        _environment["MSBUILDDISABLENODEREUSE"] = "1";
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string project = Path.Combine(RepositoryFolder.Path, "src", "DCCL.Cli", "DCCL.Cli.csproj");
        SubProcess.Run(
            SubProcess.DotNet, _folder.Path, new Dictionary<string, string> { ["MSBUILDDISABLENODEREUSE"] = "1" },
            "pack", project, "-c", configuration, "--no-build", "-o", _folder["feed"], $"-p:Version={Version}", "-m:1");
        _folder.Write("nuget.config", "<configuration>", "<packageSources>", "<clear />", "<add key=\"feed\" value=\"feed\" />", "</packageSources>", "</configuration>");
        SubProcess.Run(
            SubProcess.DotNet, _folder.Path, _environment,
            "tool", "install", "dccl", "--version", Version, "--tool-path", _folder["tool"], "--configfile", _folder["nuget.config"]);
        File.Delete(_folder["nuget.config"]); // generated projects have the usual sources as well
        _tool = Path.Combine(_folder["tool"], OperatingSystem.IsWindows() ? "dccl.exe" : "dccl");
        _model = _folder["model"];
        SubProcess.Run(_tool, _folder.Path, _environment, "train", "--data", SmallLog.WriteCsv(_folder.Path), "--name", "Movies", "--out", _model, "--quick", "--yes");
        SubProcess.Run(SubProcess.DotNet, _model, _environment, "build", "Movies.slnx", "-c", "Release", "-warnaserror", "-m:1");
    }

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Package_OfTheTool_HasNoLibTorch()
    {
        FileInfo package = new(Path.Combine(_folder["feed"], $"dccl.{Version}.nupkg"));

        Assert.That(package.Length, Is.InRange(10_000_000, 120_000_000), "libtorch alone takes more");
        Assert.That(Directory.EnumerateFiles(_folder["tool"], "*torch_cpu*", SearchOption.AllDirectories), Is.Empty);
        Assert.That(
            Directory.EnumerateFiles(Path.Combine(_model, "packages")).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal),
            Is.EqualTo(new[] { $"DCCL.ML.{Version}.nupkg", $"DCCL.Trainers.{Version}.nupkg" }));
    }

    [Test]
    public void ConsoleProject_Built_PrintsWhatTheToolRecommends()
    {
        string user = SmallLog.Events[0].User;
        JsonNode expected = JsonNode.Parse(SubProcess.Run(_tool, _folder.Path, _environment, "recommend", "--model", _model, "--user", user, "-k", "3", "--json"))!;

        string[] lines = SubProcess.Run(SubProcess.DotNet, _model, _environment, "exec", Built("console", "Movies.Console.dll"), user, "3").TrimEnd().Split('\n');

        Assert.That(lines, Is.EqualTo(expected["items"]!.AsArray().Select(item =>
            FormattableString.Invariant($"{item!["item"]} {(double)item["score"]!:F3} {(double)item["probability"]!:F3} {item["reason"]}"))));
    }

    [Test]
    public void TrainingProject_Built_TrainsAModelThatTheToolReads()
    {
        string output = SubProcess.Run(SubProcess.DotNet, _model, _environment, "exec", Built("training", "Movies.Training.dll"), "--epochs", "1", "--out", _folder["Again.mlnet"]);
        JsonNode artefact = JsonNode.Parse(SubProcess.Run(_tool, _folder.Path, _environment, "inspect", _folder["Again.mlnet"], "--json"))!["artefacts"]![0]!;

        Assert.That(output, Does.Contain("NDCG@10"));
        Assert.That((string?)artefact["properties"]!["users"], Is.EqualTo($"{SmallLog.Events.Select(row => row.User).Distinct().Count()}"));
    }

    [Test]
    public async Task ApiProject_Built_Serves()
    {
        await using Service service = await Service.StartAsync(Built("api", "Movies.Api.dll"), _environment);
        using HttpClient client = new() { BaseAddress = service.Address };
        JsonArray items = (await client.GetFromJsonAsync<JsonArray>($"/users/{SmallLog.Events[0].User}/items?count=3"))!;
        string best = (string)items[0]!["itemId"]!;
        using HttpResponseMessage observed = await client.PostAsync($"/users/{SmallLog.Events[0].User}/items/{best}", content: null);
        JsonArray after = (await client.GetFromJsonAsync<JsonArray>($"/users/{SmallLog.Events[0].User}/items?count=100"))!;

        Assert.That(items, Has.Count.EqualTo(3));
        Assert.That((string?)items[0]!["reason"], Is.EqualTo(nameof(PatchStatus.Cloud)), "nobody has a patch yet");
        Assert.That(observed.IsSuccessStatusCode, Is.True);
        Assert.That(after.Select(item => (string?)item!["itemId"]), Has.None.EqualTo(best), "what a user has had is not recommended");
    }

    private string Built(string project, string file) => Path.Combine(_model, project, "bin", "Release", "net10.0", file);
}
