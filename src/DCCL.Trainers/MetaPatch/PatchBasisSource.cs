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
    /// singular vectors of who had what before the events that are new to the cloud model. 33 was better than 9, 17, 65 and 129 on validation events. What
    /// the options say of a basis is not used.
    /// <para>
    /// Of events without labels a patch is the sum of the factors of all items that the user had, as the cloud model remembers and on the device, and adds
    /// to a logit up to 4 times the projection on the singular vectors. How much of it is kept is one number for all users, for which a gate ranks
    /// events that are new to the cloud model, of everybody; where these say nothing for sure, it is what it was before. Such a patch is there to rank: its
    /// probabilities are not calibrated. There is no patch encoder: people without a patch get the cloud model.
    /// </para>
    /// <para>Weights for labelled events, and those that a device learns, are found by steps, as on a basis.</para>
    /// <para>Source: Cremonesi, Koren and Turrin, "Performance of recommender algorithms on top-n recommendation tasks", RecSys 2010 (PureSVD).</para>
    /// </summary>
    ItemFactors,
}
