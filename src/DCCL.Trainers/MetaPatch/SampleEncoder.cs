using System.Runtime.InteropServices;
using DCCL.ML.Data;
using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MetaPatch;

/// <summary>
/// Divides the users whose patches learn into chunks, and encodes a chunk's events when it is asked for: users with similar numbers of
/// events lie in one chunk, so that little is padding.
/// </summary>
/// <remarks>
/// A chunk is the same each time: its negatives come from a generator of its own. Immutable and thread-safe. Owns nothing, so that what is
/// held in memory is what the callers have not disposed of.
/// </remarks>
internal sealed class SampleEncoder
{
    private const int EncodingBatch = 256;
    private readonly TorchBackbone _model;
    private readonly PatchTensors _patch;
    private readonly EventTable _events;
    private readonly NegativeSampler? _sampler;
    private readonly double _negativeWeight;
    private readonly int _perEvent;
    private readonly SeededRandom _random;
    private readonly List<(int User, int First, int Count)> _users;
    private readonly List<Range> _parts;

    /// <summary>Divides the users.</summary>
    /// <param name="model">The cloud model; nothing of it is changed.</param>
    /// <param name="patch">What is patched; nothing of it is changed, but where that begins.</param>
    /// <param name="events">The events, a user's one after the other in time order.</param>
    /// <param name="sampler">Draws negatives for events without labels.</param>
    /// <param name="pool">The number of negatives of each event.</param>
    /// <param name="negativeWeight">The weight of all negatives of an event together.</param>
    /// <param name="elements">The number of activations in a chunk at most, the memory cap.</param>
    /// <param name="random">Draws the negatives.</param>
    public SampleEncoder(
        TorchBackbone model, PatchTensors patch, EventTable events, NegativeSampler? sampler, int pool, double negativeWeight, long elements,
        SeededRandom random)
    {
        _model = model;
        _patch = patch;
        _events = events;
        _sampler = sampler;
        _negativeWeight = negativeWeight;
        _perEvent = sampler is null ? 1 : 1 + pool;
        _random = random;
        _users = events.GetUsers();
        _users.Sort((a, b) => a.Count != b.Count ? a.Count.CompareTo(b.Count) : a.User.CompareTo(b.User));
        _parts = Divide(_users, _perEvent * (long)patch.SampleWidth, elements);
        Users = [.. _users.Select(user => user.User)];
        NumberOfEvents = [.. _users.Select(user => user.Count)];
    }

    /// <summary>Gets the key values of the users who have events.</summary>
    public int[] Users { get; }

    /// <summary>Gets each user's number of events.</summary>
    public int[] NumberOfEvents { get; }

    /// <summary>Gets whether events say themselves whether they are positive; others have negatives drawn for them.</summary>
    public bool HasLabels => _sampler is null;

    public int NumberOfChunks => _parts.Count;

    /// <summary>Encodes the events of a chunk; the caller owns it.</summary>
    public SampleChunk Encode(int chunk)
    {
        using IDisposable noGradients = torch.no_grad();
        return Encode(_parts[chunk], _random.Fork((ulong)chunk));
    }

    private static List<Range> Divide(List<(int User, int First, int Count)> users, long elementsPerEvent, long elements)
    {
        List<Range> parts = [];
        for (int start = 0; start < users.Count;)
        {
            int end = start + 1;
            while (end < users.Count && (end + 1 - start) * users[end].Count * elementsPerEvent <= elements && users[end].Count <= (2 * users[start].Count) + 8)
            {
                end++;
            }

            parts.Add(start..end);
            start = end;
        }

        return parts;
    }

    private SampleChunk Encode(Range range, SeededRandom random)
    {
        (int start, int count) = range.GetOffsetAndLength(_users.Count);
        int samples = _users[start + count - 1].Count * _perEvent;
        int width = _patch.SampleWidth;
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
            (_, int first, int number) = _users[start + row];
            for (int place = 0; place < number; place++)
            {
                for (int sample = 0; sample < _perEvent; sample++)
                {
                    int at = (row * samples) + (place * _perEvent) + sample;
                    isEvents[at] = sample == 0 ? 1 : 0;
                    labels[at] = sample == 0 && _events.GetLabel(first + place) ? 1 : 0;
                    weights[at] = sample == 0 ? 1 : (float)(_negativeWeight / (_perEvent - 1));
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
            SamplesPerEvent = _perEvent,
        };
        foreach (Tensor tensor in (Tensor[])[chunk.Activation, chunk.Offset, chunk.Label, chunk.Weight, chunk.Position, chunk.IsEvent])
        {
            tensor.DetachFromDisposeScope();
        }

        return chunk;

        void EncodeBatch(List<(int Row, int Place)> places)
        {
            using DisposeScope inner = torch.NewDisposeScope();
            int[] indices = [.. places.Select(place => _users[start + place.Row].First + place.Place)];
            int[] negatives = new int[indices.Length * (_perEvent - 1)];
            for (int i = 0; i < indices.Length && _sampler is not null; i++)
            {
                _sampler.Sample(_events.Users[indices[i]], negatives.AsSpan(i * (_perEvent - 1), _perEvent - 1), random);
            }

            (Tensor encoded, Tensor bypass) = _patch.Encode(_model, _events.CreateBatch(indices, negatives));
            using Tensor z = encoded.contiguous();
            using Tensor share = bypass.contiguous();
            ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(z.bytes);
            ReadOnlySpan<float> shares = MemoryMarshal.Cast<byte, float>(share.bytes);
            Span<float> activations = MemoryMarshal.Cast<byte, float>(activation.bytes);
            Span<float> offsets = MemoryMarshal.Cast<byte, float>(offset.bytes);

            // A user's events stand one after the other in the batch as in the chunk.
            for (int first = 0, next; first < places.Count; first = next)
            {
                (int row, int place) = places[first];
                next = first + 1;
                while (next < places.Count && places[next].Row == row)
                {
                    next++;
                }

                int length = (next - first) * _perEvent;
                int to = (row * samples) + (place * _perEvent);
                values.Slice(first * _perEvent * width, length * width).CopyTo(activations.Slice(to * width, length * width));
                shares.Slice(first * _perEvent, length).CopyTo(offsets.Slice(to, length));
            }
        }
    }
}
