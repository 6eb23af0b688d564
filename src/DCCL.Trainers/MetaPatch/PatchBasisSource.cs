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

    /// <summary>
    /// None: besides the intercept, a patch weighs <see cref="MetaPatchTrainer.Options.PatchSize"/> less 1 factors of the item that is scored, the leading
    /// singular vectors of who had what before the devices' events. Of events without labels a patch is the sum of the factors of what the user had
    /// on the device: what is added to a logit is then up to 8 times the projection on these vectors, and how much of it is kept is one number for
    /// all users. Nothing is learnt by steps. Pass all events since the cloud model was fitted, not only those since the last patches. Source: Cremonesi,
    /// Koren and Turrin, "Performance of recommender algorithms on top-n recommendation tasks", RecSys 2010, section 3.3 (PureSVD).
    /// </summary>
    ItemFactors,
}
