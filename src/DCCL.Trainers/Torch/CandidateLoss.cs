namespace DCCL.Trainers;

/// <summary>The loss of an event and its sampled negatives.</summary>
public enum CandidateLoss
{
    /// <summary>The mean binary cross-entropy over the event (label 1) and its negatives (label 0); scores are calibrated logits.</summary>
    BinaryCrossEntropy,

    /// <summary>The cross-entropy of the event among itself and its negatives; scores order items but are not calibrated.</summary>
    SampledSoftmax,
}
