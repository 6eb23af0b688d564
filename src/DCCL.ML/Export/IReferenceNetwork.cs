namespace DCCL.ML.Export;

/// <summary>A backbone computed with plain loops, as its architecture's equations say; what a patch does is not part of it.</summary>
internal interface IReferenceNetwork
{
    /// <summary>Computes the activation of layer 0.</summary>
    double[] GetFirstActivation(long item, ReadOnlySpan<long> history, ReadOnlySpan<float> profile);

    /// <summary>Computes the activation of a layer after the first.</summary>
    double[] Forward(int layer, double[] input);

    /// <summary>Computes what adds up to the logit, the item's bias aside.</summary>
    double[] GetLogitTerms(double[] activation);
}
