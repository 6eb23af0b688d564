using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DCCL.Cli.Verbs;
using DCCL.ML;
using DCCL.ML.Device;
using DCCL.ML.Recommendation;
using DCCL.ML.Scoring;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>Every verb, one after the other, on a small log: what a team does with the tool.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.SingleInstance)]
public sealed class VerbTests
{
    private TemporaryFolder _folder = null!;
    private string _model = null!;
    private ToolRun _training = null!;

    [OneTimeSetUp]
    public void Prepare()
    {
        _folder = new TemporaryFolder();
        SmallLog.WriteCsv(_folder.Path);
        _model = SharedModels.Quick;
        _training = SharedModels.QuickTraining;
    }

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Train_SmallLog_CountsWhatIsInTheFile()
    {
        Assert.That((int)_training.Json["events"]!, Is.EqualTo(SmallLog.Events.Count));
        Assert.That((int)_training.Json["users"]!, Is.EqualTo(SmallLog.Events.Select(row => row.User).Distinct().Count()));
        Assert.That((int)_training.Json["items"]!, Is.EqualTo(SmallLog.Events.Select(row => row.Item).Distinct().Count()));
        Assert.That((bool)_training.Json["interrupted"]!, Is.False);
        Assert.That(_training.Error, Does.Contain("userId     text     user (by its name)"));
        Assert.That(_training.Error, Does.Contain("din: epoch 3 of 3"));
        Assert.That(_training.Error, Does.Not.Contain("\u001b"), "no colour where nobody looks");
    }

    [Test]
    public void Train_SmallLog_WritesAllFilesAndNothingElse()
    {
        string[] files = [.. Directory.EnumerateFiles(_model, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(_model, file)).Order(StringComparer.Ordinal)];

        Assert.That(files, Is.EqualTo(new[]
        {
            "Movies.consumption.cs", "Movies.evaluate.cs", "Movies.mbconfig", "Movies.mlnet", "Movies.onnx", "Movies.slnx", "Movies.training.cs", "Movies.vocabulary.json",
            "api/Movies.Api.csproj", "api/Program.cs", "console/Movies.Console.csproj", "console/Program.cs", "training/Movies.Training.csproj", "training/Program.cs",
            "web/Movies.Web.csproj", "web/Program.cs", "web/package-lock.json", "web/package.json", "web/page/app.js", "web/page/dccl/adapter.js",
            "web/page/dccl/bytes.js", "web/page/dccl/events.js", "web/page/dccl/gate.js", "web/page/dccl/graph.js", "web/page/dccl/index.js",
            "web/page/dccl/learner.js", "web/page/dccl/model.js", "web/page/dccl/personalizer.js", "web/page/dccl/random.js", "web/page/dccl/refusal.js",
            "web/page/dccl/vocabulary.js", "web/page/elements.js", "web/page/icon.svg", "web/page/index.html", "web/page/picker.js",
            "web/page/ranking.js", "web/page/storage.js", "web/page/style.css",
        }));
        Assert.That(
            files.Where(file => Regex.IsMatch(File.ReadAllText(Path.Combine(_model, file)), "\\{\\{[A-Z][A-Za-z]+\\}\\}")),
            Is.Empty,
            "every place of a template is filled in");
        Assert.That(Directory.GetFileSystemEntries(Path.GetDirectoryName(_model)!, "*.tmp"), Is.Empty);
    }

    [Test]
    public void Train_SameSeedAgain_IsTheSameModel()
    {
        ToolRun again = ToolRun.Of("train", "--data", _folder["log.csv"], "--out", _folder["again"], "--name", "Movies", "--quick", "--json");
        ToolRun other = ToolRun.Of("train", "--data", _folder["log.csv"], "--out", _folder["other"], "--name", "Movies", "--quick", "--json", "--seed", "2");

        Assert.That(again.ExitCode, Is.Zero, again.Error);
        Assert.That((string?)again.Json["fingerprint"], Is.EqualTo((string?)_training.Json["fingerprint"]));
        Assert.That((string?)other.Json["fingerprint"], Is.Not.EqualTo((string?)_training.Json["fingerprint"]));
    }

