using DCCL.Benchmarks.Evidence;
using DCCL.Benchmarks.Evidence.Personal;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers;
using DCCL.Trainers.Torch;

namespace DCCL.Benchmarks.Personalize;

/// <summary>Full fine-tuning as fast as it goes: all weights of a copy of the cloud model, five epochs over the user's own device events.</summary>
/// <remarks>
/// A copy of the weights, an optimiser of the user's own, batches made by hand, the trainers' own kernels, one thread, and nothing that does not
/// belong to it: no log is read and no transformer made. It draws negatives as the cloud model's training did. Not thread-safe; owns a model.
/// </remarks>
internal sealed class FineTuner : IUserTuner
{
    private const int NumberOfEpochs = 5;

    private readonly MethodContext _context;
    private readonly DeviceCloudModelParameters _cloud;
    private readonly Dictionary<string, float[]> _weights;
    private readonly TorchBackbone _module;
    private readonly CloudTraining.Settings _settings;

    /// <param name="context">The run.</param>
    /// <param name="cloud">The model to begin with.</param>
    public FineTuner(MethodContext context, DeviceCloudModelParameters cloud)
    {
        TorchNative.EnsureLoaded();
        DinTrainer.Options defaults = new();
        _context = context;
        _cloud = cloud;
        _weights = Backbones.GetWeights(cloud);
        _module = Backbones.Create(cloud);
        _settings = new CloudTraining.Settings(
            BatchSize: 32, LearningRate: 0, WeightDecay: 0, defaults.NumberOfNegatives, defaults.Loss, NumberOfThreads: 1);
    }

    public IReadOnlyList<double> Strengths => [1e-4, 5e-4, 2e-3];

    public DeviceCloudModelParameters? Tune(int user, double strength, int withoutLast = 0) => Train(user, strength, withoutLast)
        ? new DeviceCloudModelParameters(_cloud.Architecture, patch: null, encoder: null, _module.Export())
        : null;

    /// <summary>Makes this tuner's model the user's own.</summary>
    /// <param name="user">The user's key value.</param>
    /// <param name="learningRate">Adam's step size.</param>
    /// <param name="withoutLast">How many of the user's last device events to leave out.</param>
    /// <returns>Whether there was anything to learn.</returns>
    public bool Train(int user, double learningRate, int withoutLast = 0)
    {
        InteractionLog history = _context.Data.History;
        InteractionLog own = SingleUser.Take(history, user, 0, history.GetItems(user).Length - withoutLast);
        int first = _context.Data.GetFirstDeviceEvent(user);
        EventTable events = EventTable.Create(
            own, _cloud.Architecture.HistoryLength, _cloud.Architecture.ProfileDimension > 0, (_, index) => index >= first);
        if (events.Count == 0)
        {
            return false;
        }

        TrainingRun.PrepareThread();
        _module.Import(_weights);
        using CloudTraining training = new(
            _module, events, own, _settings with { LearningRate = learningRate }, new SeededRandom(_context.Seed).Fork((ulong)user));
        for (int epoch = 0; epoch < NumberOfEpochs; epoch++)
        {
            training.RunEpoch(_ => { });
        }

        return true;
    }

    public void Dispose() => _module.Dispose();
}
