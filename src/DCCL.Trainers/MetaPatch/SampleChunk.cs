using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MetaPatch;

/// <summary>The samples of some users, one row a user, padded to the longest: what patches are learnt from, in one product for all.</summary>
/// <remarks>Owns its tensors.</remarks>
/// <param name="Rows">Which of the users to learn each row belongs to.</param>
/// <param name="Activation">The cloud model's activation of the first patched layer [users, samples, width].</param>
/// <param name="Offset">The logit's share that bypasses the layers [users, samples].</param>
/// <param name="Label">0 or 1 [users, samples].</param>
/// <param name="Weight">The weight in the loss, 0 for padding [users, samples].</param>
/// <param name="Position">The share of the user's events to learn from up to the sample's, in (0, 1], 1 for the last; 0 for padding [users, samples].</param>
internal sealed record SampleChunk(int[] Rows, Tensor Activation, Tensor Offset, Tensor Label, Tensor Weight, Tensor Position) : IDisposable
{
    /// <summary>Gets 1 for an event's own sample, 0 for a sampled negative or padding [users, samples].</summary>
    public required Tensor IsEvent { get; init; }

    /// <summary>Gets the number of samples that stand one after the other for each event: its own and its negatives.</summary>
    public required int SamplesPerEvent { get; init; }

    /// <summary>Gets some of the rows; a view, which belongs to the current dispose scope.</summary>
    public SampleChunk Narrow(int first, int count) => new(
        Rows[first..(first + count)],
        Activation.narrow(0, first, count),
        Offset.narrow(0, first, count),
        Label.narrow(0, first, count),
        Weight.narrow(0, first, count),
        Position.narrow(0, first, count))
    {
        IsEvent = IsEvent.narrow(0, first, count),
        SamplesPerEvent = SamplesPerEvent,
    };

    /// <summary>Copies the chunk with only the first negatives of each event, which take over the weight of the others.</summary>
    /// <param name="negatives">The number of negatives to keep.</param>
    public SampleChunk KeepNegatives(int negatives)
    {
        int kept = Math.Min(SamplesPerEvent, 1 + negatives);
        Tensor factors = torch.ones(kept);
        if (kept > 1)
        {
            factors.narrow(0, 1, kept - 1).Fill((SamplesPerEvent - 1.0) / (kept - 1));
        }

        SampleChunk chunk = new(Rows, Keep(Activation), Keep(Offset), Keep(Label), Keep(Weight) * factors.repeat(Weight.shape[1] / SamplesPerEvent), Keep(Position))
        {
            IsEvent = Keep(IsEvent),
            SamplesPerEvent = kept,
        };
        foreach (Tensor tensor in (Tensor[])[chunk.Activation, chunk.Offset, chunk.Label, chunk.Weight, chunk.Position, chunk.IsEvent])
        {
            tensor.DetachFromDisposeScope();
        }

        return chunk;

        Tensor Keep(Tensor tensor)
        {
            long[] rest = tensor.shape[2..];
            long events = tensor.shape[1] / SamplesPerEvent;
            return tensor.view([tensor.shape[0], events, SamplesPerEvent, .. rest]).narrow(2, 0, kept)
                .reshape([tensor.shape[0], events * kept, .. rest]).clone();
        }
    }

    public void Dispose()
    {
        Activation.Dispose();
        Offset.Dispose();
        Label.Dispose();
        Weight.Dispose();
        Position.Dispose();
        IsEvent.Dispose();
    }
}
