using DCCL.ML.Data;
using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MetaPatch;

/// <summary>
/// The events that users' patches learn from, encoded once by the cloud model: users with similar numbers of events lie in one
/// chunk, so that little is padding.
/// </summary>
/// <remarks>Immutable. Owns its tensors; they stay on the heap until disposed.</remarks>
internal sealed class SampleStore : IDisposable
{
    private const int EncodingBatch = 256;

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

    /// <summary>Encodes events.</summary>
    /// <param name="model">The cloud model; nothing of it is changed.</param>
    /// <param name="layer">The first patched layer.</param>
    /// <param name="events">The events, a user's one after the other in time order.</param>
    /// <param name="sampler">Draws negatives for events without labels.</param>
    /// <param name="pool">The number of negatives of each event.</param>
    /// <param name="negativeWeight">The weight of all negatives of an event together.</param>
    /// <param name="elements">The number of activations in a chunk at most, the memory cap.</param>
    /// <param name="random">Draws the negatives.</param>
    public static SampleStore Create(
        TorchBackbone model, int layer, EventTable events, NegativeSampler? sampler, int pool, double negativeWeight, long elements, SeededRandom random)
    {
        List<(int User, int First, int Count)> users = [];
        for (int i = 0; i < events.Count; i++)
        {
            if (users.Count > 0 && users[^1].User == events.Users[i])
            {
                users[^1] = users[^1] with { Count = users[^1].Count + 1 };
            }
            else
            {
                users.Add((events.Users[i], i, 1));
            }
        }

        users.Sort((a, b) => a.Count != b.Count ? a.Count.CompareTo(b.Count) : a.User.CompareTo(b.User));
        int perEvent = sampler is null ? 1 : 1 + pool;
        long width = model.Architecture.PatchableLayerSizes[layer];
        List<SampleChunk> chunks = [];
        for (int start = 0; start < users.Count;)
        {
            int end = start + 1;
            while (end < users.Count && (end + 1 - start) * users[end].Count * perEvent * width <= elements && users[end].Count <= (2 * users[start].Count) + 8)
            {
                end++;
            }

            chunks.Add(Encode(model, layer, events, users, start..end, sampler, perEvent, negativeWeight, random));
            start = end;
        }

        return new SampleStore([.. users.Select(user => user.User)], [.. users.Select(user => user.Count)], [.. chunks]);
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

    private static SampleChunk Encode(
        TorchBackbone model, int layer, EventTable events, List<(int User, int First, int Count)> users, Range range,
        NegativeSampler? sampler, int perEvent, double negativeWeight, SeededRandom random)
    {
        (int start, int count) = range.GetOffsetAndLength(users.Count);
        int samples = users[start + count - 1].Count * perEvent;
        int width = model.Architecture.PatchableLayerSizes[layer];
        Tensor activation = torch.zeros(count, samples, width);
        Tensor offset = torch.zeros(count, samples);
        float[] labels = new float[count * samples];
        float[] weights = new float[count * samples];
        float[] positions = new float[count * samples];
        float[] isEvents = new float[count * samples];
        using IDisposable noGradients = torch.no_grad();
        for (int row = 0; row < count; row++)
        {
            (int user, int first, int number) = users[start + row];
            for (int i = 0; i < number; i += EncodingBatch)
            {
                int size = Math.Min(EncodingBatch, number - i);
                using DisposeScope scope = torch.NewDisposeScope();
                int[] indices = [.. Enumerable.Range(first + i, size)];
                int[] negatives = new int[size * (perEvent - 1)];
                sampler?.Sample(user, negatives, random);
                (Tensor z, Tensor bypass) = model.Encode(events.CreateBatch(indices, negatives), layer, generator: null);
                activation.select(0, row).narrow(0, i * perEvent, size * perEvent).copy_(z.view(-1, width));
                offset.select(0, row).narrow(0, i * perEvent, size * perEvent).copy_(bypass.flatten());
                for (int sample = 0; sample < size * perEvent; sample++)
                {
                    int at = (row * samples) + (i * perEvent) + sample;
                    bool isEvent = sample % perEvent == 0;
                    isEvents[at] = isEvent ? 1 : 0;
                    labels[at] = isEvent && events.GetLabel(indices[sample / perEvent]) ? 1 : 0;
                    weights[at] = isEvent ? 1 : (float)(negativeWeight / (perEvent - 1));
                    positions[at] = (float)(i + (sample / perEvent)) / number;
                }
            }
        }

        SampleChunk chunk = new(
            [.. Enumerable.Range(start, count)],
            activation,
            offset,
            torch.tensor(labels, count, samples),
            torch.tensor(weights, count, samples),
            torch.tensor(positions, count, samples))
        {
            IsEvent = torch.tensor(isEvents, count, samples),
            SamplesPerEvent = perEvent,
        };
        foreach (Tensor tensor in (Tensor[])[chunk.Activation, chunk.Offset, chunk.Label, chunk.Weight, chunk.Position, chunk.IsEvent])
        {
            tensor.DetachFromDisposeScope();
        }

        return chunk;
    }
}
