using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace DCCL.Trainers;

/// <summary>Learns a patch for every user of a cloud model: thousands of people with thousands of models.</summary>
/// <remarks>
/// <para>
/// The input is the raw log of what happened on the devices, with the columns that the model's first estimator read: the chain's
/// mapping is applied to it. The output is a model of the same form as the one given, with patches inside.
/// </para>
/// <para>
/// A patch is a vector <c>theta</c> of <see cref="Options.PatchSize"/> numbers; <see cref="PatchArchitecture"/> has the equations.
/// It minimises the cross-entropy of the user's own events plus an L2 term towards its starting point: zero, or the patch that
/// the model already has. The patches of all users are learnt together, in batched products. Where a patch does not help on
/// held-back events, the user keeps the starting point. Events without labels are judged by where they stand in a ranking of all items, users of
/// similar activity together, and all users where patches are sums. Of events with labels, pairs of a positive and a negative one of the same user
/// judge the patch but for its intercept, for all users together, and the cross-entropy the whole; the intercept is solved for, as what is left is learnt
/// and judged.
/// <see cref="PatchBasisSource.ItemFactors"/>, the default, is another kind of patch: factors of the items are learnt
/// across users, and a user's patch is the sum of those of all items that the user had. Learning a patch is an addition.
/// </para>
/// <para>
/// Patches learn from events after the user's training cut-off, <see cref="BehaviorHistory.Cutoffs"/>: events that the
/// cloud model was fitted to can only make a patch over-fit. If there are no others, they are used all the same, with a warning;
/// but a model that has patches already, from MoMoDistill say, keeps them.
/// </para>
/// <para>Source: Yao et al., "Device-Cloud Collaborative Learning for Recommendation", KDD 2021, section 3.2,
/// https://arxiv.org/abs/2104.06624.</para>
/// <para>Thread-safe: a trainer holds only its options and the model.</para>
/// </remarks>
/// <example>
/// <code>
/// var fleet = mlContext.DeviceCloud().Trainers.MetaPatch(cloud).Fit(deviceLog);
/// </code>
/// </example>
public sealed partial class MetaPatchTrainer : IEstimator<ITransformer>
{
    private const int SizeOnBasis = 16;
    private const int SizeWithFactors = 33;
    private readonly IHostEnvironment _environment;
    private readonly ITransformer _model;
    private readonly Options _options;

    internal MetaPatchTrainer(IHostEnvironment environment, ITransformer model, Options options)
    {
        _environment = environment;
        options.Validate();
        _options = options;
        _model = model;
        IReadOnlyList<int> widths = model.DeviceCloudModel().Parameters.Architecture.PatchableLayerSizes;
        if (options.Layers is not null && options.Layers[^1] >= widths.Count)
        {
            throw new ArgumentException(
                $"MetaPatchTrainer.Options: {nameof(Options.Layers)} must be below {widths.Count}, the model's number of layers, but one is {options.Layers[^1]}.");
        }
    }

    /// <summary>Checks the columns of the raw log and says what the model will put out.</summary>
    /// <param name="inputSchema">The shape of the raw log's schema.</param>
    /// <returns>The input columns, what the other parts of the model add, and Score, Probability, PredictedLabel and PatchStatus.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => _model.CheckLog(inputSchema);

