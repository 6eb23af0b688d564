using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Scoring;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.Collaborative;

public sealed class CollaborativeTrainerTests
{
    private static readonly Checkerboard _board = new();

    // With the gate nobody has a patch here, and where nobody has one there are no teachers.
    [Test]
    public void Fit_ARound_IsCloudModelPatchesDistillationPatches([Values(null, 1.0)] double? strength)
    {
        MLContext context = new(seed: 1);
        Watcher watcher = new();

        DeviceCloudPredictionTransformer model = context.DeviceCloud().Trainers.Collaborative(Options(1, watcher, strength: strength))
            .Fit(EventRow.LoadWithKeys(context, _board.Events));

        string[] stages = [.. watcher.Reports.Select(report => report.Stage)];
        Assert.That(stages.Where((stage, i) => i == 0 || stages[i - 1] != stage), Is.EqualTo((string[])
        [
            "din", "metapatch: basis", "metapatch: patches",
            .. strength is null ? (string[])["metapatch: ranking"] : ["momodistill: teachers", "momodistill: teachers' cloud model"],
            "momodistill: cloud model", "momodistill: patches",
        ]));
        Assert.That(model.Patches!.NumberOfPatchedUsers, strength is null ? Is.Zero : Is.Positive);
        Assert.That(model.Parameters.Encoder, Is.Not.Null);
        Assert.That(model.Patches!.NumberOfUsers, Is.EqualTo(_board.HeldOut.Count));
        Assert.That(model.UserIds, Is.EqualTo(_board.HeldOut.Keys));
        Assert.That(model.History.GetItems(1).Length, Is.EqualTo(6));
    }

    [Test]
    public void Fit_ARoundOfSums_LearnsFactorsAndTeachesWithThem()
    {
        MLContext context = new(seed: 1);
        Watcher watcher = new();

        DeviceCloudPredictionTransformer model = context.DeviceCloud().Trainers.Collaborative(Options(1, watcher, strength: 1, basis: null))
            .Fit(EventRow.LoadWithKeys(context, _board.Events));

        string[] stages = [.. watcher.Reports.Select(report => report.Stage)];
        Assert.That(stages.Where((stage, i) => i == 0 || stages[i - 1] != stage), Is.EqualTo((string[])
        [
            "din", "metapatch: candidates", "metapatch: factors", "metapatch: factors, for good",
            "momodistill: candidates", "momodistill: factors", "momodistill: factors, for good", "momodistill: teachers' cloud model", "momodistill: cloud model",
        ]));
        Assert.That(model.Patches!.NumberOfPatchedUsers, Is.Positive);
        Assert.That(model.Parameters.Encoder, Is.Null);
    }

    [Test]
    public void Fit_EndedInTheCloudModel_GoesOnToTheSameBytes()
    {
        MLContext context = new(seed: 1);
        string folder = Directory.CreateTempSubdirectory("dccl-checkpoint-").FullName;
        string path = Path.Combine(folder, "training.checkpoint");
        string Fit(IProgress<TrainingProgress>? progress, string? checkpoint) => context.DeviceCloud().Trainers.Collaborative(Options(0, progress, checkpoint))
            .Fit(EventRow.LoadWithKeys(context, _board.Events)).Parameters.Fingerprint;
        try
        {
            Watcher crash = new() { Reported = now => _ = now is { Stage: "metapatch: basis" } ? throw new TimeoutException() : now };
            Assert.That(() => Fit(crash, path), Throws.TypeOf<TimeoutException>());
            Watcher watcher = new();

            Assert.That(Fit(watcher, path), Is.EqualTo(Fit(progress: null, checkpoint: null)));
            Assert.That(watcher.Reports.Where(report => report.Stage == "din").Select(report => report.Loss), Has.None.Null, "the cloud model was there");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void Validate_EverythingWrong_NamesAllFaults()
    {
        Assert.That(
            () => new MLContext(seed: 1).DeviceCloud().Trainers.Collaborative(new CollaborativeTrainer.Options { NumberOfRounds = -1, DeviceFraction = 1 }),
            Throws.ArgumentException.With.Message.EqualTo(
                "CollaborativeTrainer.Options: NumberOfRounds must be at least 0, but is -1. DeviceFraction must be above 0 and less than 1, but is 1."));
    }

    private static CollaborativeTrainer.Options Options(int rounds, IProgress<TrainingProgress>? progress = null, string? checkpoint = null, double? strength = null, PatchBasisSource? basis = PatchBasisSource.Learned) => new()
    {
        NumberOfRounds = rounds,
        DeviceFraction = 0.4,
        Cloud = new DinTrainer.Options
        {
            Columns = new InteractionColumns("UserKey", "ItemKey", "Timestamp"),
            EmbeddingDimension = 6,
            HistoryLength = 6,
            ActivationUnitSize = 6,
            HiddenLayerSizes = [8, 6],
            NumberOfEpochs = 2,
            NumberOfValidationUsers = 0,
            BatchSize = 50,
            Run = new TrainingRunOptions { NumberOfThreads = 1, Progress = progress, CheckpointPath = checkpoint },
        },
        Patches = new MetaPatchTrainer.Options { Basis = basis, PatchSize = 3, BottleneckSize = 2, NumberOfBasisEpochs = 1, NumberOfSteps = 5, Strength = strength },
        Distillation = new MoMoDistillEstimator.Options { NumberOfEpochs = 1, NumberOfPatchEpochs = 1, NumberOfFolds = 2, StageTwoFraction = 0.3 },
    };
}
