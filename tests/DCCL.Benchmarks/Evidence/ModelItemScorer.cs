using DCCL.ML.Evaluation;
using DCCL.ML.Model;
using DCCL.ML.Scoring;

namespace DCCL.Benchmarks.Evidence;

/// <summary>A DCCL model, asked for one moment at a time.</summary>
internal sealed class ModelItemScorer(ModelScorer scorer, PatchSelector patches) : IItemScorer
{
    public string Name => scorer.Parameters.Fingerprint;

    public void Score(UserMoment moment, ReadOnlySpan<int> items, Span<float> scores)
    {
        BackboneArchitecture architecture = scorer.Parameters.Architecture;
        int length = Math.Clamp(moment.History.Length, 1, architecture.HistoryLength);
        ScoringBatch batch = new();
        batch.Resize(architecture, 1, items.Length, length, patches.PatchSize > 0 ? 1 : 0, patches.PatchSize);
        for (int i = 0; i < length; i++)
        {
            batch.History[i] = i < moment.History.Length ? moment.History[^(i + 1)] : 0;
        }

        for (int i = 0; i < items.Length; i++)
        {
            batch.Items[i] = items[i];
        }

        moment.Profile[..architecture.ProfileDimension].CopyTo(batch.Profiles);
        if (patches.PatchSize > 0)
        {
            patches.Select(moment.User, batch.History.AsSpan(0, length), moment.Profile[..architecture.ProfileDimension], batch.Patches);
        }

        scorer.Score(batch);
        batch.Scores.AsSpan(0, items.Length).CopyTo(scores);
    }
}
