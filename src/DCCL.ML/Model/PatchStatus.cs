namespace DCCL.ML.Model;

/// <summary>What a scored row got: which of the models answered, and why.</summary>
/// <remarks>The values are those of the <c>PatchStatus</c> key column, whose key values are the names.</remarks>
public enum PatchStatus
{
    /// <summary>Scored by the user's own patch.</summary>
    Patched = 1,

    /// <summary>The user's patch did not help on held-back events; scored by the cloud model.</summary>
    Gated = 2,

    /// <summary>The user never trained a patch; scored by the patch that the patch encoder predicts for the user.</summary>
    ColdStart = 3,

    /// <summary>
    /// The user never trained a patch and there is no patch encoder, or the user's patch gives no finite score; scored by the cloud model.
    /// </summary>
    Cloud = 4,

    /// <summary>The user key is missing; scored by the cloud model on the row's history, or on none.</summary>
    UnknownUser = 5,

    /// <summary>The item key is missing, so that the score is NaN.</summary>
    UnknownItem = 6,
}
