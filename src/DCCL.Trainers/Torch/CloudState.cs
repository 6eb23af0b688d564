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
    /// <summary>Gets the epochs that are done.</summary>
    public List<EpochResult> Epochs { get; } = [];

    /// <summary>Gets or sets the weights of the best of them; null if none is done.</summary>
    public Dictionary<string, float[]>? Best { get; set; }

    /// <summary>Names the fields.</summary>
    public void Transfer(CheckpointState state)
    {
        int count = state.Transfer(Epochs.Count);
        for (int i = 0; i < count; i++)
        {
            EpochResult epoch = state.IsReading ? default : Epochs[i];
            epoch = new EpochResult(state.Transfer(epoch.Loss), state.Transfer(epoch.Metric ?? double.NaN) is double metric && double.IsNaN(metric) ? null : metric);
            if (state.IsReading)
            {
                Epochs.Add(epoch);
            }
        }

        Best ??= count > 0 ? module.Export() : null; // room for what is read
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
