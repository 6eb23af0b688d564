namespace DCCL.ML.Device;

/// <summary>Why a patch was not used, and the cloud model was instead.</summary>
public enum PatchRefusal
{
    /// <summary>It was used, or none was asked for.</summary>
    None,

    /// <summary>There is no patch of that person.</summary>
    NotFound,

    /// <summary>The file is not a patch, was cut off, or a bit of it has changed.</summary>
    Unreadable,

    /// <summary>The file holds more than one patch, or other values besides.</summary>
    TwoPatches,

    /// <summary>A value of the patch, or a score that it gives, is not a finite number.</summary>
    NotFinite,

    /// <summary>The patch was learnt on another model.</summary>
    OtherModel,

    /// <summary>The patch has another length than the model's patches.</summary>
    WrongSize,

    /// <summary><see cref="PatchedSessionOptions.PatchSource"/> failed; it is asked again at the next score.</summary>
    SourceFailed,
}
