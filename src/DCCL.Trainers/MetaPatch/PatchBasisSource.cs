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
    /// singular vectors of who had what before the events that patches learn from. 33 was better than 16 and 65 on validation events.
    /// <para>
    /// Of events without labels a patch is the sum of the factors of all that the user had, what the cloud model remembers and the device's, and adds to a
    /// logit up to 4 times the projection on the singular vectors; how much of it is kept is one number for all users. It is there to rank: its
    /// probabilities are not calibrated. Each time patches are made anew, of all events: pass all since the cloud model was fitted. Weights for labelled
    /// events, and those that a device learns, are found by steps, as on a basis.
    /// </para>
    /// <para>Source: Cremonesi, Koren and Turrin, "Performance of recommender algorithms on top-n recommendation tasks", RecSys 2010 (PureSVD).</para>
    /// </summary>
    ItemFactors,
}
