using DCCL.ML;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers;
using Microsoft.ML;

namespace DCCL.Benchmarks.Evidence;

/// <summary>The models of DCCL's stages for one cut and one seed, each trained when first asked for, by the public API alone.</summary>
/// <remarks>Methods share them, so that what is compared starts from the same cloud model. Not thread-safe. Owns the models.</remarks>
internal sealed class StageModels : IDisposable
{
    private readonly MLContext _ml;
    private readonly TrainingData _data;
    private readonly EvidenceOptions _options;
    private readonly TrainingRunOptions _run;
    private readonly string? _folder;
    private readonly Dictionary<string, ITransformer> _models = [];

    /// <param name="ml">The context.</param>
    /// <param name="data">What to learn from.</param>
    /// <param name="options">The run.</param>
    /// <param name="seed">The seed of all trainings.</param>
    /// <param name="folder">Where models are kept for a run that goes on later; null to keep none.</param>
    /// <param name="cancellation">Ends the training.</param>
    public StageModels(
        MLContext ml, TrainingData data, EvidenceOptions options, int seed, string? folder, CancellationToken cancellation)
    {
        _ml = ml;
        _data = data;
        _options = options;
        _folder = folder;
        Seed = seed;
        _run = new TrainingRunOptions { Seed = seed, NumberOfThreads = options.NumberOfThreads, CancellationToken = cancellation };
    }

    public int Seed { get; }

    /// <summary>Gets one model for everybody, which has seen the cloud log.</summary>
    public ITransformer Cloud => Get("cloud", TrainCloud);

    /// <summary>Gets the cloud model and one smoothed number per user.</summary>
    public ITransformer Intercept => Get("intercept", () => CreateMetaPatch(CreatePatchOptions(patchSize: 1)).Fit(_data.Device));

    /// <summary>Gets the cloud model and a patch per user, of the kind that is the default: DCCL-e.</summary>
    public ITransformer Patched => Get("patched", () => CreateMetaPatch(CreatePatchOptions()).Fit(_data.Device));

    /// <summary>Gets patches on a basis that was drawn and not learnt.</summary>
    public ITransformer RandomBasis => Get(
        "random-basis", () => CreateMetaPatch(CreatePatchOptions(basis: PatchBasisSource.Random)).Fit(_data.Device));

    /// <summary>Gets the cloud model and a patch per user on a basis that was learnt.</summary>
    public ITransformer BasisPatched => Get(
        "basis-patched", () => CreateMetaPatch(CreatePatchOptions(basis: PatchBasisSource.Learned)).Fit(_data.Device));

    /// <summary>Gets the cloud model trained on with all data, without teachers, as many steps as as many rounds of <see cref="Distilled"/>.</summary>
    /// <param name="rounds">At least 1.</param>
    public ITransformer Retrained(int rounds = 1) => Get(
        $"retrained-{rounds}",
        () => CreateMoMoDistill(rounds == 1 ? Patched : Retrained(rounds - 1), hasTeachers: false).Fit(_data.Cloud, _data.Device));

    /// <summary>Gets <see cref="Retrained"/> after one round, with the numbers per user of <see cref="Intercept"/>, as the way back brings them along.</summary>
    public ITransformer RetrainedIntercept => Get(
        "retrained-intercept", () => CreateMoMoDistill(Intercept, hasTeachers: false).Fit(_data.Cloud, _data.Device));

    /// <summary>Gets what comes out of a number of rounds of the way back, its patches included: DCCL-m.</summary>
    /// <param name="rounds">At least 1.</param>
    public ITransformer Distilled(int rounds = 1) => Get(
        $"distilled-{rounds}",
        () => CreateMoMoDistill(rounds == 1 ? Patched : Distilled(rounds - 1), hasTeachers: true).Fit(_data.Cloud, _data.Device));

    /// <summary>Gets what comes out of one round from <see cref="BasisPatched"/>: it has a patch encoder.</summary>
    public ITransformer BasisDistilled => Get(
        "basis-distilled", () => CreateMoMoDistill(BasisPatched, hasTeachers: true).Fit(_data.Cloud, _data.Device));

