using System.Security.Cryptography;
using System.Text;
using DCCL.Cli.Generation;
using NUnit.Framework;

namespace DCCL.Cli.Tests;

/// <summary>Input that cannot be used: one line that says what, with an exit code of its own, and nothing is left behind.</summary>
public sealed class HostileInputTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Train_MissingFile_SuggestsTheNearest()
    {
        _folder.Write("ratings.csv", "a,b");

        ToolRun run = Train(_folder["rating.csv"]);

        Assert.That(run.ExitCode, Is.EqualTo(2));
        Assert.That(run.Error, Is.EqualTo($"error: The log '{_folder["rating.csv"]}' must be a file, but there is none. Did you mean 'ratings.csv'?\n"));
    }

    [Test]
    public void Train_EmptyFile_SaysSo() => AssertFault(Train(_folder.Write("log.csv")), 2, "must have events, but is empty");

    [Test]
    public void Train_OnlyAHeader_SaysSo() => AssertFault(Train(_folder.Write("log.csv", "userId,movieId")), 2, "has only a header");

    [Test]
    public void Train_OneColumn_SaysHowColumnsAreSeparated() => AssertFault(Train(_folder.Write("log.csv", "one", "two")), 2, "must have at least two columns");

    [Test]
    public void Train_NoText_SaysSo() => AssertFault(Train(_folder.Write("log.csv", "a\0b,c")), 2, "must be text");

    [Test]
    public void Train_AFolder_SaysSo() => AssertFault(Train(_folder.Path), 2, "but is a folder");

    [Test]
    public void Train_WrongColumn_SuggestsTheNearest()
    {
        ToolRun run = Train(_folder.Write("log.csv", "userId,movieId", "1,2"), "--item", "moveId");

        AssertFault(run, 2, "The column 'moveId' of --item must be in");
        Assert.That(run.LastError, Does.EndWith("Did you mean 'movieId'?"));
    }

    [Test]
    public void Train_UnreadableRowWithStrict_StopsThere()
    {
        string log = _folder.Write("log.csv", "userId,movieId,timestamp", "1,2,3", "1,2", "1,,4");

        AssertFault(Train(log, "--strict"), 2, "Line 3 of");
    }

    [Test]
    public void Train_OneUser_NamesTheColumnOfTheFile()
    {
        string log = _folder.Write("log.csv", ["user_id,item_id", .. Enumerable.Range(1, 20).Select(i => $"u1,i{i}")]);

        AssertFault(Train(log), 2, "must have events of at least 2 users to learn from, but has only 1. Check that column 'user_id' says who.");
    }

    [Test]
    public void Train_OneItem_NamesTheColumnOfTheFile()
    {
        string log = _folder.Write("log.csv", [.. Enumerable.Range(1, 40).Select(i => $"u{i % 10},i1").Prepend("user_id,item_id")]);

        AssertFault(Train(log), 2, "must have events of at least 2 items to learn from, but has only 1. Check that column 'item_id' says what.");
    }

    [Test]
    public void Train_LabelsOfOneClass_NamesTheColumnOfTheFile()
    {
        string log = _folder.Write("log.csv", [.. Enumerable.Range(1, 40).Select(i => $"u{i % 4},i{i % 7},1").Prepend("user_id,item_id,clicked")]);

        AssertFault(Train(log), 2, "The column 'clicked' must tell positive from negative events, but all are positive. Choose another --label.");
    }

    // All but the last events are of one item, user or class, or each is the first of a user.
    [TestCase("u%,i1,1", "u%,i%,%", "The log '*' must have events of at least 2 items to learn from, but has only 1")]
    [TestCase("u1,i%,%", "u%,i%,%", "The log '*' must have events of at least 2 users to learn from, but has only 1")]
    [TestCase("u%,i%,1", "u%,i%,%", "The column 'clicked' must tell positive from negative events, but all are positive")]
    [TestCase("u#,i%,%", "u#,i%,%", "The log '*' must have users with at least 2 events to learn from, but has only 1")]
    public void Train_NothingToTellApartInWhatIsLearnt_SaysWhere(string first, string last, string fault)
    {
        IEnumerable<string> rows = Enumerable.Range(0, 100).Select(i => FormattableString.Invariant(
            $"{(i < 70 ? first : last).Replace("%", $"{i % 2}", StringComparison.Ordinal).Replace("#", $"{i % 70}", StringComparison.Ordinal)},{1_600_000_000 + i}"));
        string log = _folder.Write("log.csv", [.. rows.Prepend("user_id,item_id,clicked,timestamp")]);

        ToolRun run = Train(log);

        AssertFault(run, 2, $"{fault.Replace("*", log, StringComparison.Ordinal)} in the 70 % that are for the model. Take a longer log, or learn from all events with --use-all.");
    }

    [Test]
    public void Train_OneEventOfEachUser_NamesTheColumnOfTheFile()
    {
        string log = _folder.Write("log.csv", [.. Enumerable.Range(1, 40).Select(i => $"u{i},i{i % 7}").Prepend("user_id,item_id")]);

        AssertFault(Train(log), 2, "must have users with at least 2 events to learn from, but has only 1. Check that column 'user_id' says who.");
    }

    [Test]
    public void Train_OneEvent_IsCountedInTheSingular() =>
        Assert.That(Train(_folder.Write("log.csv", "userId,movieId", "u1,i1")).Error, Does.Contain("\n1 event of 1 user and 1 item\n"));

    [Test]
    public void Train_ControlCharacters_AreShownByTheirCodes()
    {
        ToolRun line = Train(_folder.Write("log.txt", "\u001b[31mred\u0007\u009b", "\u001b]0;title"));
        ToolRun names = Train(_folder.Write("log.csv", "userId,mo\u001b[2Jvie,\rtimestamp", "u1,i1,\u001b[1m"), "--item", "none");

        AssertFault(line, 2, "look like '\\u001b[31mred\\u0007\\u009b'");
        AssertFault(names, 2, "'mo\\u001b[2Jvie'");
        Assert.That((line.Error + names.Error).Where(character => char.IsControl(character) && character != '\n'), Is.Empty);
    }

    [Test]
    public void Train_MostRowsUnreadable_SaysWhatTheFirstOneLacks()
    {
        string log = _folder.Write("log.csv", "userId,movieId,timestamp", "1,2,3", "1,x,-4", ",2,4");

        AssertFault(Train(log), 2, "1 are and 2 are not (line 3: the time '-4' is no number from 0 on)");
    }

    [TestCase("Movies.mlnet")]
    [TestCase("Movies.onnx")]
    public void Personalize_ReadOnlyFileOfTheModel_IsRefusedBeforeTheWorkAndNothingIsReplaced(string locked)
    {
        string folder = CopyQuickModel();
        string[] files = Directory.GetFiles(folder);
        byte[][] before = Array.ConvertAll(files, File.ReadAllBytes);
        FileStream unwritable = new(Path.Combine(folder, locked), FileMode.Open, FileAccess.Read, FileShare.None); // stands for one that may not be written

        ToolRun run = ToolRun.Of("personalize", "--model", folder, "--quick");

        unwritable.Dispose();
        AssertFault(run, 3, "must be writable, but is not");
        Assert.That(run.Error, Does.Not.Contain(".tmp"));
        Assert.That(Array.ConvertAll(files, File.ReadAllBytes), Is.EqualTo(before));
    }

    [TestCase("personalize", "--quick")]
    [TestCase("recommend", "--user", "u1")]
    [TestCase("evaluate")]
    public void Verb_LockedConfigOfTheModel_SaysThatItCannotBeReadAndReplacesNothing(params string[] args)
    {
        string folder = CopyQuickModel();
        byte[] before = File.ReadAllBytes(Path.Combine(folder, "Movies.mlnet"));
        string config = Path.Combine(folder, "Movies.mbconfig");
        using FileStream locked = new(config, FileMode.Open, FileAccess.Read, FileShare.None);

        ToolRun run = ToolRun.Of([.. args, "--model", folder]);

        AssertFault(run, 4, $"'{config}' must be readable, but is not: ");
        Assert.That(run.LastError, Does.EndWith(" Check who may read it, and that no other program has it open."));
        Assert.That(File.ReadAllBytes(Path.Combine(folder, "Movies.mlnet")), Is.EqualTo(before));
    }

    [Test]
    public void Train_FolderExists_IsNotOverwrittenWithoutForce()
    {
        string log = _folder.Write("log.csv", "userId,movieId", "1,2");
        Directory.CreateDirectory(_folder["out"]);
        File.WriteAllText(_folder["out/mine.txt"], "mine");

        AssertFault(Train(log), 3, "must not exist yet, but does");
        Assert.That(Directory.GetFiles(_folder["out"]), Is.EqualTo(new[] { _folder["out/mine.txt"] }));
    }

    [Test]
    public void Train_FolderThatCannotBe_FailsBeforeTheWork()
    {
        string log = _folder.Write("log.csv", "userId,movieId", "1,2");

        AssertFault(ToolRun.Of("train", "--data", log, "--out", Path.Combine(log, "out")), 3, "must be writable, but is not");
    }

    [TestCase("--name", "9lives", "must be a C# name")]
    [TestCase("--delimiter", "ab", "must be one character")]
    [TestCase("--backbone", "bert", "bert")]
    [TestCase("--threads", "-1", "at least 0")]
    [TestCase("--positive-rating", "4", "needs a column of ratings")]
    [TestCase("--package-source", "nowhere", "must hold the packages")]
    public void Train_BadOption_SaysWhat(string option, string value, string message) =>
        AssertFault(Train(_folder.Write("log.csv", "userId,movieId", "1,2"), option, value), 2, message);

    [Test]
    public void PackageFolder_AnotherPackageOfTheSameVersionInTheCache_IsFound()
    {
        foreach (string name in new[] { "DCCL.ML", "DCCL.Trainers" })
        {
            string kept = Directory.CreateDirectory(_folder[$"cache/{name.ToLowerInvariant()}/1.2.3"]).FullName;
            File.WriteAllText(_folder[$"{name}.1.2.3.nupkg"], name);
            string hash = Convert.ToBase64String(SHA512.HashData(Encoding.UTF8.GetBytes(name == "DCCL.ML" ? "DCCL.ML, older" : name)));
            File.WriteAllText(Path.Combine(kept, $"{name.ToLowerInvariant()}.1.2.3.nupkg.sha512"), hash);
        }

        PackageFolder packages = PackageFolder.Find(_folder.Path);

        Assert.That(packages.FindOthers([_folder["cache"], _folder["none"]]), Is.EqualTo(new[] { _folder["cache/dccl.ml/1.2.3"] }));
    }

    [Test]
    public void Train_EventsThatTeachNothing_SaysSoAndLeavesNothing()
    {
        ToolRun run = Train(_folder.Write("log.csv", "userId,movieId", "1,2", "2,3"));

        Assert.That(run.ExitCode, Is.EqualTo(2));
        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.EqualTo(new[] { _folder["log.csv"] }));
    }

    [Test]
    public void Train_InterruptedBeforeAnything_EndsWith130()
    {
        string log = SmallLog.WriteCsv(_folder.Path);
        ToolRun run = ToolRun.Of(new CancellationToken(canceled: true), "train", "--data", log, "--out", _folder["out"], "--quick");

        AssertFault(run, 130, "Interrupted before there was anything to keep.");
    }

    [TestCase("recommend", "--user", "u1")]
    [TestCase("evaluate")]
    [TestCase("report")]
    [TestCase("personalize")]
    [TestCase("distill")]
    [TestCase("export", "--out", "somewhere")]
    public void Verb_MissingModel_SaysSo(params string[] args) =>
        AssertFault(ToolRun.Of([.. args, "--model", _folder["none"]]), 4, "must be a folder that 'dccl train' wrote");

    [Test]
    public void Inspect_DamagedModel_SaysSo() => AssertFault(ToolRun.Of("inspect", _folder.Write("bad.mlnet", "no zip")), 4, "cannot be loaded");

    [Test]
    public void Inspect_OtherFile_SaysWhichThereAre() => AssertFault(ToolRun.Of("inspect", _folder.Write("notes.txt", "x")), 4, "must end in .mlnet");

    [Test]
    public void Tool_UnknownVerb_SaysWhereTheListIs() => AssertFault(ToolRun.Of("bake"), 2, "'bake' is not a command. 'dccl --help' lists what there is.");

    [Test]
    public void Tool_MisspeltOption_SuggestsTheNearest() => AssertFault(ToolRun.Of("--vresion"), 2, "'--vresion' is not an option. Did you mean '--version'?");

    [TestCase("trian", "--data", "log.csv")]
    [TestCase("tarin")]
    public void Tool_MisspeltVerb_SuggestsTheNearest(params string[] args) =>
        Assert.That(ToolRun.Of(args), Is.EqualTo(new ToolRun(2, "", $"error: '{args[0]}' is not a command. Did you mean 'train'?\n")));

    private ToolRun Train(string log, params string[] more) => ToolRun.Of(["train", "--data", log, "--out", _folder["out"], "--quick", .. more]);

    private string CopyQuickModel()
    {
        string folder = Directory.CreateDirectory(_folder["model"]).FullName;
        foreach (string file in Directory.GetFiles(SharedModels.Quick))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }

        return folder;
    }

    private static void AssertFault(ToolRun run, int exitCode, string message)
    {
        Assert.That(run.LastError, Does.StartWith("error: ").And.Contain(message));
        Assert.That(run.ExitCode, Is.EqualTo(exitCode));
        Assert.That(run.Output, Is.Empty);
    }
}
