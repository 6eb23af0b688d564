using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using DCCL.ML;
using DCCL.ML.Device;
using DCCL.ML.Model;
using DCCL.ML.Recommendation;
using DCCL.TestKit;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>The page of the generated web project: what it serves, and what somebody in a browser gets.</summary>
public sealed partial class InstalledToolTests
{
    // float32 in WebAssembly and in native code, over logits of about 5.
    private const double ScoreTolerance = 1e-5;

    // Twenty steps of Adam on float32 in both: the patches are the same but for what rounding becomes on the way.
    private const double PatchTolerance = 0.01;

    private static readonly string _nodeModules = Path.Combine(RepositoryFolder.Path, "examples", "OnDeviceWeb", "node_modules");
    private static readonly string[] _browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    [Test]
    public async Task WebProject_Built_ServesPageRuntimeModelAndVocabulary()
    {
        RequireRuntime();
        await using Service service = await Service.StartAsync(Built("web", "Movies.Web.dll"), _environment);
        using HttpClient client = new() { BaseAddress = service.Address };

        foreach ((string path, string type) in new[]
        {
            ("", "text/html"), ("app.js", "text/javascript"), ("dccl/index.js", "text/javascript"), ("style.css", "text/css"), ("icon.svg", "image/svg+xml"),
            ("onnxruntime/ort.wasm.min.mjs", "text/javascript"), ("onnxruntime/ort-wasm-simd-threaded.wasm", "application/wasm"),
            ("flatbuffers/flatbuffers.js", "text/javascript"), ("model/model.onnx", "application/octet-stream"),
        })
        {
            using HttpResponseMessage answer = await client.GetAsync(path);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), path);
            Assert.That(answer.Content.Headers.ContentType?.MediaType, Is.EqualTo(type), path);
            Assert.That(answer.Content.Headers.ContentLength, Is.Positive, path);
        }

        ItemVocabulary vocabulary = ItemVocabulary.Parse(await client.GetByteArrayAsync("model/model.vocabulary.json"));
        using HttpResponseMessage first = await client.GetAsync("model/model.onnx");
        using HttpRequestMessage again = new(HttpMethod.Get, "model/model.onnx");
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using HttpResponseMessage second = await client.SendAsync(again);
        using HttpResponseMessage step = await client.GetAsync("model/step.onnx");

        Assert.That(vocabulary.Items, Is.EquivalentTo(SmallLog.Events.Select(row => row.Item).Distinct()));
        Assert.That(await client.GetFromJsonAsync<string[]>("model"), Is.EqualTo(new[] { "model.onnx", "model.vocabulary.json" }), "without a basis there is no step");
        Assert.That(step.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(first.Headers.CacheControl?.NoCache, Is.True);
        Assert.That(second.StatusCode, Is.EqualTo(HttpStatusCode.NotModified), "an unchanged model is not sent again");
    }

    [Test]
    public void WebProject_WithoutTheRuntime_SaysHowToGetIt()
    {
        string program = CopyWebProject("bare", withRuntime: false);

        using Process process = SubProcess.Start(SubProcess.DotNet, _model, _environment, "exec", program);
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();

        Assert.That(process.ExitCode, Is.EqualTo(1));
        Assert.That(error.TrimEnd(), Is.EqualTo(
            "error: ONNX Runtime for browsers is missing, which the build takes from npm. Install Node 20 or newer, run 'npm ci' beside Movies.Web.csproj, and build again."));
    }

    [Test]
    public async Task WebProject_InABrowser_RecommendsWhatTheRecommenderDoes()
    {
        string browser = RequireBrowser();
        using Recommender recommender = new MLContext().DeviceCloud().CreateRecommender(new MLContext().Model.Load(Path.Combine(_model, "Movies.mlnet"), out _));
        IReadOnlyList<RecommendedItem> first = recommender.Recommend("visitor");
        string[] picks = [.. SmallLog.Events.Where(row => row.User == SmallLog.Events[0].User).OrderBy(row => row.Time).Select(row => row.Item).Distinct().Take(6)];
        foreach (string item in picks)
        {
            recommender.Observe("visitor", item);
        }

        IReadOnlyList<RecommendedItem> expected = recommender.Recommend("visitor");
        await using Service service = await Service.StartAsync(Built("web", "Movies.Web.dll"), _environment);
        JsonNode seen = Visit(browser, service.Address, [.. picks.Select(id => (id, true))]);
        recommender.Observe("visitor", expected[2].ItemId);

        AssertIsSound(seen);
        AssertList(seen["first"]!["before"]!, first);
        AssertList(seen["picked"]!["before"]!, expected);
        Assert.That(expected.Select(item => item.ItemId), Is.Not.EqualTo(first.Select(item => item.ItemId)), "without it the clicks say nothing");
        Assert.That((string?)seen["picked"]!["count"], Is.EqualTo("6 picked"));
        Assert.That((bool)seen["picked"]!["canLearn"]!, Is.False);
        Assert.That((string?)seen["picked"]!["says"], Does.Contain("dccl personalize"));
        AssertList(seen["reloaded"]!["before"]!, expected);
        AssertList(seen["further"]!["before"]!, recommender.Recommend("visitor"));
        AssertList(seen["cleared"]!["before"]!, first);
    }

    [Test]
    public async Task WebProject_OfAPersonalizedModel_LearnsWhatADeviceWithCSharpLearns()
    {
        string browser = RequireBrowser();
        (_, DeviceEvent[] events, UserPatch learnt) = await SearchAsync(goesOn: false);
        IReadOnlyList<RecommendedItem> cloud = OpenDevice("cloud", events, null);
        string program = CopyWebProject("patched", withRuntime: true);
        File.Copy(SharedModels.Patched, Path.Combine(Path.GetDirectoryName(program)!, "Movies.mlnet"), overwrite: true);
        new UserPatch(new string('a', 64), new float[learnt.Size]).Save(_folder["other.onnx_adapter"]);

        await using Service service = await Service.StartAsync(program, _environment);
        JsonNode seen = Visit(browser, service.Address, [.. events.Select(row => (row.ItemId, row.IsPositive))], learns: true);

        AssertIsSound(seen);
        UserPatch patch = UserPatch.Load(_folder["patch.onnx_adapter"]);
        Assert.That((string?)seen["fileName"], Is.EqualTo("patch.onnx_adapter"));
        Assert.That((string?)seen["learnt"]!["status"], Does.StartWith($"Learnt from {events.Length} picks in "));
        Assert.That(patch.Values.ToArray(), Is.EqualTo(learnt.Values.ToArray()).Within(PatchTolerance));
        AssertList(seen["picked"]!["before"]!, cloud);
        AssertList(seen["learnt"]!["before"]!, cloud);
        AssertList(seen["learnt"]!["after"]!, OpenDevice("patched-owner", events, patch));
        Assert.That(Ids(seen["learnt"]!["after"]!), Is.Not.EqualTo(Ids(seen["learnt"]!["before"]!)), "a patch that changes nothing says nothing");
        Assert.That(Ids(seen["reloaded"]!["after"]!), Is.EqualTo(Ids(seen["learnt"]!["after"]!)), "picks and patch are kept");
        Assert.That((string?)seen["refused"]!["alert"], Does.Contain("was learnt on model aaaaaaaa"));
        Assert.That(Ids(seen["refused"]!["after"]!), Is.EqualTo(Ids(seen["learnt"]!["after"]!)));
        Assert.That(Ids(seen["forgotten"]!["after"]!), Is.Empty);
    }

    private static void AssertIsSound(JsonNode seen)
    {
        Assert.That(seen["faults"]!.AsArray(), Is.Empty, seen["faults"]!.ToJsonString());
        Assert.That(seen["foreign"]!.AsArray(), Is.Empty, "nothing is fetched from or sent to anywhere else");
        Assert.That((bool)seen["fitsNarrow"]!, Is.True);
        Assert.That((string?)seen["darkGround"], Is.EqualTo("rgb(17, 19, 28)"));
    }

    private static void AssertList(JsonNode list, IReadOnlyList<RecommendedItem> expected)
    {
        Assert.That(expected, Has.Count.EqualTo(10));
        Assert.That(Ids(list), Is.EqualTo(expected.Select(item => item.ItemId)));
        Assert.That(list.AsArray().Select(item => (double)item!["score"]!), Is.EqualTo(expected.Select(item => (double)item.Score)).Within(ScoreTolerance));
    }

    private static string[] Ids(JsonNode list) => [.. list.AsArray().Select(item => (string)item!["id"]!)];

    private void RequireRuntime()
    {
        if (!Directory.Exists(Path.Combine(_model, "web", "node_modules", "onnxruntime-web")))
        {
            Assert.Ignore("The build of the web project found no npm, or npm no registry: install Node 20 or newer.");
        }
    }

    private string RequireBrowser()
    {
        RequireRuntime();
        if (!Directory.Exists(Path.Combine(_nodeModules, "playwright-core")))
        {
            Assert.Ignore("The packages of examples/OnDeviceWeb are missing: run npm ci there.");
        }

        string? browser = _browsers.FirstOrDefault(File.Exists);
        if (browser is null)
        {
            Assert.Ignore("There is no Chromium here: install Debian's package chromium.");
        }

        return browser;
    }

    private JsonNode Visit(string browser, Uri address, (string Id, bool IsPositive)[] picks, bool learns = false)
    {
        string visit = JsonSerializer.Serialize(new
        {
            address,
            picks = picks.Select(pick => new { id = pick.Id, isPositive = pick.IsPositive }),
            learns,
            patchFile = _folder["patch.onnx_adapter"],
            foreignFile = _folder["other.onnx_adapter"],
            executablePath = browser,
            playwright = Path.Combine(_nodeModules, "playwright-core"),
        });
        string script = Path.Combine(RepositoryFolder.Path, "tests", "DCCL.Cli.Tests", "Web", "visit.mjs");
        return JsonNode.Parse(SubProcess.Run("node", _folder.Path, new Dictionary<string, string> { ["DCCL_VISIT"] = visit }, script))!;
    }

    private string CopyWebProject(string name, bool withRuntime) =>
        CopyBuilt("web", name, "Movies.Web.dll", file => withRuntime || !file.StartsWith(Path.Combine("page", "onnxruntime"), StringComparison.Ordinal));

    private IReadOnlyList<RecommendedItem> OpenDevice(string owner, DeviceEvent[] events, UserPatch? patch)
    {
        Directory.CreateDirectory(_folder[owner]);
        patch?.Save(Path.Combine(_folder[owner], DeviceFiles.Patch));
        using DevicePersonalizer device = new(_folder["device-anew"], _folder[owner]);
        Record(device, events);
        return device.Recommend(10);
    }
}
