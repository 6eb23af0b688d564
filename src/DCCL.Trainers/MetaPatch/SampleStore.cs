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
    /// <param name="parallel">Encodes chunks side by side; the result does not depend on how many.</param>
    public static SampleStore Create(
        TorchBackbone model, int layer, EventTable events, NegativeSampler? sampler, int pool, double negativeWeight, long elements,
        SeededRandom random, ParallelOptions parallel)
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
        List<(Range Rows, SeededRandom Random)> parts = [];
        for (int start = 0; start < users.Count;)
        {
            int end = start + 1;
            while (end < users.Count && (end + 1 - start) * users[end].Count * perEvent * width <= elements && users[end].Count <= (2 * users[start].Count) + 8)
            {
                end++;
            }

            parts.Add((start..end, random.Fork((ulong)parts.Count)));
            start = end;
        }

        SampleChunk[] chunks = new SampleChunk[parts.Count];
        Parallel.For(0, chunks.Length, parallel, i =>
        {
            TrainingRun.PrepareThread();
            using IDisposable noGradients = torch.no_grad();
            chunks[i] = Encode(model, layer, events, users, parts[i].Rows, sampler, perEvent, negativeWeight, parts[i].Random);
        });
        return new SampleStore([.. users.Select(user => user.User)], [.. users.Select(user => user.Count)], chunks);
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
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor activation = torch.zeros(count, samples, width);
        Tensor offset = torch.zeros(count, samples);
        float[] labels = new float[count * samples];
        float[] weights = new float[count * samples];
        float[] positions = new float[count * samples];
        float[] isEvents = new float[count * samples];
        List<(int Row, int Place)> batch = [];
        for (int row = 0; row < count; row++)
        {
            (_, int first, int number) = users[start + row];
            for (int place = 0; place < number; place++)
            {
                for (int sample = 0; sample < perEvent; sample++)
                {
                    int at = (row * samples) + (place * perEvent) + sample;
                    isEvents[at] = sample == 0 ? 1 : 0;
                    labels[at] = sample == 0 && events.GetLabel(first + place) ? 1 : 0;
                    weights[at] = sample == 0 ? 1 : (float)(negativeWeight / (perEvent - 1));
                    positions[at] = (float)(place + 1) / number;
                }

                batch.Add((row, place));
                if (batch.Count == EncodingBatch || (row == count - 1 && place == number - 1))
                {
                    EncodeBatch(batch);
                    batch.Clear();
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

        void EncodeBatch(List<(int Row, int Place)> places)
        {
            using DisposeScope inner = torch.NewDisposeScope();
            int[] indices = [.. places.Select(place => users[start + place.Row].First + place.Place)];
            int[] negatives = new int[indices.Length * (perEvent - 1)];
            for (int i = 0; i < indices.Length && sampler is not null; i++)
            {
                sampler.Sample(events.Users[indices[i]], negatives.AsSpan(i * (perEvent - 1), perEvent - 1), random);
            }

            (Tensor z, Tensor bypass) = model.Encode(events.CreateBatch(indices, negatives), layer, generator: null);

            // A user's events stand one after the other in the batch as in the chunk.
            for (int first = 0, next; first < places.Count; first = next)
            {
                (int row, int place) = places[first];
                next = first + 1;
                while (next < places.Count && places[next].Row == row)
                {
                    next++;
                }

                int length = (next - first) * perEvent;
                activation.select(0, row).narrow(0, place * perEvent, length).copy_(z.narrow(0, first, next - first).view(length, width));
                offset.select(0, row).narrow(0, place * perEvent, length).copy_(bypass.narrow(0, first, next - first).flatten());
            }
        }
    }
}