    [Test]
    public void Recommend_KnownUser_IsWhatTheRecommenderSays()
    {
        using Recommender recommender = new MLContext().DeviceCloud().CreateRecommender(new MLContext().Model.Load(Path.Combine(_model, "Movies.mlnet"), out _));
        string user = SmallLog.Events[0].User;

        JsonNode found = ToolRun.Of("recommend", "--model", _model, "--user", user, "-k", "3", "--json").Json;

        Assert.That(found["items"]!.AsArray().Select(item => (string?)item!["item"]), Is.EqualTo(recommender.Recommend(user, 3).Select(item => item.ItemId)));
        Assert.That((bool)found["isKnown"]!, Is.True);
        Assert.That((string?)found["items"]![0]!["reason"], Is.EqualTo("Cloud"));
        string[] had = [.. SmallLog.Events.Where(row => row.User == user).Select(row => row.Item)];
        foreach (JsonNode? item in found["items"]!.AsArray())
        {
            string[] like = [.. item!["like"]!.AsArray().Select(similar => (string)similar!["item"]!)];
            Assert.That(like, Is.EqualTo(recommender.GetSimilarHistory(user, (string)item["item"]!, 3).Select(similar => similar.ItemId)));
            Assert.That(like, Has.Length.EqualTo(3).And.SubsetOf(had));
        }
    }

    [Test]
    public void Recommend_Stranger_IsServedByTheCloudModel()
    {
        ToolRun run = ToolRun.Of("recommend", "--model", _model, "--user", "nobody [1]", "-k", "2");

        Assert.That(run.ExitCode, Is.Zero);
        Assert.That(run.Error, Does.Contain("does not know the user 'nobody [1]'"));
        Assert.That(run.Output.TrimEnd().Split('\n'), Has.Length.EqualTo(4).And.Some.Contains("UnknownUser"), "a head, a line, and two items");
    }

    [Test]
    public void Evaluate_ItsOwnLog_GivesTheFiguresOfTheTraining()
    {
        JsonNode report = ToolRun.Of("evaluate", "--model", _model, "--quick", "--json").Json;

        Assert.That((double)report["ndcg10"]!, Is.EqualTo((double)_training.Json["figures"]!["ndcg10"]!));
        Assert.That((string?)report["split"], Is.EqualTo((string?)_training.Json["split"]));
        Assert.That((double)report["interval"]!["lower"]!, Is.LessThanOrEqualTo((double)report["ndcg10"]!));
        Assert.That((double)report["interval"]!["upper"]!, Is.GreaterThanOrEqualTo((double)report["ndcg10"]!));
    }

    [Test]
    public void Distill_WithoutPatches_SaysWhatComesFirst()
    {
        ToolRun run = ToolRun.Of("distill", "--model", _model, "--quick");

        Assert.That(run.ExitCode, Is.EqualTo(ExitCode.BadModel));
        Assert.That(run.LastError, Does.EndWith("Run 'dccl personalize' first."));
    }

    [Test]
    public void Personalize_OneUserIntoAnotherFile_LeavesTheModelAsItWas()
    {
        byte[] before = File.ReadAllBytes(Path.Combine(_model, "Movies.mlnet"));
        string user = SmallLog.Events[0].User;

        ToolRun run = ToolRun.Of("personalize", "--model", _model, "--user", user, "--out", _folder["One.mlnet"], "--quick", "--json");

        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That((int)run.Json["patchedUsers"]!, Is.LessThanOrEqualTo(1));
        Assert.That(File.ReadAllBytes(Path.Combine(_model, "Movies.mlnet")), Is.EqualTo(before));
        Assert.That(ToolRun.Of("evaluate", "--model", _folder["One.mlnet"], "--quick").ExitCode, Is.Zero, "the config came along");
        Assert.That(ToolRun.Of("personalize", "--model", _model, "--out", _folder["One.mlnet"], "--quick").ExitCode, Is.EqualTo(ExitCode.Output), "it exists");
    }

