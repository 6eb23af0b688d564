using DCCL.Cli.Logs;
using DCCL.ML;
using DCCL.ML.Evaluation;
using DCCL.Trainers;
using Microsoft.ML;

namespace DCCL.Cli.Training;

/// <summary>The steps of device-cloud learning, as the verbs run them.</summary>
/// <param name="ml">The context.</param>
/// <param name="settings">How to train.</param>
/// <param name="progress">Is told how far it is.</param>
/// <param name="cancellation">Stops the work.</param>
/// <param name="checkpoint">The file of the state of a cloud model's training; null for none.</param>
internal sealed class ModelTraining(
    MLContext ml, TrainingSettings settings, IProgress<TrainingProgress>? progress, CancellationToken cancellation, string? checkpoint = null)
{
    /// <summary>The share of each user's events that a cloud model which gets all of them is not fitted to, so that patches can learn from them.</summary>
    public const double HoldBackFraction = 0.1;

    private readonly TrainingRunOptions _run = new()
    {
        Seed = settings.Seed,
        NumberOfThreads = settings.NumberOfThreads,
        Progress = progress,
        CancellationToken = cancellation,
        CheckpointPath = checkpoint,
    };

    /// <summary>Trains a cloud model.</summary>
    /// <param name="layout">What the columns mean.</param>
    /// <param name="known">The events whose users and items get a key.</param>
    /// <param name="log">The events to learn.</param>
    /// <param name="holdsBack">Whether the last events of each user are left to the patches.</param>
    public ITransformer TrainCloud(LogLayout layout, IDataView known, IDataView log, bool holdsBack)
    {
        ITransformer keys = ml.Transforms.Conversion.MapValueToKey("User", LogLayout.UserColumnName)
            .Append(ml.Transforms.Conversion.MapValueToKey("Item", LogLayout.ItemColumnName))
            .Fit(known);
        IDataView keyed = keys.Transform(log);
        double holdBack = holdsBack ? HoldBackFraction : 0;
        ITransformer model = settings.Backbone == TrainingSettings.SasRec
            ? CreateSasRec(layout, holdBack).Fit(keyed)
            : CreateDin(layout, holdBack).Fit(keyed);
        return keys.Append(model);
    }

    /// <summary>Learns a patch for every user of a log.</summary>
    /// <param name="model">The model.</param>
    /// <param name="deviceLog">What its users have had since; what they had before, the model remembers.</param>
    public ITransformer Personalize(ITransformer model, IDataView deviceLog) =>
        ml.DeviceCloud().Trainers.MetaPatch(model, CreatePatchOptions()).Fit(deviceLog);

    /// <summary>Distils the patches back into the cloud model.</summary>
    /// <param name="fleet">A model with patches.</param>
    /// <param name="cloudLog">What the cloud model was trained on; null where both periods are in the other log.</param>
    /// <param name="deviceLog">What came since.</param>
    public ITransformer Distill(ITransformer fleet, IDataView? cloudLog, IDataView deviceLog)
    {
        MoMoDistillEstimator.Options defaults = new();
        MoMoDistillEstimator estimator = ml.DeviceCloud().Trainers.MoMoDistill(fleet, new MoMoDistillEstimator.Options
        {
            NumberOfEpochs = settings.IsQuick ? 1 : defaults.NumberOfEpochs,
            NumberOfPatchEpochs = settings.IsQuick ? 5 : defaults.NumberOfPatchEpochs,
            NumberOfFolds = settings.IsQuick ? 2 : defaults.NumberOfFolds,
            Patches = CreatePatchOptions(),
            Run = _run,
        });
        return cloudLog is null ? estimator.Fit(deviceLog) : estimator.Fit(cloudLog, deviceLog);
    }

    /// <summary>Evaluates a model: every test event is ranked among all items that its user has not had.</summary>
    public RankingReport Evaluate(ITransformer model, IDataView test, IDataView? history, string description) =>
        ml.DeviceCloud().EvaluateRanking(model, test, history, new RankingEvaluationOptions
        {
            MaximumNumberOfPairs = settings.IsQuick ? 1_000_000 : new RankingEvaluationOptions().MaximumNumberOfPairs,
            Seed = settings.Seed,
            NumberOfThreads = settings.NumberOfThreads == 0 ? null : settings.NumberOfThreads,
            SplitDescription = description,
            CancellationToken = cancellation,
        });

    private DinTrainer CreateDin(LogLayout layout, double holdBack)
    {
        DinTrainer.Options defaults = new();
        return ml.DeviceCloud().Trainers.Din(new DinTrainer.Options
        {
            Columns = layout.KeyedColumns,
            NumberOfEpochs = settings.IsQuick ? 3 : defaults.NumberOfEpochs,
            NumberOfValidationUsers = settings.IsQuick ? 100 : defaults.NumberOfValidationUsers,
            HoldBackFraction = holdBack,
            Run = _run,
        });
    }

    private SasRecTrainer CreateSasRec(LogLayout layout, double holdBack)
    {
        SasRecTrainer.Options defaults = new();
        return ml.DeviceCloud().Trainers.SasRec(new SasRecTrainer.Options
        {
            Columns = layout.KeyedColumns,
            NumberOfEpochs = settings.IsQuick ? 3 : defaults.NumberOfEpochs,
            NumberOfValidationUsers = settings.IsQuick ? 100 : defaults.NumberOfValidationUsers,
            HoldBackFraction = holdBack,
            Run = _run,
        });
    }

    private MetaPatchTrainer.Options CreatePatchOptions()
    {
        MetaPatchTrainer.Options defaults = new();
        return new MetaPatchTrainer.Options
        {
            NumberOfBasisEpochs = settings.IsQuick ? defaults.NumberOfBasisEpochs / 10 : defaults.NumberOfBasisEpochs,
            Run = _run,
        };
    }
}
