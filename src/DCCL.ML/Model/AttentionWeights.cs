namespace DCCL.ML.Model;

/// <summary>How the scores of the activation unit become the weights of the history's items.</summary>
public enum AttentionWeights
{
    /// <summary>The weights are the softmax of the scores over the history and sum to one.</summary>
    Softmax,

    /// <summary>The weights are the scores themselves, which keeps the intensity of an interest (Zhou et al., KDD 2018, section 4.3).</summary>
    Plain,
}
