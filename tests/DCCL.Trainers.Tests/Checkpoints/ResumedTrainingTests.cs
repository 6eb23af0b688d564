using System.Collections.Concurrent;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.Checkpoints;

/// <summary>A training that goes on from a checkpoint ends as one that was never ended.</summary>
public sealed class ResumedTrainingTests
{
    private const int NumberOfEpochs = CheckpointedRun.NumberOfEpochs;

    private string _folder = "";
    private string _path = "";

    [SetUp]
    public void CreateFolder()
    {
        _folder = Directory.CreateTempSubdirectory("dccl-checkpoint-").FullName;
        _path = Path.Combine(_folder, "training.checkpoint");
    }

    [TearDown]
    public void DeleteFolder()
    {
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    // The letters: see CheckpointedRun.Fit.
    [TestCase("din ")]
    [TestCase("din 1")]
    [TestCase("din d2")]
    [TestCase("din dD2")]
    [TestCase("din l")]
    [TestCase("din ld2")]
    [TestCase("din h")]
    [TestCase("din p")]
    [TestCase("din v")]
    [TestCase("sasrec ")]
    [TestCase("sasrec d2")]
    [TestCase("sasrec ds")]
    [TestCase("sasrec ld2")]
    [TestCase("sasrec dp")]
    [TestCase("sasrec d1v")]
    public void Fit_EndedAfterAnyEpoch_GoesOnToTheSameBytes(string kind)
    {
        string expected = CheckpointedRun.Fit(kind, path: null).Parameters.Fingerprint;

        // Before the last report of an epoch the file holds the epoch before it: what a process that is killed then leaves.
        Assert.That(CheckpointedRun.Fit(kind, _path, now =>
        {
            if (now is { Loss: null, Fraction: 1, Epoch: > 1 })
            {
                File.Copy(_path, $"{_path}.{now.Epoch - 1}");
            }
        }).Parameters.Fingerprint, Is.EqualTo(expected), "with a checkpoint");
        int ended = Directory.GetFiles(_folder).Count(file => file != _path);
        Assert.That(ended, Is.InRange(1, NumberOfEpochs - 1));

        for (int epoch = 1; epoch <= ended; epoch++)
        {
            List<TrainingProgress> reports = [];
            Assert.That(CheckpointedRun.Fit(kind, $"{_path}.{epoch}", reports.Add).Parameters.Fingerprint, Is.EqualTo(expected), $"after epoch {epoch}");
            Assert.That(reports.Where(report => report.Loss is null).Select(report => report.Epoch).Min(), Is.EqualTo(epoch + 1), "nothing is done twice");
            Assert.That(reports.Where(report => report.Loss is not null).Select(report => report.Epoch), Is.EqualTo(Enumerable.Range(1, ended + 1)), "all epochs are told of");
        }

        Assert.That(CheckpointedRun.Fit(kind, _path, now => Assert.That(now.Loss, Is.Not.Null)).Parameters.Fingerprint, Is.EqualTo(expected), "it was over");
    }

    [Test]
    public void Fit_EndedAgainAndAgain_GoesOnToTheSameBytes([Values("din ld2", "sasrec ds")] string kind)
    {
        string? actual = null;
        int starts = 0;
        for (; actual is null; starts++)
        {
            try
            {
                actual = CheckpointedRun.Fit(kind, _path, now =>
                {
                    if (now.Loss is null && now.Epoch > starts + 1)
                    {
                        throw new TimeoutException("a crash");
                    }
                }).Parameters.Fingerprint;
            }
            catch (TimeoutException)
            {
                Assert.That(starts, Is.LessThan(NumberOfEpochs));
            }
        }

        Assert.That(starts, Is.EqualTo(NumberOfEpochs));
        Assert.That(actual, Is.EqualTo(CheckpointedRun.Fit(kind, path: null).Parameters.Fingerprint));
    }

    [Test]
    public void Fit_OnwardsFromACheckpoint_LeavesNoMoreTensorsThanWithout([Values("din d2", "sasrec d")] string kind)
    {
        CheckpointedRun.Fit(kind, path: null).Dispose();
        long without = LiveTensors.CountNew(() => CheckpointedRun.Fit(kind, path: null).Dispose());

        Assert.That(LiveTensors.CountNew(() => CheckpointedRun.Fit(kind, _path).Dispose()), Is.EqualTo(without), "writes");
        Assert.That(LiveTensors.CountNew(() => CheckpointedRun.Fit(kind, _path).Dispose()), Is.EqualTo(without), "reads");
    }

    [Test]
    public void Fit_CancelledBeforeTheNextEpoch_ReturnsTheBestThatTheCheckpointHas()
    {
        using CancellationTokenSource first = new();
        string expected = CheckpointedRun.Fit("din d", _path, now => CancelAfter(now, 1, first), cancellation: first.Token).Parameters.Fingerprint;
        using CancellationTokenSource second = new();

        string actual = CheckpointedRun.Fit("din d", _path, _ => second.Cancel(), cancellation: second.Token).Parameters.Fingerprint;

        Assert.That(actual, Is.EqualTo(expected));
        Assert.That(actual, Is.Not.EqualTo(CheckpointedRun.Fit("din d", path: null).Parameters.Fingerprint));
    }

    [Test]
    public void Fit_OtherOptionsOrData_AreRefusedByName()
    {
        CheckpointedRun.Fit("din ", _path);
        byte[] before = File.ReadAllBytes(_path);

        Assert.That(() => CheckpointedRun.Fit("din d2", _path), Refused("DropoutRate was 0, but is 0.2; number of threads was 1, but is 2"));
        Assert.That(() => CheckpointedRun.Fit("din ", _path, events: [.. CheckpointedRun.Events.Skip(1)]), Throws.TypeOf<CheckpointException>()
            .With.Message.Match("is of another: the log is another one \\([0-9a-f]{16} then, [0-9a-f]{16} now\\)\\. Go on with the same options, data and version, or delete"));
        Assert.That(() => CheckpointedRun.Fit("din v", _path), Throws.TypeOf<CheckpointException>().With.Message.Contains(": validation log was not there, but is "));
        Assert.That(() => CheckpointedRun.Fit("din p", _path), Throws.TypeOf<CheckpointException>().With.Message.Contains(": previous model was none, but is "));
        Assert.That(() => CheckpointedRun.Fit("sasrec ", _path), Throws.TypeOf<CheckpointException>()
            .With.Message.Match(": trainer was DinTrainer, but is SasRecTrainer; .* more\\. Go on"));
        Assert.That(File.ReadAllBytes(_path), Is.EqualTo(before), "refused is not overwritten");
    }

    [Test]
    public void Fit_WhereNoFileCanBe_FailsBeforeTheLogIsRead()
    {
        string missing = Path.Combine(_folder, "none", "training.checkpoint");
        IReadOnlyList<EventRow> unread = new Unreadable();

        Assert.That(() => CheckpointedRun.Fit("din ", missing, events: unread), Throws.TypeOf<DirectoryNotFoundException>().With.Message.EqualTo(
            $"The checkpoint '{missing}' must be a file in a folder that exists, but the folder does not. Set CheckpointPath to another one."));
        Assert.That(() => CheckpointedRun.Fit("din ", _folder, events: unread), Throws.TypeOf<DirectoryNotFoundException>().With.Message.EqualTo(
            $"The checkpoint '{_folder}' must be a file in a folder that exists, but is a folder itself. Set CheckpointPath to another one."));
    }

    [Test]
    public void Fit_FolderThatVanishes_WarnsAndTrainsOn()
    {
        MLContext ml = new(seed: 1);
        ConcurrentQueue<string> warnings = [];
        ml.Log += (_, log) =>
        {
            if (log.Kind == ChannelMessageKind.Warning)
            {
                warnings.Enqueue(log.RawMessage);
            }
        };

        DeviceCloudPredictionTransformer model = CheckpointedRun.Fit("din ", _path, ml: ml, progress: now =>
        {
            if (now.Epoch == 2 && Directory.Exists(_folder))
            {
                Directory.Delete(_folder, recursive: true);
            }
        });

        Assert.That(model.Parameters.Fingerprint, Is.EqualTo(CheckpointedRun.Fit("din ", path: null).Parameters.Fingerprint));
        Assert.That(warnings, Has.Count.EqualTo(1).And.All.Match("The checkpoint must be written after each epoch, but cannot: .* The training goes on without\\."));
    }

    [Test]
    public void Fit_AfterAProcessThatWasKilledWhileWriting_RemovesWhatItLeft()
    {
        _path = Path.Combine(_folder, ".checkpoint"); // what begins with a point is hidden on many systems
        string left = $"{_path}.abcdefgh.ijk.tmp";
        string other = $"{_path}.tmp";
        File.WriteAllBytes(left, [1]);
        File.WriteAllBytes(other, [1]);

        CheckpointedRun.Fit("din ", _path);

        Assert.That(Directory.GetFiles(_folder), Is.EquivalentTo(new[] { _path, other }));
    }

    private static void CancelAfter(TrainingProgress now, int epoch, CancellationTokenSource cancellation)
    {
        if (now.Epoch > epoch)
        {
            cancellation.Cancel();
        }
    }

    private static NUnit.Framework.Constraints.IResolveConstraint Refused(string difference) => Throws.TypeOf<CheckpointException>()
        .With.Message.Contains($"' must be of this run, but is of another: {difference}. Go on with the same options, data and version, or delete the file to train anew.");

    /// <summary>Events that nobody may look at.</summary>
    private sealed class Unreadable : List<EventRow>, IReadOnlyList<EventRow>, IEnumerable<EventRow>
    {
        IEnumerator<EventRow> IEnumerable<EventRow>.GetEnumerator() => throw new AssertionException("The log was read.");
    }
}
