using DCCL.ML.Model;
using DCCL.ML.Scoring;

namespace DCCL.ML.Recommendation;

/// <summary>Fills a batch with one user's history, profile and patch, and the items to choose from.</summary>
internal static class CandidateBatch
{
    /// <summary>Fills a batch, ready to be scored.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="model">The model that will score it.</param>
    /// <param name="user">The user's key value; 0 for a user whom the model does not know.</param>
    /// <param name="history">The item key values of the user's history, the oldest first.</param>
    /// <param name="candidates">The item key values to choose from.</param>
    /// <param name="profile">The user's profile, of the model's length; empty for what the model remembers.</param>
    /// <returns>Which of the models will answer.</returns>
    public static PatchStatus Fill(
        ScoringBatch batch,
        DeviceCloudPredictionTransformer model,
        int user,
        ReadOnlySpan<int> history,
        IReadOnlyList<int> candidates,
        ReadOnlySpan<float> profile)
    {
        BackboneArchitecture architecture = model.Parameters.Architecture;
        int length = Math.Min(history.Length, architecture.HistoryLength);
        batch.Resize(architecture, 1, candidates.Count, Math.Max(1, length), 1, model.PatchSelector.PatchSize);
        batch.History[0] = 0;
        BehaviorHistory.CopyRecent(history, batch.History.AsSpan(0, length));

        for (int i = 0; i < candidates.Count; i++)
        {
            batch.Items[i] = candidates[i];
        }

        Span<float> own = batch.Profiles.AsSpan(0, architecture.ProfileDimension);
        if (!profile.IsEmpty)
        {
            profile.CopyTo(own);
        }
        else if (user > 0)
        {
            model.History.GetProfile(user).CopyTo(own);
        }
        else
        {
            own.Clear();
        }

        PatchStatus status = model.PatchSelector.Select(
            user, batch.History.AsSpan(0, length), own, batch.Patches.AsSpan(0, model.PatchSelector.PatchSize));
        batch.NumberOfPatches = status is PatchStatus.Patched or PatchStatus.ColdStart ? 1 : 0;
        return status;
    }

    /// <summary>Scores what <see cref="Fill"/> has filled in: all candidates by the same model, the cloud model if the patch gives no numbers.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="status">Which of the models was to answer.</param>
    /// <param name="score">Scores a batch.</param>
    /// <returns>Which of the models has answered.</returns>
    public static PatchStatus Score(ScoringBatch batch, PatchStatus status, Action<ScoringBatch> score)
    {
        score(batch);
        if (batch.RefusedItems.Count == 0)
        {
            return status;
        }

        batch.NumberOfPatches = 0;
        score(batch);
        return PatchStatus.Cloud;
    }
}
