using System.Numerics.Tensors;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.MoMoDistill;
using DCCL.Trainers.Torch;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace DCCL.Trainers;

/// <summary>Distils what all patched models know back into the cloud model, and adapts the patches to it: model over models.</summary>
/// <remarks>
/// <para>
/// Stage 1 trains the cloud model on with the events of cloud and devices, and towards each user's patched model as its teacher:
/// <c>CE(y, f(x)) + beta KL(f^(m)(x) || f(x))</c>. The teachers' cloud model is first trained on by itself, see
/// <see cref="Options.NumberOfTeacherEpochs"/>. Stage 2 keeps it fixed and learns the basis and the patch encoder
/// <c>U(theta, u)</c> in the same way, on device events that stage 1 left out. Learnt jointly the two fall into a poor optimum.
/// Every user's patch is then migrated to the new model, and <c>U(0, u)</c> serves users without one, if that helps users who had
/// no part in stage 2.
/// </para>
/// <para>
/// Patches that are sums of item factors (<see cref="PatchBasisSource.ItemFactors"/>) have no encoder. As teachers their factors are
/// learnt anew for each fold of the devices' events without it. Stage 2 keeps the factors, and half as much of the sums as before, with labels three
/// quarters, where the new cloud model has learnt from events that the old one had not seen: part of what they said it knows now by itself. With labels
/// the intercepts beside the sums have no part in teaching and stay as they are: a user's base rate is the patch's, and would count twice if the new model
/// learnt it.
/// </para>
/// <para>Source: Yao et al., "Device-Cloud Collaborative Learning for Recommendation", KDD 2021, section 3.3,
/// https://arxiv.org/abs/2104.06624.</para>
/// <para>Thread-safe: an estimator holds only its options and the model.</para>
/// </remarks>
/// <example>
/// <code>
/// var next = mlContext.DeviceCloud().Trainers.MoMoDistill(fleet).Fit(cloudLog, deviceLog);
/// </code>
/// </example>
public sealed partial class MoMoDistillEstimator : IEstimator<ITransformer>
{
    // A cloud model that has learnt from the devices' events knows by itself part of what sums of factors said on top of it. Chosen on validation events.
    private const double MigratedShare = 0.5;
    private const double LabelledMigratedShare = 0.75;

    private readonly IHostEnvironment _environment;
    private readonly ITransformer _model;
    private readonly Options _options;

    internal MoMoDistillEstimator(IHostEnvironment environment, ITransformer model, Options options)
    {
        _environment = environment;
        options.Validate();
        _options = options;
        _model = model;
        DeviceCloudPredictionTransformer fleet = model.DeviceCloudModel();
        if (fleet.Patches is null || fleet.Parameters.Patch is null)
        {
            throw new ArgumentException("The model must have patches to distil, but has none. Run MetaPatch first.", nameof(model));
        }
    }

    /// <summary>Checks the columns of the raw log and says what the model will put out.</summary>
    /// <param name="inputSchema">The shape of the raw log's schema.</param>
    /// <returns>The input columns, what the other parts of the model add, and Score, Probability, PredictedLabel and PatchStatus.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema) => _model.CheckLog(inputSchema);

