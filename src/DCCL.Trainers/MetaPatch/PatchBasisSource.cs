namespace DCCL.Trainers;

/// <summary>How the first basis of the patches is found.</summary>
public enum PatchBasisSource
{
    /// <summary>
    /// Learnt across users, so that patches from a user's earlier events predict the same user's later ones; if that does not
    /// help users who had no part in it, the random basis is kept.
    /// </summary>
    Learned,

    /// <summary>Drawn at random.</summary>
    Random,
}