    /// <summary>Learns the patches from the log of the devices and what the model remembers of their users.</summary>
    /// <param name="input">The raw log of the devices.</param>
    /// <returns>The model with its patches, of the same form as the model given.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidDataException">A value of the log cannot be.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ITransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return _model.ReplaceDeviceCloudModel(Fit(_model.ReadLog(input, _options.Run.CancellationToken)));
    }

    /// <summary>Learns the patches from a log that has been read.</summary>
    internal DeviceCloudPredictionTransformer Fit(InteractionLog log)
    {
        DeviceCloudPredictionTransformer model = _model.DeviceCloudModel();
        using TrainingRun run = new(_environment, nameof(MetaPatchTrainer), _options.Run);
        TrainingLog.WarnOfUnknown(run, log);
        DeviceEvents device = DeviceEvents.Create(model, log);
        if (device.NumberOfNewEvents == 0)
        {
            string fitted = $"All {log.NumberOfEvents} events lie before the users' training cut-offs: the cloud model was fitted to them, and ";
            if (model.Patches is not null)
            {
                run.Warning(fitted + "its patches stay as they are. Pass later events.");
                return model;
            }

            run.Warning(fitted + "patches learnt from them help less. Pass later events, or train the cloud model with HoldBackFraction.");
        }

        return Train(run, model, device);
    }

    private DeviceCloudPredictionTransformer Train(TrainingRun run, DeviceCloudPredictionTransformer model, DeviceEvents device)
    {
        DeviceCloudModelParameters parameters = model.Parameters;
        BackboneArchitecture architecture = parameters.Architecture;
        EventTable events = EventTable.Create(
            device.Log, architecture.HistoryLength, architecture.ProfileDimension > 0,
            (user, index) => device.IsNew(user, index) && IsRecent(device.Log, user, index));
        if (events.Count == 0)
        {
            run.Warning("No event of the log has both a known user and item and something before it: nobody gets a patch.");
            return model;
        }

        run.Info($"{events.Count} events to learn patches from");
        using TorchBackbone module = Backbones.Create(parameters);
        InteractionLog known = device.Log.Where((user, index) => !device.IsNew(user, index)).WithPositivesOnly();
        PatchBasisSource best = known.NumberOfEvents == 0 ? PatchBasisSource.Learned : PatchBasisSource.ItemFactors;
        DeviceCloudPredictionTransformer fleet = Train(run, model, device, events, known, module, best);
        if (_options.Basis is null && parameters.Patch is null && fleet.Parameters.Patch?.NumberOfItemFactors > 0 && !WeighsFactors(fleet.Patches!))
        {
            run.Info("metapatch: sums of factors do not help, patches on a basis may");
            return Train(run, model, device, events, known, module, PatchBasisSource.Learned);
        }

        return fleet;
    }

    private DeviceCloudPredictionTransformer Train(
        TrainingRun run, DeviceCloudPredictionTransformer model, DeviceEvents device, EventTable events, InteractionLog known, TorchBackbone module,
        PatchBasisSource best)
    {
        DeviceCloudModelParameters parameters = model.Parameters;
        BackboneArchitecture architecture = parameters.Architecture;
        using TorchBackbone frozen = module.Replicate(frozen: true);
        PatchTraining training = new(run, _options, frozen);
        PatchArchitecture shape = GetShape(architecture, parameters.Patch, best);
        bool keepsBasis = parameters.Patch is not null && parameters.Patch.Equals(shape);
        float[]? factors = keepsBasis || shape.NumberOfItemFactors == 0 ? null : FindFactors(run, shape, known, events.HasLabels);
        if (factors is not null && !factors.AsSpan().ContainsAnyExcept(0f))
        {
            run.Warning("The model remembers no events from before those of the log, so that items have no factors: nobody gets a patch. Pass later events only.");
            return model;
        }

        using PatchTensors patch = keepsBasis
            ? new PatchTensors(shape, architecture, tensor => parameters[tensor.Name].ToArray())
            : PatchTensors.CreateRandom(shape, architecture, run.Random, factors);
        Lazy<NegativeSampler> sampler = new(() => new NegativeSampler(device.Log, seed: 0)); // factors that are kept need none
        if (!keepsBasis && shape.NumberOfBasisColumns > 0)
        {
            training.PrepareBasis(patch, events, sampler.Value);
        }

        UserPatches? start = keepsBasis ? model.Patches : null;
        BehaviorHistory history = BehaviorHistory.FromLog(device.Log, architecture, GetCutoffs(model.History, device.Log.NumberOfUsers));
        PatchEncoderArchitecture? encoder = keepsBasis ? parameters.Encoder : null;
        if (shape.NumberOfItemFactors > 0 && !events.HasLabels)
        {
            (float[] summed, double strength) = keepsBasis
                ? (patch.GetFactors(), _options.Strength ?? ChooseStrength(run, parameters, device.Log, events, frozen.NumberOfPairsToJudge, patch, start))
                : new FactorLearner(run, "metapatch", _options, frozen, device.Log, events, sampler.Value, shape.NumberOfItemFactors)
                    .LearnAndGate(patch.GetFactors(), parameters);
            using PatchTensors learnt = patch.WithFactors(summed, architecture);
            FactorSums sums = new(run, summed, shape.NumberOfItemFactors, _options);
            return model.WithModel(Combine(parameters, learnt, encoder), sums.Create(device.Log, events, start, strength), history);
        }

        if (shape.NumberOfItemFactors > 0)
        {
            return TrainLabelledSums(run, model, device, events, frozen, patch, keepsBasis, history);
        }

        DeviceCloudModelParameters patchable = Combine(parameters, patch, encoder);
        RankingGate? gate = events.HasLabels || shape.PatchSize == 1 || _options.Strength is not null
            ? null
            : new RankingGate(run, patchable, device.Log, events, _options.GateFraction, module.NumberOfPairsToJudge);
        UserPatches patches = training.CreateLearner(patch, training.Divide(events, sampler.Value, patch), start).Learn(history.NumberOfUsers, gate);
        return model.WithModel(patchable, patches, history);
    }

    private DeviceCloudPredictionTransformer TrainLabelledSums(
        TrainingRun run, DeviceCloudPredictionTransformer model, DeviceEvents device, EventTable events, TorchBackbone frozen, PatchTensors patch, bool keepsFactors,
        BehaviorHistory history)
    {
        DeviceCloudModelParameters parameters = model.Parameters;
        int numberOfFactors = patch.Architecture.NumberOfItemFactors;
        float[] early = patch.GetFactors();
        float[] full = early;
        if (!keepsFactors)
        {
            float[] first = early;
            FactorLearner learner = new(run, "metapatch", _options, frozen, device.Log, events, sampler: null, numberOfFactors);
            (early, int epochs) = learner.Learn(first);
            full = learner.Learn(first, epochs, _ => true);
        }

        using PatchTensors learnt = patch.WithFactors(full, parameters.Architecture);
        UserPatches patches = new LabelledSums(run, _options, frozen, device.Log, events).Create(
            new FactorSums(run, early, numberOfFactors, _options),
            new FactorSums(run, full, numberOfFactors, _options),
            keepsFactors ? _options.GateFraction : FactorLearner.JudgedFraction,
            keepsFactors ? model.Patches : null);
        return model.WithModel(Combine(parameters, learnt, keepsFactors ? parameters.Encoder : null), patches, history);
    }

    private static bool WeighsFactors(UserPatches patches) =>
        Enumerable.Range(1, patches.NumberOfUsers).Any(user => patches[user][1..].ContainsAnyExcept(0f));

    // Factors that are there already know nothing of the new events, so that all of these judge.
    private double ChooseStrength(
        TrainingRun run, DeviceCloudModelParameters parameters, InteractionLog log, EventTable events, long numberOfPairs, PatchTensors patch, UserPatches? start)
    {
        using SumGate gate = new(run, parameters, log, events, fraction: 1, numberOfPairs);
        return new FactorSums(run, patch.GetFactors(), patch.Architecture.NumberOfItemFactors, _options).ChooseStrength(gate, start);
    }

    private static DeviceCloudModelParameters Combine(DeviceCloudModelParameters cloud, PatchTensors patch, PatchEncoderArchitecture? encoder)
    {
        Dictionary<string, float[]> tensors = Backbones.GetWeights(cloud);
        foreach ((string name, float[] values) in patch.Export())
        {
            tensors.Add(name, values);
        }

        foreach (TensorShape tensor in encoder?.GetTensors(cloud.Architecture, patch.Architecture) ?? [])
        {
            tensors.Add(tensor.Name, cloud[tensor.Name].ToArray());
        }

        return new DeviceCloudModelParameters(cloud.Architecture, patch.Architecture, encoder, tensors);
    }

    private bool IsRecent(InteractionLog log, int user, int index) =>
        _options.MaximumNumberOfEvents == 0 || log.GetItems(user).Length - index <= _options.MaximumNumberOfEvents;

    // The leading singular vectors of who had what before the events that patches learn from, and that judge them.
    private float[] FindFactors(TrainingRun run, PatchArchitecture shape, InteractionLog known, bool hasLabels)
    {
        run.Info($"{shape.NumberOfItemFactors} factors of {known.NumberOfItems} items from {known.NumberOfEvents} earlier events");
        return FactorSums.FindFactors(known, shape.NumberOfItemFactors, _options.L2, hasLabels, run.Seed);
    }

    // As the options say, where they say nothing as the model has it, and where it has nothing as suits the backbone.
    private PatchArchitecture GetShape(BackboneArchitecture architecture, PatchArchitecture? present, PatchBasisSource best)
    {
        int layers = architecture.PatchableLayerSizes.Count;
        bool hasFactors = _options.Basis is { } basis
            ? basis == PatchBasisSource.ItemFactors
            : _options.PatchSize != 1 && (present is null ? best == PatchBasisSource.ItemFactors : present.NumberOfItemFactors > 0);
        bool isAsPresent = present is not null && hasFactors == present.NumberOfItemFactors > 0;
        int size = _options.PatchSize ?? (isAsPresent ? present!.PatchSize : hasFactors ? SizeWithFactors : SizeOnBasis);
        if (hasFactors)
        {
            // What comes before the last layer is the same for all.
            return new PatchArchitecture { PatchSize = size, NumberOfItemFactors = size - 1, Layers = [layers - 1] };
        }

        return new PatchArchitecture
        {
            PatchSize = size,
            BottleneckSize = _options.BottleneckSize,
            Activation = _options.Activation,
            Layers = size == 1 ? [] : _options.Layers ?? [.. Enumerable.Range(0, layers)],
        };
    }

    private static double[] GetCutoffs(BehaviorHistory history, int numberOfUsers)
    {
        double[] cutoffs = new double[numberOfUsers];
        Array.Fill(cutoffs, double.NegativeInfinity);
        history.Cutoffs.CopyTo(cutoffs);
        return cutoffs;
    }
}
