using System.Diagnostics;
using DCCL.ML.Data;
using DCCL.Trainers.Checkpoints;
using TorchSharp.Modules;

namespace DCCL.Trainers.Torch;

/// <summary>What the next epoch of a cloud model's training depends on: all that a checkpoint holds.</summary>
/// <remarks>Not thread-safe. Owns nothing.</remarks>
/// <param name="module">The network.</param>
/// <param name="training">What fits it.</param>
/// <param name="random">The run's random numbers.</param>
internal sealed class CloudState(TorchBackbone module, ICloudEpochs training, SeededRandom random)
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private TimeSpan _earlier;

    /// <summary>Gets the epochs that are done.</summary>
    public List<EpochResult> Epochs { get; } = [];

    /// <summary>Gets or sets the weights of the best of them; null if none is done.</summary>
    public Dictionary<string, float[]>? Best { get; set; }

    /// <summary>Gets the time that they took, in all processes.</summary>
    public TimeSpan Elapsed => _earlier + _watch.Elapsed;

    /// <summary>Names the fields that say how far it is.</summary>
    /// <param name="state">The file.</param>
    /// <param name="epochs">The epochs that are done; what is read is added.</param>
    /// <param name="elapsed">The time that they took.</param>
    /// <returns>The time, as it is now.</returns>
    public static TimeSpan TransferProgress(CheckpointState state, List<EpochResult> epochs, TimeSpan elapsed)
    {
        int count = state.Transfer(epochs.Count);
        if (count < 1)
        {
            throw new InvalidDataException("At least one epoch must be done, but none is.");
        }

        for (int i = 0; i < count; i++)
        {
            EpochResult epoch = state.IsReading ? default : epochs[i];
            epoch = new EpochResult(state.Transfer(epoch.Loss), state.Transfer(epoch.Metric ?? double.NaN) is double metric && double.IsNaN(metric) ? null : metric);
            if (state.IsReading)
            {
                epochs.Add(epoch);
            }
        }

        long ticks = state.Transfer(elapsed.Ticks);
        return ticks is >= 0 and < long.MaxValue / 2 ? new TimeSpan(ticks) : throw new InvalidDataException("A time must be one, but is not.");
    }

    /// <summary>Names the fields.</summary>
    public void Transfer(CheckpointState state)
    {
        TimeSpan elapsed = TransferProgress(state, Epochs, Elapsed);
        _earlier = state.IsReading ? elapsed : _earlier;
        Best ??= Epochs.Count > 0 ? module.Export() : null; // room for what is read
        foreach ((string name, Parameter weight) in module.Weights)
        {
            float[] values = weight.ToArray();
            Transfer(state, values);
            weight.CopyFrom(values);
            Transfer(state, Best is null ? [] : Best[name]);
        }

        ulong[] numbers = random.GetState();
        state.Transfer(numbers.AsSpan());
        random.SetState(numbers);
        training.Transfer(state);
    }

    private static void Transfer(CheckpointState state, float[] weights)
    {
        state.Transfer(weights.AsSpan());
        if (state.IsReading && !Array.TrueForAll(weights, float.IsFinite))
        {
            throw new InvalidDataException("A weight must be finite, but is not.");
        }
    }
}
