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
    /// None: besides the intercept, a patch weighs <see cref="MetaPatchTrainer.Options.PatchSize"/> less 1 factors of the item that is scored. They start
    /// from the leading singular vectors of who had what before the events that are new to the cloud model. What the options say of layers and bottleneck
    /// is not used.
    /// <para>
    /// Of events without labels a patch is the sum of the factors of all items that the user had, as the cloud model remembers and on the device, and the
    /// factors are learnt across users: such sums are to foresee the events that are new to the cloud model, on top of what it foresees. They learn from
    /// each user's earlier new events as long as that helps the later ones; a gate ranks these among all items and says how much of the sums is kept, one
    /// number for all users; and then they learn as long from all. Factors that a model has already stay as they are, and new events go into the sums; where
    /// the gate says nothing for sure, as much of them is kept as before. Such a patch is there to rank: its probabilities are not calibrated. There is no
    /// patch encoder: people without a patch get the cloud model.
    /// </para>
    /// <para>
    /// Of events with labels what was refused on the device is taken away from the sum; what was refused before it is not remembered. The factors learn to tell
    /// each new event from the user's next ones of the other label. Beside the sum there is the intercept that fits the user's new events, of which none is
    /// foreseen from itself. The later new events judge both, as patches on a basis are judged: how much of the sums is kept, the same for all, by pairs of a
    /// positive and a negative event of the same user, and then each user's patch by cross-entropy.
    /// </para>
    /// <para>Weights that a device learns are found by steps, as on a basis.</para>
    /// <para>
    /// Source: Cremonesi, Koren and Turrin, "Performance of recommender algorithms on top-n recommendation tasks", RecSys 2010 (PureSVD), for the sums; Kabbur,
    /// Ning and Karypis, "FISM: factored item similarity models for top-n recommender systems", KDD 2013, for what is learnt.
    /// </para>
    /// </summary>
    ItemFactors,
}
