using System.Security.Cryptography;
using System.Text;
using DCCL.ML.Data;
using DCCL.ML.Tests;
using DCCL.Trainers.Checkpoints;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.Checkpoints;

/// <summary>The file of a checkpoint, and every way in which it can be wrong.</summary>
public sealed class CheckpointTests
{
    private const string Kind = "din l";
    private const int HeaderLength = 16;

    private string _folder = "";
    private string _path = "";
    private byte[] _file = [];

    [OneTimeSetUp]
    public void Train()
    {
        _folder = Directory.CreateTempSubdirectory("dccl-checkpoint-").FullName;
        _path = Path.Combine(_folder, "training.checkpoint");
        CheckpointedRun.Fit(Kind, _path);
        _file = File.ReadAllBytes(_path);
    }

    [OneTimeTearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Save_AState_HasTheBytesOfTheFormat()
    {
        string path = Path.Combine(_folder, "tiny");
        RunDescription run = new RunDescription("Toy", new { Rate = 0.5, Sizes = new[] { 2, 3 } }).Add("seed", "7");

        new Checkpoint(path, run).Save(state =>
        {
            state.Transfer(258);
            state.Transfer(new float[] { 1, -2 }.AsSpan());
        });

        byte[] file = File.ReadAllBytes(path);
        int length = file.Length - HeaderLength - 12 - 32;
        byte[] header = [.. "DCCLCKPT"u8, 2, 0, 0, 0, (byte)length, (byte)(length >> 8), 0, 0];
        Assert.That(file[..HeaderLength], Is.EqualTo(header));
        Assert.That(file[^44..^32], Is.EqualTo(new byte[] { 2, 1, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0 }));
        Assert.That(file[^32..], Is.EqualTo(SHA256.HashData(file.AsSpan(0, file.Length - 32))));
        string[] lines = Encoding.UTF8.GetString(file, HeaderLength, length).Split('\n');
        Assert.That(lines.Take(3), Is.EqualTo(new[] { "trainer=Toy", "Rate=0.5", "Sizes=2 3" }));
        Assert.That(lines[3], Does.StartWith("DCCL.Trainers="));
        Assert.That(lines[^1], Is.EqualTo("seed=7"));
    }

    [Test]
    public void Save_ThatFails_LeavesTheEarlierFile()
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, "failed")).FullName;
        string path = Path.Combine(folder, "tiny");
        Checkpoint checkpoint = new(path, new RunDescription("Toy", new object()));
        checkpoint.Save(state => state.Transfer(1));
        byte[] before = File.ReadAllBytes(path);

        Assert.That(
            () => checkpoint.Save(state =>
            {
                state.Transfer(2);
                throw new IOException("The disk is full.");
            }),
            Throws.TypeOf<IOException>());

        Assert.That(File.ReadAllBytes(path), Is.EqualTo(before));
        Assert.That(Directory.GetFiles(folder), Has.Length.EqualTo(1));
    }

    [Test]
    public void Restore_AFileDamagedByTheHundred_IsRefusedBeforeAnyValueIsRead()
    {
        SeededRandom random = new(1);
        HashSet<string> messages = [];
        for (int i = 0; i < 500; i++)
        {
            byte[] damaged = Corruption.Apply(random, _file);
            if (!damaged.AsSpan().SequenceEqual(_file))
            {
                messages.Add(Restore(damaged, $"file {i}"));
            }
        }

        foreach (int length in new[] { 0, 1, 7, 8, 15, 16, 47, 48, _file.Length - 1 })
        {
            messages.Add(Restore(_file[..length], $"{length} bytes"));
        }

        string known = $"^('{_path}' must be a checkpoint of DCCL, but is another file\\.|The checkpoint '{_path}' must be whole, but is damaged: "
            + "(it has only [0-9]+ bytes|its digest is not that of its bytes)\\.) .* train anew\\.$";
        Assert.That(messages, Is.All.Match(known));
    }

    [Test]
    public void Fit_ADamagedFile_IsRefused() => Assert.That(Refuse(_file[..^1], "a byte fewer"), Is.EqualTo(
        $"The checkpoint '{_path}' must be whole, but is damaged: its digest is not that of its bytes. Restore the file, or delete it to train anew."));

    // As somebody would who alters a file on purpose. Values that could be those of a run cannot be told from its own.
    [Test]
    public void Fit_AForgedFile_IsRefusedOrTrainedOnButNeverCrashes()
    {
        SeededRandom random = new(2);
        int refused = 0;
        for (int i = 0; i < 100; i++)
        {
            byte[] forged = Corruption.WithDigest(Corruption.Apply(random, _file[..^32]));
            try
            {
                refused += Refuse(forged, $"file {i}").Length > 0 ? 1 : 0;
            }
            catch (ArgumentException exception)
            {
                Assert.That(exception.Message, Does.Contain("finite"), $"file {i}: forged momentum makes weights that are no numbers");
            }
        }

        Assert.That(refused, Is.GreaterThan(50));
    }

    [Test]
    public void Fit_PartsThatAreMissingOrMore_AreRefused()
    {
        string expected = $"The checkpoint '{_path}' must be whole, but is damaged: its values are none of such a run. Restore the file, or delete it to train anew.";
        Assert.That(Refuse(Corruption.WithDigest(_file[..^36]), "4 bytes fewer"), Is.EqualTo(expected));
        Assert.That(Refuse(Corruption.WithDigest(_file[..^500]), "many bytes fewer"), Is.EqualTo(expected));
        Assert.That(Refuse(Corruption.WithDigest([.. _file[..^32], 0, 0]), "2 bytes more"), Is.EqualTo(expected));
    }

    [Test]
    public void Fit_ANewerVersion_IsRefused()
    {
        byte[] newer = _file[..^32];
        newer[8] = 3;

        Assert.That(Refuse(Corruption.WithDigest(newer), "newer"), Is.EqualTo(
            $"The checkpoint '{_path}' must have format version 2, but has 3. Go on with the version of DCCL.Trainers that began it, or delete the file to train anew."));
    }

    [Test]
    public void Fit_AnotherBuildOfTheLibrary_IsRefused()
    {
        string text = Encoding.Latin1.GetString(_file, 0, _file.Length - 32);
        int build = text.IndexOf(" build ", text.IndexOf("DCCL.Trainers=", StringComparison.Ordinal), StringComparison.Ordinal) + 7;
        byte[] other = _file[..^32];
        other[build] = (byte)(other[build] == 'a' ? 'b' : 'a');

        Assert.That(Refuse(Corruption.WithDigest(other), "another build"), Does.Match("is of another: DCCL.Trainers was .* build .*, but is .* build "));
    }

    [Test]
    public void Load_AFile_SaysOfWhichRunItIsAndHowFarItHasCome()
    {
        string path = Path.Combine(_folder, "told");
        List<TrainingProgress> reports = [];
        CheckpointedRun.Fit(Kind, path, reports.Add);
        TrainingProgress[] epochs = [.. reports.Where(report => report.Loss is not null)];

        TrainingCheckpoint checkpoint = TrainingCheckpoint.Load(path);

        Assert.That(checkpoint.Losses, Is.EqualTo(epochs.Select(epoch => epoch.Loss)));
        Assert.That(checkpoint.ValidationMetrics, Is.EqualTo(epochs.Select(epoch => epoch.ValidationMetric)));
        Assert.That(checkpoint.Elapsed, Is.GreaterThan(TimeSpan.Zero));
        Assert.That(checkpoint.Run["trainer"], Is.EqualTo("DinTrainer"));
        Assert.That(checkpoint.Run["NumberOfEpochs"], Is.EqualTo("4"));
        Assert.That(checkpoint.Run["BatchSize"], Is.EqualTo("7"));
        Assert.That((checkpoint.Run["seed"], checkpoint.Run["number of threads"], checkpoint.Run["previous model"]), Is.EqualTo(("1", "1", "none")));
        Assert.That(checkpoint.Run["log"], Does.Match("^[0-9a-f]{64}$"));
        Assert.That(() => TrainingCheckpoint.Load(Path.Combine(_folder, "none")), Throws.TypeOf<FileNotFoundException>());
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^1]);
        Assert.That(() => TrainingCheckpoint.Load(path), Throws.TypeOf<CheckpointException>().With.Message.Contains("its digest is not that of its bytes"));
    }

    [Test]
    public void Fit_OnwardsFromACheckpoint_CountsTheTimeOfEarlierProcesses()
    {
        string path = Path.Combine(_folder, "timed");
        CheckpointedRun.Fit(Kind, path, now =>
        {
            if (now is { Loss: null, Fraction: 1, Epoch: 2 })
            {
                File.Copy(path, path + ".1");
            }
        });
        byte[] file = File.ReadAllBytes(path + ".1");
        int time = HeaderLength + BitConverter.ToInt32(file, 12) + sizeof(int) + (2 * sizeof(double)); // after one epoch
        Assert.That(TrainingCheckpoint.Load(path + ".1").Elapsed.Ticks, Is.EqualTo(BitConverter.ToInt64(file, time)));
        BitConverter.TryWriteBytes(file.AsSpan(time), TimeSpan.FromHours(5).Ticks);
        File.WriteAllBytes(path + ".1", Corruption.WithDigest(file[..^32]));

        CheckpointedRun.Fit(Kind, path + ".1");

        Assert.That(TrainingCheckpoint.Load(path + ".1").Losses, Has.Count.EqualTo(CheckpointedRun.NumberOfEpochs));
        Assert.That(TrainingCheckpoint.Load(path + ".1").Elapsed, Is.GreaterThan(TimeSpan.FromHours(5)).And.LessThan(TimeSpan.FromHours(6)));
    }

    private string Refuse(byte[] file, string what) => Refuse(file, what, () => CheckpointedRun.Fit(Kind, _path).Dispose());

    private string Restore(byte[] file, string what) => Refuse(
        file, what, () => new Checkpoint(_path, new RunDescription("Toy", new object())).Restore(_ => Assert.Fail(what)));

    private string Refuse(byte[] file, string what, Action read)
    {
        File.WriteAllBytes(_path, file);
        string message = "";
        Corruption.Guard(what, () =>
        {
            try
            {
                read();
            }
            catch (CheckpointException exception)
            {
                message = exception.Message;
            }
        });
        return message;
    }
}
