namespace DCCL.ML.Device;

/// <summary>What a patch learns from, encoded once by the scoring graph: for each event its own item, then its negatives.</summary>
/// <param name="NumberOfEvents">The number of events.</param>
/// <param name="SamplesPerEvent">One, or one more than there are negatives.</param>
/// <param name="Width">The width of the first patched layer.</param>
/// <param name="Activation">Its activations [events, samples, width].</param>
/// <param name="Offset">The logits' shares that bypass the layers [events, samples].</param>
/// <param name="Label">1 for chosen, 0 for not [events, samples].</param>
/// <param name="Weight">The weights in the loss [events, samples].</param>
internal sealed record DeviceSamples(
    int NumberOfEvents, int SamplesPerEvent, int Width, float[] Activation, float[] Offset, float[] Label, float[] Weight)
{
    public int Count => NumberOfEvents * SamplesPerEvent;

    /// <summary>The samples of some events that follow each other.</summary>
    public DeviceSamples Slice(int firstEvent, int endEvent)
    {
        Range range = (firstEvent * SamplesPerEvent)..(endEvent * SamplesPerEvent);
        float[] activation = Activation[(range.Start.Value * Width)..(range.End.Value * Width)];
        return new DeviceSamples(endEvent - firstEvent, SamplesPerEvent, Width, activation, Offset[range], Label[range], Weight[range]);
    }

    /// <summary>All samples, some events among them of no weight.</summary>
    public DeviceSamples WithoutWeight(int firstEvent, int endEvent)
    {
        float[] weight = [.. Weight];
        weight.AsSpan((firstEvent * SamplesPerEvent)..(endEvent * SamplesPerEvent)).Clear();
        return this with { Weight = weight };
    }
}
