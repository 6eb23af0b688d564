using System.Diagnostics;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Scoring;
using DCCL.Trainers;
using Microsoft.ML;

namespace QuickStart;

/// <summary>How good a stage is.</summary>
/// <param name="Name">The stage.</param>
/// <param name="Report">Its figures on the test period.</param>
/// <param name="NumberOfPatches">The number of users who are served with a patch of their own.</param>
/// <param name="Training">How long it trained.</param>
internal sealed record StageResult(string Name, RankingReport Report, int NumberOfPatches, TimeSpan Training);

/// <summary>The stages of device-cloud learning, each trained and evaluated: this is the code to copy from.</summary>
internal sealed class Stages(
    MLContext ml, QuickStartOptions options, EventData data, Periods periods, StageProgress progress, CancellationToken cancellation)
{
    private readonly List<StageResult> _results = [];
    private readonly TrainingRunOptions _run = new()
    {
        Seed = options.Seed,
        NumberOfThreads = options.NumberOfThreads,
        Progress = progress,
        CancellationToken = cancellation,
    };

    public IReadOnlyList<StageResult> Run()
    {
        // The cloud model: one for everybody.
        ITransformer cloud = Run("cloud", TrainCloud);

        // Devices: a patch for every user, learnt from what the user has done since. What users had before, the model remembers.
        // An intercept is the smallest of all patches.
        if (data.HasLabels)
        {
            Run("intercept", () => CreateMetaPatch(cloud, patchSize: 1).Fit(periods.Device));
        }

        ITransformer patched = Run("patched", () => CreateMetaPatch(cloud).Fit(periods.Device));

        // The way back: a better cloud model, taught by the patches. Without teachers it is the plain retraining that it has to beat.
        Run("retrained", () => CreateMoMoDistill(patched, hasTeachers: false).Fit(periods.Cloud, periods.Device), WithoutPatches);
        ITransformer distilled = Run(
            "distilled", () => CreateMoMoDistill(patched, hasTeachers: true).Fit(periods.Cloud, periods.Device), WithoutPatches);

        // The whole loop: the better model, with the patches that came along. MetaPatch goes on from them with the events to come.
        Run("loop", () => distilled);
        return _results;
    }

    private ITransformer TrainCloud()
    {
        // The catalogue and the list of customers are known when devices learn, so the keys are those of both periods: an item that is
        // new on the devices has an embedding for the later stages to train, instead of being dropped from their logs.
        ITransformer keys = ml.Transforms.Conversion.MapValueToKey("User", data.Columns.UserColumnName)
            .Append(ml.Transforms.Conversion.MapValueToKey("Item", data.Columns.ItemColumnName))
            .Fit(periods.BeforeTest);
        IDataView log = keys.Transform(periods.Cloud);
        IDataView? validation = periods.Validation is null ? null : keys.Transform(periods.Validation);
        InteractionColumns columns = data.Columns with { UserColumnName = "User", ItemColumnName = "Item" };
        return keys.Append(options.Backbone == QuickStartOptions.SasRecBackbone
            ? CreateSasRec(columns).Fit(log, validation)
            : CreateDin(columns).Fit(log, validation));
    }

    private DinTrainer CreateDin(InteractionColumns columns)
    {
        DinTrainer.Options defaults = new();
        return ml.DeviceCloud().Trainers.Din(new DinTrainer.Options
        {
            Columns = columns,
            NumberOfEpochs = options.IsQuick ? 3 : defaults.NumberOfEpochs,
            NumberOfValidationUsers = options.IsQuick ? 0 : defaults.NumberOfValidationUsers,
            Run = _run,
        });
    }

    private SasRecTrainer CreateSasRec(InteractionColumns columns)
    {
        SasRecTrainer.Options defaults = new();
        return ml.DeviceCloud().Trainers.SasRec(new SasRecTrainer.Options
        {
            Columns = columns,
            NumberOfEpochs = options.IsQuick ? 3 : defaults.NumberOfEpochs,
            NumberOfValidationUsers = options.IsQuick ? 0 : defaults.NumberOfValidationUsers,
            Run = _run,
        });
    }

    private MetaPatchTrainer CreateMetaPatch(ITransformer model, int? patchSize = null) =>
        ml.DeviceCloud().Trainers.MetaPatch(model, CreatePatchOptions(patchSize));

    private MoMoDistillEstimator CreateMoMoDistill(ITransformer fleet, bool hasTeachers)
    {
        MoMoDistillEstimator.Options defaults = new();
        return ml.DeviceCloud().Trainers.MoMoDistill(fleet, new MoMoDistillEstimator.Options
        {
            TeacherWeight = hasTeachers ? defaults.TeacherWeight : 0,
            NumberOfEpochs = options.IsQuick ? 1 : defaults.NumberOfEpochs,
            NumberOfTeacherEpochs = options.IsQuick ? 1 : defaults.NumberOfTeacherEpochs,
            NumberOfPatchEpochs = !hasTeachers ? 0 : options.IsQuick ? 5 : defaults.NumberOfPatchEpochs,
            NumberOfFolds = options.IsQuick ? 2 : defaults.NumberOfFolds,
            Patches = CreatePatchOptions(),
            Run = _run,
        });
    }

    private MetaPatchTrainer.Options CreatePatchOptions(int? patchSize = null)
    {
        MetaPatchTrainer.Options defaults = new();
        return new MetaPatchTrainer.Options
        {
            PatchSize = patchSize,
            NumberOfBasisEpochs = options.IsQuick ? 2 : defaults.NumberOfBasisEpochs,
            NegativePoolSize = options.IsQuick ? 4 : defaults.NegativePoolSize,
            NumberOfSteps = options.IsQuick ? defaults.NumberOfSteps / 2 : defaults.NumberOfSteps,
            Run = _run,
        };
    }

    /// <summary>Takes the patches off, those that the model would predict for people without one included.</summary>
    private static ITransformer WithoutPatches(ITransformer fleet) => fleet.ReplaceDeviceCloudModel(fleet.DeviceCloudModel().WithoutPatches());

    private ITransformer Run(string name, Func<ITransformer> train, Func<ITransformer, ITransformer>? serve = null)
    {
        progress.Start(name);
        Stopwatch watch = Stopwatch.StartNew();
        ITransformer model = train();
        TimeSpan training = watch.Elapsed;

        progress.StartEvaluation(name);
        ITransformer served = serve?.Invoke(model) ?? model;
        RankingReport report = ml.DeviceCloud().EvaluateRanking(served, periods.Test, periods.BeforeTest, new RankingEvaluationOptions
        {
            MaximumNumberOfPairs = options.IsQuick ? 1_000_000 : new RankingEvaluationOptions().MaximumNumberOfPairs,
            Seed = options.Seed,
            NumberOfThreads = options.NumberOfThreads == 0 ? null : options.NumberOfThreads,
            SplitDescription = periods.Description,
            CancellationToken = cancellation,
        });
        using DeviceCloudPredictionTransformer transformer = served.DeviceCloudModel();
        _results.Add(new StageResult(name, report, transformer.Patches?.NumberOfPatchedUsers ?? 0, training));
        progress.Finish(_results[^1]);
        return model;
    }
}