    /// <summary>Makes a copy of a model that gives everybody the patch that its encoder predicts; the copy's owner disposes of it.</summary>
    public static DeviceCloudPredictionTransformer WithPredictedPatches(ITransformer fleet)
    {
        DeviceCloudPredictionTransformer model = fleet.DeviceCloudModel();
        DeviceCloudModelParameters parameters = model.Parameters;
        PatchEncoderArchitecture encoder = parameters.Encoder
            ?? throw new ArgumentException("The model must have a patch encoder, but has none. Run MoMoDistill first.", nameof(fleet));
        Dictionary<string, float[]> tensors = parameters.TensorShapes.ToDictionary(shape => shape.Name, shape => parameters[shape.Name].ToArray());
        DeviceCloudModelParameters serving = new(
            parameters.Architecture, parameters.Patch, encoder with { ServesColdStart = true }, tensors);
        return model.WithModel(serving, UserPatches.CreateEmpty(model.History.NumberOfUsers, parameters.Patch!.PatchSize));
    }

    public void Dispose()
    {
        foreach (ITransformer model in _models.Values)
        {
            model.DeviceCloudModel().Dispose();
        }
    }

    private ITransformer Get(string name, Func<ITransformer> train)
    {
        if (_models.TryGetValue(name, out ITransformer? model))
        {
            return model;
        }

        string? path = _folder is null ? null : Path.Combine(_folder, $"{name}.zip");
        if (path is not null && File.Exists(path))
        {
            model = _ml.Model.Load(path, out _);
        }
        else
        {
            model = train();

            // A trainer that is cancelled hands over what it has: not the model that was asked for.
            _run.CancellationToken.ThrowIfCancellationRequested();
            if (path is not null)
            {
                Directory.CreateDirectory(_folder!);
                _ml.Model.Save(model, _data.Cloud.Schema, path + ".tmp");
                File.Move(path + ".tmp", path, overwrite: true);
            }
        }

        _models.Add(name, model);
        return model;
    }

    private ITransformer TrainCloud()
    {
        IDataView log = _data.Keys.Transform(_data.Cloud);
        IDataView? validation = _data.Validation is null ? null : _data.Keys.Transform(_data.Validation);
        return _data.Keys.Append(_options.Backbone == EvidenceOptions.SasRec
            ? CreateSasRec().Fit(log, validation)
            : CreateDin().Fit(log, validation));
    }

    private DinTrainer CreateDin()
    {
        DinTrainer.Options defaults = new();
        return _ml.DeviceCloud().Trainers.Din(new DinTrainer.Options
        {
            Columns = _data.Columns,
            NumberOfEpochs = _options.IsQuick ? 3 : defaults.NumberOfEpochs,
            NumberOfValidationUsers = _options.IsQuick ? 0 : defaults.NumberOfValidationUsers,
            Run = _run,
        });
    }

    private SasRecTrainer CreateSasRec()
    {
        SasRecTrainer.Options defaults = new();
        return _ml.DeviceCloud().Trainers.SasRec(new SasRecTrainer.Options
        {
            Columns = _data.Columns,
            NumberOfEpochs = _options.IsQuick ? 5 : defaults.NumberOfEpochs,
            NumberOfValidationUsers = _options.IsQuick ? 0 : defaults.NumberOfValidationUsers,
            Run = _run,
        });
    }

    private MetaPatchTrainer CreateMetaPatch(MetaPatchTrainer.Options options) => _ml.DeviceCloud().Trainers.MetaPatch(Cloud, options);

    private MoMoDistillEstimator CreateMoMoDistill(ITransformer fleet, bool hasTeachers)
    {
        MoMoDistillEstimator.Options defaults = new();
        return _ml.DeviceCloud().Trainers.MoMoDistill(fleet, new MoMoDistillEstimator.Options
        {
            TeacherWeight = hasTeachers ? defaults.TeacherWeight : 0,
            NumberOfEpochs = _options.IsQuick ? 1 : defaults.NumberOfEpochs,
            NumberOfTeacherEpochs = _options.IsQuick ? 1 : defaults.NumberOfTeacherEpochs,
            NumberOfPatchEpochs = !hasTeachers ? 0 : _options.IsQuick ? 3 : defaults.NumberOfPatchEpochs,
            NumberOfFolds = _options.IsQuick ? 2 : defaults.NumberOfFolds,
            Patches = CreatePatchOptions(),
            Run = _run,
        });
    }

    private MetaPatchTrainer.Options CreatePatchOptions(int? patchSize = null, PatchBasisSource? basis = null)
    {
        MetaPatchTrainer.Options defaults = new();
        return new MetaPatchTrainer.Options
        {
            PatchSize = patchSize,
            Basis = basis,
            NumberOfBasisEpochs = _options.IsQuick ? 3 : defaults.NumberOfBasisEpochs,
            Run = _run,
        };
    }
}
