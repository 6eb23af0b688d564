using System.Runtime.InteropServices;
using DCCL.Trainers.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DCCL.Trainers.Torch;

/// <summary>A model and its replicas, one for each worker thread, among which a batch is divided.</summary>
/// <remarks>
/// The operations of a batch are too small for torch's own threads. Gradients are added in the order of the workers, so that the same
/// number of workers gives the same bits. Not thread-safe. Owns the replicas, not the model.
/// </remarks>
internal sealed class Replicas<TModel> : IDisposable
    where TModel : TorchBackbone
{
    private const int TwisterLength = 624;

    private readonly Worker[] _workers;

    /// <summary>Makes the replicas.</summary>
    /// <param name="model">The model; the gradients of all workers end up here.</param>
    /// <param name="count">The number of workers.</param>
    /// <param name="createGenerator">Makes a worker's generator of dropout masks.</param>
    public Replicas(TModel model, int count, Func<Generator> createGenerator)
    {
        _workers = [.. Enumerable.Range(0, count).Select(i =>
            new Worker(i == 0 ? model : (TModel)model.Replicate(), createGenerator(), IsReplica: i > 0))];
    }

    /// <summary>Computes the gradient of a batch, and leaves it on the model.</summary>
    /// <param name="count">The number of elements of the batch.</param>
    /// <param name="differentiate">Computes the loss of a range of them and calls backward; called from several threads at once.</param>
    /// <returns>The sum of the losses.</returns>
    public double Differentiate(int count, Func<TModel, Generator, Range, double> differentiate)
    {
        double[] losses = new double[_workers.Length];
        Parallel.For(0, _workers.Length, i =>
        {
            TrainingRun.PrepareThread();
            int first = count * i / _workers.Length;
            int last = count * (i + 1) / _workers.Length;
            if (first < last)
            {
                using DisposeScope scope = torch.NewDisposeScope();
                losses[i] = differentiate(_workers[i].Model, _workers[i].Generator, first..last);
            }
        });

        foreach (Worker worker in _workers.Where(worker => worker.IsReplica))
        {
            foreach ((string name, Parameter weight) in worker.Model.Weights)
            {
                _workers[0].Model.Weights[name].TakeGradient(weight);
            }
        }

        return losses.Sum();
    }

    /// <summary>Names the states of the generators; the weights are the model's.</summary>
    public void Transfer(CheckpointState state)
    {
        foreach (Worker worker in _workers)
        {
            using Tensor numbers = worker.Generator.get_state();
            state.Transfer(numbers.bytes);
            CheckNumbers(numbers.bytes);
            worker.Generator.set_state(numbers);
        }
    }

    // libtorch 2.10 ends the process over a state that cannot be: of a Mersenne twister, with the first seed (8 bytes), left, seeded (4 each) and next (8).
    private static void CheckNumbers(ReadOnlySpan<byte> state)
    {
        int left = MemoryMarshal.Read<int>(state[8..]);
        if (left is < 1 or > TwisterLength || MemoryMarshal.Read<int>(state[12..]) != 1 || MemoryMarshal.Read<ulong>(state[16..]) > TwisterLength)
        {
            throw new InvalidDataException("The state of random numbers must be one of a generator, but is not.");
        }
    }

    public void Dispose()
    {
        foreach (Worker worker in _workers)
        {
            worker.Generator.Dispose();
            if (worker.IsReplica)
            {
                worker.Model.Dispose();
            }
        }
    }

    private sealed record Worker(TModel Model, Generator Generator, bool IsReplica);
}
