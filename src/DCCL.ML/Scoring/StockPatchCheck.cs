using DCCL.ML.Model;

namespace DCCL.ML.Scoring;

/// <summary>Refuses patches under which a score is not finite: Microsoft's transformers would give it out, where ours falls back.</summary>
/// <remarks>Only a patch of unheard-of size can do so; it alone is scored with every item. Not thread-safe. Owns a native session.</remarks>
internal sealed class StockPatchCheck(DeviceCloudPredictionTransformer model) : IDisposable
{
    // Learnt patches are of the order of 1, and a score is a product of the third degree of a patch's numbers at most.
    private const float Harmless = 1e3f;

    private readonly ScoringBatch _batch = new();
    private ModelScorer? _scorer;

    /// <summary>Checks one user's patch.</summary>
    /// <param name="user">The user's key value.</param>
    /// <param name="history">The user's history, most recent first.</param>
    /// <param name="profile">The user's profile.</param>
    /// <param name="patch">The patch.</param>
    /// <exception cref="ArgumentException">A score is not finite.</exception>
    public void Check(int user, ReadOnlySpan<long> history, ReadOnlySpan<float> profile, ReadOnlySpan<float> patch)
    {
        if (!patch.ContainsAnyExceptInRange(-Harmless, Harmless))
        {
            return;
        }

        BackboneArchitecture architecture = model.Parameters.Architecture;
        _batch.Resize(architecture, 1, architecture.NumberOfItems, Math.Max(1, history.Length), 1, patch.Length);
        for (int i = 0; i < architecture.NumberOfItems; i++)
        {
            _batch.Items[i] = i + 1;
        }

        _batch.History[0] = 0;
        history.CopyTo(_batch.History);
        profile.CopyTo(_batch.Profiles);
        patch.CopyTo(_batch.Patches);
        _scorer ??= new ModelScorer(model.Parameters, numberOfThreads: 1);
        _scorer.Score(_batch);
        if (_batch.RefusedItems.Count > 0)
        {
            string name = model.UserIds?[user - 1] ?? user.ToString(System.Globalization.CultureInfo.InvariantCulture);
            throw new ArgumentException(
                $"The patch of user '{name}' must give finite scores for Microsoft's transformers, which cannot fall back to the cloud model, "
                + $"but with {_batch.RefusedItems.Count} of {architecture.NumberOfItems} items it gives none. "
                + "Learn it again with MetaPatch, or leave it out with WithPatches.",
                nameof(user));
        }
    }

    public void Dispose() => _scorer?.Dispose();
}
