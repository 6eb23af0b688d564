using DCCL.ML.Model;

namespace DCCL.ML.Evaluation;

/// <summary>What the evaluation needs to know of a model: its shape, how to score a batch, and who gets which patch.</summary>
/// <param name="Architecture">The network.</param>
/// <param name="PatchSize">The length of a patch; 0 to score with the cloud model alone.</param>
/// <param name="Score">Scores a batch; called by several threads at once, each with a batch of its own.</param>
/// <param name="SelectPatch">Writes a user's patch; not called if <paramref name="PatchSize"/> is 0.</param>
internal sealed record EvaluatedModel(BackboneArchitecture Architecture, int PatchSize, Action<EventBatch> Score, PatchSource SelectPatch)
{
    public int NumberOfItems => Architecture.NumberOfItems;

    /// <summary>Makes a model of a recommender that is none of ours: of the architecture only the sizes are read.</summary>
    public static EvaluatedModel Create(IItemScorer scorer, int numberOfItems, int profileDimension)
    {
        DinArchitecture sizes = new() { NumberOfItems = numberOfItems, HistoryLength = 1, ProfileDimension = profileDimension };
        return new EvaluatedModel(sizes, PatchSize: 0, batch => batch.ScoreWith(scorer), (_, _, _, _) => { });
    }
}

/// <summary>Writes the patch that a user is served with at one moment.</summary>
/// <param name="user">The user's key value.</param>
/// <param name="history">The history at that moment, the most recent item first, 0 for padding.</param>
/// <param name="profile">The profile; empty if the model has no profile input.</param>
/// <param name="patch">Receives the patch.</param>
internal delegate void PatchSource(int user, ReadOnlySpan<long> history, ReadOnlySpan<float> profile, Span<float> patch);
