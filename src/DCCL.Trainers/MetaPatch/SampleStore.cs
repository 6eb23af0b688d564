using DCCL.Trainers.Torch;
using TorchSharp;

namespace DCCL.Trainers.MetaPatch;

/// <summary>The events that users' patches learn from, all encoded by the cloud model once.</summary>
/// <remarks>Immutable. Owns its tensors; they stay on the heap until disposed.</remarks>
internal sealed class SampleStore : IDisposable
{
    private SampleStore(int[] users, int[] counts, SampleChunk[] chunks)
    {
        Users = users;
        NumberOfEvents = counts;
        Chunks = chunks;
    }

    /// <summary>Gets the key values of the users who have events.</summary>
    public int[] Users { get; }

    /// <summary>Gets each user's number of events.</summary>
    public int[] NumberOfEvents { get; }

    public IReadOnlyList<SampleChunk> Chunks { get; }

    /// <summary>Encodes all chunks.</summary>
    /// <param name="encoder">The events.</param>
    /// <param name="parallel">Encodes chunks side by side; the result does not depend on how many.</param>
    public static SampleStore Create(SampleEncoder encoder, ParallelOptions parallel)
    {
        SampleChunk[] chunks = new SampleChunk[encoder.NumberOfChunks];
        Parallel.For(0, chunks.Length, parallel, i =>
        {
            TrainingRun.PrepareThread();
            chunks[i] = encoder.Encode(i);
        });
        return new SampleStore(encoder.Users, encoder.NumberOfEvents, chunks);
    }

    /// <summary>Copies the store with only the first negatives of each event.</summary>
    public SampleStore KeepNegatives(int negatives)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        return new SampleStore(Users, NumberOfEvents, [.. Chunks.Select(chunk => chunk.KeepNegatives(negatives))]);
    }

    public void Dispose()
    {
        foreach (SampleChunk chunk in Chunks)
        {
            chunk.Dispose();
        }
    }
}
