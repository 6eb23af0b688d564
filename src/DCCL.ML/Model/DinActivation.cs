namespace DCCL.ML.Model;

/// <summary>The activation functions a <see cref="DinArchitecture"/> can use.</summary>
public enum DinActivation
{
    /// <summary>Parametric ReLU, <c>max(x, 0) + slope * min(x, 0)</c>, one learnt slope per unit.</summary>
    PRelu,

    /// <summary>
    /// Dice, <c>g x + (1 - g) slope x</c> with <c>g = sigmoid((x - mean) / sqrt(variance + 1e-8))</c>, whose mean and
    /// variance are running statistics of the training data (Zhou et al., KDD 2018, equation 3).
    /// </summary>
    Dice,
}