    [Test]
    public void Personalize_OneUser_SaysWhetherThatUserHasAPatch()
    {
        string user = SmallLog.Events[0].User;

        ToolRun run = ToolRun.Of("personalize", "--model", _model, "--user", user, "--out", _folder["Said.mlnet"], "--quick");

        bool isPatched = new MLContext().Model.Load(_folder["Said.mlnet"], out _).GetUserPatches().ContainsKey(user);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(run.Output, Does.StartWith($"The user '{user}' has {(isPatched ? "a patch.\n1 of 60 users has" : "no patch: the cloud model is as good or better.\n0 of 60 users have")} a patch.\n"));
    }

    [Test]
    public void HasPatch_OfEveryUserAndAStranger_IsWhetherThePatchIsThere()
    {
        ITransformer all = new MLContext().Model.Load(SharedModels.Patched, out _);
        Dictionary<string, UserPatch> none = all.DeviceCloudModel().UserIds!.Where((_, i) => i % 3 == 0)
            .ToDictionary(user => user, _ => new UserPatch(all.DeviceCloudModel().Parameters.Fingerprint, new float[all.DeviceCloudModel().Patches!.PatchSize]));
        ITransformer model = all.WithUserPatches(none, out _);
        DeviceCloudPredictionTransformer transformer = model.DeviceCloudModel();
        string[] patched = [.. model.GetUserPatches().Keys];

        Assert.That(transformer.UserIds!.Where(user => LearningVerb.HasPatch(transformer, user)), Is.EquivalentTo(patched));
        Assert.That(patched, Has.Length.InRange(1, transformer.UserIds!.Count - 1), "some have none");
        Assert.That(LearningVerb.HasPatch(transformer, "nobody"), Is.False);
    }

    [Test]
    public void Personalize_ThenDistillAndExport_FilesFitTheirOwnModelAndNoOther()
    {
        string patchedModel = _folder["Patched.mlnet"];
        string distilledModel = _folder["Distilled.mlnet"];
        ToolRun patched = ToolRun.Of("personalize", "--model", _model, "--out", patchedModel, "--quick", "--json");
        ToolRun distilled = ToolRun.Of("distill", "--model", patchedModel, "--out", distilledModel, "--quick", "--json");
        ToolRun exported = ToolRun.Of("export", "--model", patchedModel, "--out", _folder["device"], "--adapters", "--json");
        ToolRun fit = ToolRun.Of("inspect", patchedModel, _folder["device"], "--json");
        ToolRun misfit = ToolRun.Of("inspect", distilledModel, _folder["device/model.onnx"], "--json");

        Assert.That(patched.ExitCode, Is.Zero, patched.Error);
        Assert.That((int)patched.Json["patchSize"]!, Is.EqualTo(16));
        Assert.That(distilled.ExitCode, Is.Zero, distilled.Error);
        Assert.That((string?)distilled.Json["fingerprint"], Is.Not.EqualTo((string?)patched.Json["fingerprint"]));
        Assert.That(exported.ExitCode, Is.Zero, exported.Error);
        Assert.That(exported.Json["files"]!.AsObject().Select(file => file.Key), Is.EqualTo(new[] { "model.onnx", "model.vocabulary.json", "step.onnx" }));
        Assert.That(fit.ExitCode, Is.Zero, fit.Error);
        Assert.That(fit.Json["artefacts"]!.AsArray().Select(artefact => (string?)artefact!["kind"]), Is.EqualTo(new[]
        {
            "model in .NET", "model on device", "vocabulary", "a step of learning a patch on device",
        }));
        Assert.That(misfit.ExitCode, Is.EqualTo(ExitCode.BadModel));
        Assert.That(misfit.LastError, Does.Contain("Make both from the same model."));
    }

