using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using DCCL.ML;
using DCCL.ML.Device;
using DCCL.ML.Model;
using DCCL.ML.Recommendation;
using DCCL.TestKit;
using Microsoft.ML;
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

        string best = (string)expected["items"]![0]!["item"]!;
        string after = SubProcess.Run(SubProcess.DotNet, _model, _environment, "exec", Built("console", "Movies.Console.dll"), user, "100", "--had", best);
        Assert.That(after.TrimEnd().Split('\n').Select(line => line.Split(' ')[0]), Is.Not.Empty.And.None.EqualTo(best), "what a user has had is not recommended, without a patch basis as well");
    }

    [Test]
    public async Task ConsoleProject_OfAPersonalizedModel_LearnsAPatchThatMovesScoresAndTheOwnersList()
    {
        (string user, DeviceEvent[] events, UserPatch patch) = await SearchAsync(goesOn: true);
        string[] had = [.. events.Where(row => row.IsPositive).Select(row => row.ItemId)];
        string[] refused = [.. events.Where(row => !row.IsPositive).Select(row => row.ItemId)];
        string program = CopyBuilt("console", "personal", "Movies.Console.dll", _ => true);
        File.Copy(SharedModels.Patched, Path.Combine(Path.GetDirectoryName(program)!, "Movies.mlnet"), overwrite: true);

        using Process process = SubProcess.Start(SubProcess.DotNet, _folder.Path, _environment, ["exec", program, user, "10", "--had", .. had, "--refused", .. refused]);
        Task<string> said = process.StandardError.ReadToEndAsync();
        string[] lines = (await process.StandardOutput.ReadToEndAsync()).TrimEnd().Split('\n');

        // The same events, learnt by the runtime for devices; the patch put into the model; and what was observed told to a recommender of it.
        MLContext ml = new();
        ITransformer model = ml.Model.Load(SharedModels.Patched, out _);
        ITransformer own = model.WithUserPatches(new Dictionary<string, UserPatch> { [user] = patch }, out IReadOnlyList<string> refusals);
        using Recommender before = ml.DeviceCloud().CreateRecommender(model);
        foreach (string item in had)
        {
            before.Observe(user, item);
        }

        using Recommender after = before.WithModel(own);
        string[] without = [.. before.Recommend(user).Select(item => item.ItemId)];
        IReadOnlyList<RecommendedItem> with = after.Recommend(user);
        (float then, float now) = (Score(ml, model, user, had[0]), Score(ml, own, user, had[0]));
        Assert.That(refusals, Is.Empty);
        Assert.That(lines, Is.EqualTo(with.Select(item => FormattableString.Invariant($"{item.ItemId} {item.Score:F3} {item.Probability:F3} {PatchStatus.Patched}"))));
        Assert.That(with.Select(item => item.ItemId), Is.Not.EqualTo(without), "the list moves");
        Assert.That((await said).TrimEnd(), Is.EqualTo(FormattableString.Invariant(
            $"{PersonalizationStatus.Learnt}: {events.Length} events; the score of the first item was {then:F3} and is {now:F3}.")));
        Assert.That(now, Is.Not.EqualTo(then).Within(0.001), "a score moves");
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
        Assert.That((await client.GetFromJsonAsync<JsonArray>($"/users/{SmallLog.Events[0].User}/items"))!, Has.Count.EqualTo(10));
        foreach (string count in new[] { "0", "-1", "101", "100000" })
        {
            using HttpResponseMessage refused = await client.GetAsync($"/users/{SmallLog.Events[0].User}/items?count={count}");
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), count);
            Assert.That(refused.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/problem+json"));
            Assert.That((string?)(await refused.Content.ReadFromJsonAsync<JsonNode>())!["detail"], Is.EqualTo($"count must be from 1 to 100, but is {count}."));
        }
    }

    private string Built(string project, string file) => Path.Combine(_model, project, "bin", "Release", "net10.0", file);

    // A copy of what was built, to be run with other files beside it.
    private string CopyBuilt(string project, string name, string program, Func<string, bool> isWanted)
    {
        string source = Path.GetDirectoryName(Built(project, program))!;
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories).Where(file => isWanted(Path.GetRelativePath(source, file))))
        {
            string target = Path.Combine(_folder[name], Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return Path.Combine(_folder[name], program);
    }

    private static float Score(MLContext ml, ITransformer model, string user, string item) =>
        ml.Model.CreatePredictionEngine<Question, Answer>(model).Predict(new Question { UserId = user, ItemId = item }).Score;

    // The first person of the log whose patch moves items: for others the gate keeps none, or no more than the intercept, here as there.
    private async Task<(string User, DeviceEvent[] Events, UserPatch Patch)> SearchAsync(bool goesOn)
    {
        ITransformer model = new MLContext().Model.Load(SharedModels.Patched, out _);
        string name = goesOn ? "device" : "device-anew";
        model.ExportForDevice(_folder[name]);
        IReadOnlyDictionary<string, UserPatch> patches = model.GetUserPatches();
        string log = Path.Combine(Path.GetDirectoryName(SharedModels.Tastes)!, "tastes.csv");
        foreach (IGrouping<string, string[]> person in File.ReadLines(log).Skip(1).Select(line => line.Split(',')).GroupBy(row => row[0]))
        {
            string[][] rows = [.. person.OrderBy(row => long.Parse(row[2], CultureInfo.InvariantCulture)).DistinctBy(row => row[1]).Take(30)];
            DeviceEvent[] events = [.. Spread(rows, "1").Concat(Spread(rows, "0")).OrderBy(row => row.Time)];
            string owner = Directory.CreateDirectory(_folder[$"{name}-{person.Key}"]).FullName;
            float[] start = new float[model.DeviceCloudModel().Parameters.Patch!.PatchSize];
            if (goesOn && patches.TryGetValue(person.Key, out UserPatch? own))
            {
                own.Save(Path.Combine(owner, DeviceFiles.Patch));
                start = own.Values.ToArray();
            }

            using DevicePersonalizer device = new(_folder[name], owner);
            Record(device, events);
            if ((await device.LearnAsync()).Status == PersonalizationStatus.Learnt && !device.Patch!.Values[1..].SequenceEqual(start.AsSpan(1)))
            {
                return (person.Key, events, device.Patch!);
            }
        }

        throw new AssertionException("Nobody learns: without a patch the test says nothing.");
    }

    // What a person liked and what not, each spread over the same time.
    private static IEnumerable<DeviceEvent> Spread(string[][] rows, string label)
    {
        string[] items = [.. rows.Where(row => row[3] == label).Select(row => row[1])];
        return items.Select((item, i) => new DeviceEvent(item, (i + 0.5) / items.Length, label == "1", IsKnownToCloud: false));
    }

    private static void Record(DevicePersonalizer device, DeviceEvent[] events)
    {
        foreach (DeviceEvent row in events)
        {
            Assert.That(device.Record(row.ItemId, row.Time, row.IsPositive), Is.True);
        }
    }

    private sealed class Question
    {
        public string UserId { get; set; } = "";

        public string ItemId { get; set; } = "";
    }

    private sealed class Answer
    {
        public float Score { get; set; }
    }
}
