using DCCL.Trainers.Checkpoints;

namespace DCCL.Trainers.Torch;

/// <summary>Fits a cloud model, an epoch at a time.</summary>
internal interface ICloudEpochs : IDisposable
{
    /// <summary>Gets the number of batches in an epoch.</summary>
    int NumberOfBatches { get; }

    /// <summary>Runs one epoch.</summary>
    /// <param name="batchDone">Called with the number of batches done; throws to stop.</param>
    /// <returns>The mean loss of an event.</returns>
    double RunEpoch(Action<int> batchDone);

    /// <summary>Names what the next epoch depends on, besides the weights and the run's random numbers.</summary>
    void Transfer(CheckpointState state);
}