    [Test]
    public void Export_AgainOfAnotherModel_KeepsNobodysPatchAndInspectLooksAtThem()
    {
        string device = _folder["device-again"];
        ToolRun patched = ToolRun.Of("export", "--model", SharedModels.Patched, "--out", device, "--adapters");
        ToolRun fit = ToolRun.Of("inspect", device);
        ToolRun graphs = ToolRun.Of("export", "--model", _model, "--out", _folder["device-other"]);
        File.Copy(_folder["device-other/model.onnx"], Path.Combine(device, "model.onnx"), overwrite: true);
        ToolRun misfit = ToolRun.Of("inspect", device);
        ToolRun again = ToolRun.Of("export", "--model", _model, "--out", device, "--force");

        Assert.That(patched.Output, Does.Contain("personal data"), patched.Error);
        Assert.That(fit.Output, Does.Match("adapters/: [0-9]+ people's patches\n  fingerprint ").And.EndWith("They fit together.\n"));
        Assert.That(graphs.ExitCode, Is.Zero, graphs.Error);
        Assert.That(misfit.ExitCode, Is.EqualTo(ExitCode.BadModel));
        Assert.That(again.ExitCode, Is.Zero, again.Error);
        Assert.That(
            Directory.EnumerateFileSystemEntries(device).Select(Path.GetFileName).Order(StringComparer.Ordinal),
            Is.EqualTo(new[] { "model.onnx", "model.vocabulary.json" }));
    }

    [Test]
    public void Train_UserAndItemOnly_Works()
    {
        string log = _folder.Write("pairs.csv", [.. SmallLog.Events.OrderBy(row => row.Time).Select(row => $"{row.User},{row.Item}")]);

        ToolRun run = ToolRun.Of("train", "--data", log, "--out", _folder["pairs"], "--quick", "--json");
        ToolRun patched = ToolRun.Of("personalize", "--model", _folder["pairs"], "--quick");

        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(run.Error, Does.Contain("no time: the order of the rows counts"));
        Assert.That((string?)run.Json["name"], Is.EqualTo("PairsModel"));
        Assert.That(patched.ExitCode, Is.Zero, patched.Error);
    }

    [Test]
    public void Train_LabelsDatesAndUnreadableRows_AreReadAndCounted()
    {
        IEnumerable<string> rows = SmallLog.Events.Select(row =>
            FormattableString.Invariant($"{DateTime.UnixEpoch.AddSeconds(row.Time):yyyy-MM-ddTHH:mm:ssZ};{row.User};{row.Item};{(row.IsLiked ? 5 : 2)}"));
        string log = _folder.Write("rated.csv", ["when;client;article;stars", "yesterday;u1;i1;5", .. rows, "2024-01-01;u1;;4"]);

        ToolRun run = ToolRun.Of("train", "--data", log, "--rating", "stars", "--out", _folder["rated"], "--quick", "--json", "--backbone", "sasrec");

        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That((int)run.Json["unreadableRows"]!, Is.EqualTo(2));
        Assert.That(run.Error, Does.Contain("line 2: the time 'yesterday' is no date").And.Contain($"line {SmallLog.Events.Count + 3}: no item"));
        Assert.That(run.Error, Does.Contain("positive from 5 on"));
        Assert.That((double)run.Json["figures"]!["gauc"]!, Is.InRange(0.3, 1));
    }

    [Test]
    public void Train_AllEvents_LeavesNoneForATest()
    {
        ToolRun evaluation = ToolRun.Of("evaluate", "--model", SharedModels.All);
        ToolRun patched = ToolRun.Of("personalize", "--model", SharedModels.All, "--out", _folder["AllPatched.mlnet"], "--quick");

        Assert.That(SharedModels.AllTraining.Json["figures"], Is.Null);
        Assert.That(evaluation.ExitCode, Is.EqualTo(ExitCode.BadInput));
        Assert.That(patched.ExitCode, Is.Zero, patched.Error);
        Assert.That(patched.Error, Does.Not.Contain("training cut-offs"), "there are events that the model was not fitted to");
    }

    [Test]
    public void Doctor_Here_FindsWhatTestsNeed()
    {
        ToolRun run = ToolRun.Of("doctor", "--json");

        Assert.That(run.ExitCode, Is.Zero, run.Output);
        Assert.That(
            run.Json["findings"]!.AsArray().Where(finding => (string?)finding!["severity"] == "fine").Select(finding => (string?)finding!["name"]),
            Is.SupersetOf(new[] { ".NET", "ONNX Runtime", "libtorch", "TorchSharp" }));
    }
}