    /// <summary>Distils from one log: a user's events after the training cut-off are the device's.</summary>
    /// <param name="input">The raw log of cloud and devices.</param>
    /// <returns>The new model with migrated patches, of the same form as the model given.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type, or no event lies after its user's cut-off.</exception>
    /// <exception cref="InvalidDataException">A value of the log cannot be.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before the end of the first epoch.</exception>
    public ITransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        DeviceCloudPredictionTransformer fleet = _model.DeviceCloudModel();
        BehaviorHistory history = fleet.History;
        InteractionLog log = Read(input);
        return _model.ReplaceDeviceCloudModel(Train(fleet, log, user =>
        {
            ReadOnlySpan<double> times = log.GetTimestamps(user);
            double cutoff = user <= history.NumberOfUsers ? history.Cutoffs[user - 1] : double.NegativeInfinity;
            int first = 0;
            while (first < times.Length && times[first] <= cutoff)
            {
                first++;
            }

            return first;
        }));
    }

    /// <summary>Distils from the log that the cloud model was trained on and the log of the devices after it.</summary>
    /// <param name="cloudLog">The raw log of the cloud.</param>
    /// <param name="deviceLog">The raw log of the devices; a user's events follow those of the cloud log.</param>
    /// <returns>The new model with migrated patches, of the same form as the model given.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidDataException">A value of a log cannot be.</exception>
    /// <exception cref="OperationCanceledException">Cancelled before the end of the first epoch.</exception>
    public ITransformer Fit(IDataView cloudLog, IDataView deviceLog)
    {
        ArgumentNullException.ThrowIfNull(cloudLog);
        ArgumentNullException.ThrowIfNull(deviceLog);
        return _model.ReplaceDeviceCloudModel(Fit(Read(cloudLog), Read(deviceLog)));
    }

    /// <summary>Distils from logs that have been read.</summary>
    internal DeviceCloudPredictionTransformer Fit(InteractionLog cloud, InteractionLog device) => Train(
        _model.DeviceCloudModel(), cloud.Merge(device), user => user <= cloud.NumberOfUsers ? cloud.GetItems(user).Length : 0);

    private InteractionLog Read(IDataView log) => _model.ReadLog(log, _options.Run.CancellationToken);

    private DeviceCloudPredictionTransformer Train(
        DeviceCloudPredictionTransformer fleet, InteractionLog log, Func<int, int> firstDeviceEvent)
    {
        using TrainingRun run = new(_environment, nameof(MoMoDistillEstimator), _options.Run);
        TrainingLog.WarnOfUnknown(run, log);
        DeviceCloudModelParameters parameters = fleet.Parameters;
        BackboneArchitecture architecture = parameters.Architecture;
        PatchArchitecture shape = parameters.Patch!;
        EventTable events = EventTable.Create(log, architecture.HistoryLength, architecture.ProfileDimension > 0, (_, _) => true);
        bool isSummed = shape is { NumberOfItemFactors: > 0, NumberOfBasisColumns: 0 };
        bool isRetraining = _options.TeacherWeight == 0 && _options.NumberOfPatchEpochs == 0;
        DistillationPlan plan = DistillationPlan.Create(
            events, firstDeviceEvent, _options.NumberOfFolds, !events.HasLabels && (isSummed || isRetraining) ? 0 : _options.StageTwoFraction, run.Random);
        if (plan.DeviceEvents.Length == 0)
        {
            throw new ArgumentException(
                $"The log must have events of the devices, but none of its {log.NumberOfEvents} events follows what the cloud model was fitted to.");
        }

        // Stage 1.
        CloudDistillation first = new(run, _options, events, log, plan);
        EventTable heldOut = events.Select(plan.StageTwo);
        using TorchBackbone old = Backbones.Create(parameters, _options.DropoutRate);
        using TorchBackbone oldFrozen = old.Replicate(frozen: true);
        using PatchTensors oldPatch = new(shape, architecture, tensor => parameters[tensor.Name].ToArray());
        bool hasPatches = fleet.Patches!.NumberOfPatchedUsers > 0;
        double share = isSummed && DeviceEvents.Create(fleet, log).NumberOfNewEvents > 0 ? events.HasLabels ? LabelledMigratedShare : MigratedShare : 1;
        PatchTraining teaching = new(run, _options.Patches, oldFrozen);

        // Patches learn on the old model, which has not seen the devices' events, and only then it is trained on.
        using SumTeachers? sums = isSummed && hasPatches && _options.TeacherWeight > 0
            ? CreateTeachers(run, oldFrozen, log, firstDeviceEvent, events, plan, fleet.Patches, oldPatch, share)
            : null;
        float[][]? foldPatches = isSummed || isRetraining ? null
            : hasPatches ? plan.CrossFit(teaching, oldPatch, events, log, fleet.Patches, run)
            : []; // Where nobody has a patch, nobody's is asked for.
        if (_options.TeacherWeight > 0 && hasPatches)
        {
            first.TrainTeacher(old);
        }

        using SampleStore? teacherStore = foldPatches is null ? null : teaching.Encode(heldOut, log, oldPatch, run.Random.Fork(3));
        Teachers? teachers = foldPatches is null
            ? null
            : Teachers.Create(teaching, oldFrozen, oldPatch, fleet.Patches, foldPatches, plan, events, teacherStore!);
        using TorchBackbone module = Backbones.Create(parameters, _options.DropoutRate);
        first.Train(module, isSummed ? sums : teachers);

        // Stage 2.
        if (isSummed && _options.NumberOfPatchEpochs > 0)
        {
            UserPatches patches = MigrateSums(run, log, plan.CountDeviceEvents(events).Keys, fleet.Patches, oldPatch, share);
            return CreateModel(fleet, log, module, oldPatch, encoder: [], encoderShape: null, (_, _) => patches);
        }

        using TorchBackbone frozen = module.Replicate(frozen: true);
        using PatchTensors patch = new(shape, architecture, tensor => parameters[tensor.Name].ToArray());
        using EncoderTensors encoder = new(
            new PatchEncoderArchitecture { HiddenSize = _options.EncoderSize }, architecture, shape, run.Random);
        PatchTraining training = new(run, _options.Patches, frozen);
        PatchDistillation second = new(run, _options, frozen, training, patch, encoder);
        if (teachers is not null && heldOut.Count > 0)
        {
            using SampleStore store = training.Encode(heldOut, log, patch, run.Random.Fork(3));
            second.Train(events, plan, store, teacherStore!, teachers);
        }

        return CreateModel(
            fleet, log, module, patch, encoder.Export(), encoder.Architecture with { ServesColdStart = second.ServesColdStart },
            (parameters, history) => Migrate(fleet, parameters, history, encoder.ColumnFactors, second));
    }

    // For each fold the factors learn anew without it, as long as suits earlier and later events of the devices.
    private SumTeachers CreateTeachers(
        TrainingRun run, TorchBackbone model, InteractionLog log, Func<int, int> firstDeviceEvent, EventTable events, DistillationPlan plan, UserPatches patches,
        PatchTensors patch, double share)
    {
        int numberOfFactors = patch.Architecture.NumberOfItemFactors;
        InteractionLog known = log.Where((user, index) => index < firstDeviceEvent(user)).WithPositivesOnly();
        float[] start = FactorSums.FindFactors(known, numberOfFactors, _options.Patches.L2, events.HasLabels, run.Seed);
        (InteractionLog had, EventTable device) = SelectSummed(model, log, firstDeviceEvent, events, plan);
        FactorLearner learner = new(
            run, "momodistill", _options.Patches, model, had, device, events.HasLabels ? null : new NegativeSampler(log, seed: 0), numberOfFactors);
        int[] folds = [.. plan.DeviceEvents.Select(index => plan.Folds[index])];
        (_, int epochs) = learner.Learn(start);
        float[][] factors = [.. Enumerable.Range(0, _options.NumberOfFolds).Select(fold => learner.Learn(
            start, epochs, place => folds[place] != fold && folds[place] != plan.StageTwoFold))];
        double strength = share * CreateSums(run, patch.GetFactors(), numberOfFactors).GetStrength(patches, had);
        float[][] sums = DistillationPlan.CrossSum(
            [.. factors.Select(own => CreateSums(run, own, numberOfFactors))], strength, device, folds, had, patches, run);
        return new SumTeachers(model, patches, factors, sums);
    }

    // What sums are over, and the devices' events of it. Nobody remembers what was refused before these.
    private static (InteractionLog Had, EventTable Device) SelectSummed(
        TorchBackbone model, InteractionLog log, Func<int, int> firstDeviceEvent, EventTable events, DistillationPlan plan)
    {
        if (!events.HasLabels)
        {
            return (log, events.Select(plan.DeviceEvents));
        }

        InteractionLog had = log.Where((user, index) => index >= firstDeviceEvent(user) || log.GetLabels(user)[index]);
        BackboneArchitecture architecture = model.Architecture;
        return (had, EventTable.Create(had, architecture.HistoryLength, architecture.ProfileDimension > 0, (user, index) =>
            index >= firstDeviceEvent(user) - (log.GetItems(user).Length - had.GetItems(user).Length)));
    }

    private FactorSums CreateSums(TrainingRun run, float[] factors, int numberOfFactors) => new(run, factors, numberOfFactors, _options.Patches);

    private UserPatches MigrateSums(TrainingRun run, InteractionLog log, IEnumerable<int> users, UserPatches old, PatchTensors patch, double share)
    {
        if (log.HasLabels)
        {
            return ScaleSums(old, log.NumberOfUsers, share);
        }

        FactorSums sums = CreateSums(run, patch.GetFactors(), patch.Architecture.NumberOfItemFactors);
        return sums.CreateTable(
            log,
            users.Union(Enumerable.Range(1, old.NumberOfUsers).Where(user => old.GetStatus(user) is PatchStatus.Patched or PatchStatus.Gated)),
            start: null,
            share * sums.GetStrength(old, log));
    }

    // With labels each user has an intercept beside the sum, and a strength.
    private static UserPatches ScaleSums(UserPatches old, int numberOfUsers, double share)
    {
        float[] values = new float[numberOfUsers * old.PatchSize];
        PatchStatus[] statuses = new PatchStatus[numberOfUsers];
        Array.Fill(statuses, PatchStatus.Cloud);
        for (int user = 1; user <= Math.Min(old.NumberOfUsers, numberOfUsers); user++)
        {
            Span<float> patch = values.AsSpan((user - 1) * old.PatchSize, old.PatchSize);
            TensorPrimitives.Multiply(old[user], (float)share, patch);
            patch[0] = old[user][0];
            statuses[user - 1] = old.GetStatus(user);
        }

        return new UserPatches(old.PatchSize, values, statuses);
    }

    private static DeviceCloudPredictionTransformer CreateModel(
        DeviceCloudPredictionTransformer fleet, InteractionLog log, TorchBackbone module, PatchTensors patch, Dictionary<string, float[]> encoder,
        PatchEncoderArchitecture? encoderShape, Func<DeviceCloudModelParameters, BehaviorHistory, UserPatches> patches)
    {
        BackboneArchitecture architecture = fleet.Parameters.Architecture;
        Dictionary<string, float[]> tensors = module.Export();
        foreach ((string name, float[] values) in patch.Export().Concat(encoder))
        {
            tensors.Add(name, values);
        }

        DeviceCloudModelParameters parameters = new(architecture, patch.Architecture, encoderShape, tensors);
        BehaviorHistory history = BehaviorHistory.FromLog(log, architecture, TrainingLog.GetCutoffs(log));
        return fleet.WithModel(parameters, patches(parameters, history), history);
    }

    // theta' = U(theta, u), gated. The basis has been rescaled, and U's addition with it, but not yet theta.
    private static UserPatches Migrate(
        DeviceCloudPredictionTransformer fleet, DeviceCloudModelParameters parameters, BehaviorHistory history, float[] columnFactors,
        PatchDistillation outcome)
    {
        UserPatches patches = fleet.Patches!;
        int size = patches.PatchSize;
        PatchEncoder encoder = new(parameters);
        float[] user = new float[encoder.UserSize];
        float[] start = new float[size];
        float[] values = new float[history.NumberOfUsers * size];
        PatchStatus[] statuses = new PatchStatus[history.NumberOfUsers];
        for (int i = 1; i <= history.NumberOfUsers; i++)
        {
            statuses[i - 1] = patches.GetStatus(i);
            if (statuses[i - 1] == PatchStatus.Patched)
            {
                encoder.TryGetUserVector(history.GetRecentItems(i, parameters.Architecture.HistoryLength), history.GetProfile(i), user);
                patches[i].CopyTo(start);
                Span<float> patch = values.AsSpan((i - 1) * size, size);
                encoder.Encode(start, user, patch);
                for (int k = 0; k < size; k++)
                {
                    patch[k] += (start[k] / columnFactors[k]) - start[k];
                }

                if (outcome.Strengths.TryGetValue(i, out int strength))
                {
                    PatchGate.Apply(new float[size], patch.ToArray(), strength, patch);
                    statuses[i - 1] = patch.ContainsAnyExcept(0f) ? PatchStatus.Patched : PatchStatus.Gated;
                }
            }
        }

        return new UserPatches(size, values, statuses);
    }
}
