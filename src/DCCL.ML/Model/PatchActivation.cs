namespace DCCL.ML.Model;

/// <summary>The activation functions inside a patch.</summary>
public enum PatchActivation
{
    /// <summary>The hyperbolic tangent.</summary>
    Tanh,

    /// <summary>The rectifier, <c>max(x, 0)</c>.</summary>
    Relu,

    /// <summary>No function: the patch is a low-rank linear map.</summary>
    Identity,
}
