using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Scoring;

namespace DCCL.Benchmarks.Evidence;

/// <summary>A trained method, ready for the evaluator.</summary>
/// <remarks>Owns what it was made of. All kinds go through <see cref="ItemRankingEvaluator"/>: the same events, histories and masks.</remarks>
internal sealed class Contender : IDisposable
{
    private readonly IDisposable? _owned;

    private Contender(
        Func<InteractionLog, InteractionLog, RankingEvaluationOptions, RankingReport> evaluate, IItemScorer scorer, IDisposable? owned)
    {
        Evaluate = evaluate;
        Scorer = scorer;
        _owned = owned;
    }

    /// <summary>Gets what evaluates it on a history log and a test log.</summary>
    public Func<InteractionLog, InteractionLog, RankingEvaluationOptions, RankingReport> Evaluate { get; }

    /// <summary>Gets what scores items for it one moment at a time.</summary>
    public IItemScorer Scorer { get; }

    /// <summary>Gets a value indicating whether scores are logits, so that log loss and calibration mean something.</summary>
    public bool IsProbabilistic { get; init; } = true;

    /// <summary>Gets the number of users served with a patch or a model of their own.</summary>
    public int NumberOfPersonalizedUsers { get; init; }

    /// <summary>Makes one of a DCCL model; the contender disposes of it if it owns it.</summary>
    public static Contender Of(DeviceCloudPredictionTransformer model, bool owns)
    {
        return new Contender(
            (history, test, options) => ItemRankingEvaluator.Evaluate(model.Scorer, model.PatchSelector, history, test, options),
            new ModelItemScorer(model.Scorer, model.PatchSelector),
            owns ? model : null)
        {
            NumberOfPersonalizedUsers = model.Patches?.NumberOfPatchedUsers ?? 0,
        };
    }

    /// <summary>Makes one of anything that scores items.</summary>
    public static Contender Of(IItemScorer scorer, bool isProbabilistic, int numberOfPersonalizedUsers = 0) =>
        new((history, test, options) => ItemRankingEvaluator.Evaluate(scorer, history, test, options), scorer, scorer as IDisposable)
        {
            IsProbabilistic = isProbabilistic,
            NumberOfPersonalizedUsers = numberOfPersonalizedUsers,
        };

    public void Dispose() => _owned?.Dispose();
}
