using System.Diagnostics;
using DCCL.Benchmarks.Evidence;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Benchmarks.Personalize;

/// <summary>The strongest form of fine-tuning: an adapter of each user's own behind the first hidden layer, many users in one product.</summary>
/// <remarks>
/// Everything before the adapters is computed once for each event. <c>z + W_up tanh(W_down z)</c> with full matrices of each user's own, twenty
/// full-batch steps of Adam: what patches would be without a basis.
/// </remarks>
internal static class AdapterBatch
{
    private const int Layer = 0;
    private const int Rank = 8;
    private const int NumberOfSteps = 20;
    private const double LearningRate = 0.01;
    private const int SamplesPerBlock = 4096;

    /// <summary>Times the adapters of all users with device events.</summary>
    /// <returns>Users per second.</returns>
    public static double Time(MethodContext context, DeviceCloudModelParameters cloud)
    {
        MetaPatchTrainer.Options defaults = new();
        TorchNative.EnsureLoaded();
        TrainingRun.PrepareThread();
        using TorchBackbone module = Backbones.Create(cloud);
        using TorchBackbone frozen = module.Replicate(frozen: true);
        InteractionLog history = context.Data.History;
        Stopwatch watch = Stopwatch.StartNew();
        EventTable events = EventTable.Create(
            history, cloud.Architecture.HistoryLength, cloud.Architecture.ProfileDimension > 0,
            (user, index) => index >= context.Data.GetFirstDeviceEvent(user));
        using PatchTensors place = new(new PatchArchitecture { PatchSize = 1, Layers = [Layer] }, cloud.Architecture, _ => []);
        SampleEncoder encoder = new(
            frozen, place, events, events.HasLabels ? null : new NegativeSampler(history, seed: 0), defaults.NumberOfNegatives, defaults.NumberOfNegatives,
            defaults.ChunkSize, new SeededRandom(context.Seed));
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = context.Options.NumberOfThreads, CancellationToken = context.Cancellation };
        Parallel.For(0, encoder.NumberOfChunks, parallel, index =>
        {
            TrainingRun.PrepareThread();
            using DisposeScope scope = NewDisposeScope();
            using SampleChunk chunk = encoder.Encode(index);
            int rows = Math.Max(1, SamplesPerBlock / (int)chunk.Weight.shape[1]);
            SeededRandom random = new SeededRandom(context.Seed).Fork((ulong)index);
            for (int first = 0; first < chunk.Rows.Length; first += rows)
            {
                Learn(frozen, chunk.Narrow(first, Math.Min(rows, chunk.Rows.Length - first)), random);
            }
        });
        return encoder.Users.Length / watch.Elapsed.TotalSeconds;
    }

    private static void Learn(TorchBackbone model, SampleChunk chunk, SeededRandom random)
    {
        long users = chunk.Rows.Length;
        long width = chunk.Activation.shape[2];
        float[] down = [.. Enumerable.Range(0, (int)(users * Rank * width)).Select(_ => (float)(random.NextGaussian() / Math.Sqrt(width)))];
        float[] up = new float[down.Length];
        (float[] First, float[] Second) ofDown = (new float[down.Length], new float[down.Length]);
        (float[] First, float[] Second) ofUp = (new float[up.Length], new float[up.Length]);
        for (int step = 1; step <= NumberOfSteps; step++)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor narrow = tensor(down, [users, Rank, width], requires_grad: true);
            Tensor wide = tensor(up, [users, width, Rank], requires_grad: true);
            Tensor logits = model.Decode(
                chunk.Activation,
                chunk.Offset,
                Layer,
                (layer, z) => layer == Layer ? z.Plus(bmm(tanh(bmm(z, narrow.transpose(1, 2))), wide.transpose(1, 2))) : z,
                generator: null);
            IList<Tensor> gradients = autograd.grad([PatchSolver.Loss(chunk, logits, chunk.Weight).sum()], [narrow, wide]);
            Adam.Update(down, gradients[0].ToArray(), ofDown.First, ofDown.Second, step, LearningRate);
            Adam.Update(up, gradients[1].ToArray(), ofUp.First, ofUp.Second, step, LearningRate);
        }
    }
}
