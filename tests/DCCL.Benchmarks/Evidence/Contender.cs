using DCCL.Benchmarks.Evidence.Outcomes;
using DCCL.ML.Evaluation;
using DCCL.ML.Scoring;

namespace DCCL.Benchmarks.Evidence;

/// <summary>A trained method, ready for the evaluator.</summary>
/// <remarks>Owns what it was made of. All kinds go through <see cref="ItemRankingEvaluator"/>: the same events, histories and masks.</remarks>
internal sealed class Contender : IDisposable
{
    private readonly IDisposable? _owned;

    private Contender(Evaluation evaluate, IDisposable? owned)
    {
        Evaluate = evaluate;
        _owned = owned;
    }

    /// <summary>Evaluates on the test of a study.</summary>
    public delegate UserOutcome[] Evaluation(EvidenceStudy study, TestFacts facts, RankingEvaluationOptions options);

    /// <summary>Gets what evaluates it.</summary>
    public Evaluation Evaluate { get; }

    /// <summary>Gets a value indicating whether scores are logits, so that log loss and calibration mean something.</summary>
    public bool IsProbabilistic { get; init; } = true;

    /// <summary>Gets the number of users served with a patch or a model of their own.</summary>
    public int NumberOfPersonalizedUsers { get; init; }

    /// <summary>Makes one of a DCCL model; the contender disposes of it if it owns it.</summary>
    public static Contender Of(DeviceCloudPredictionTransformer model, bool owns) => new(
        (study, facts, options) => MethodEvaluator.Combine(
            ItemRankingEvaluator.Evaluate(model.Scorer, model.PatchSelector, study.Training.History, study.Test, options),
            facts,
            new ModelItemScorer(model.Scorer, model.PatchSelector),
            options),
        owns ? model : null)
    {
        NumberOfPersonalizedUsers = model.Patches?.NumberOfPatchedUsers ?? 0,
    };

    /// <summary>Makes one of anything that scores items.</summary>
    public static Contender Of(IItemScorer scorer, bool isProbabilistic) => new(
        (study, facts, options) => MethodEvaluator.Combine(
            ItemRankingEvaluator.Evaluate(scorer, study.Training.History, study.Test, options), facts, scorer, options),
        scorer as IDisposable)
    {
        IsProbabilistic = isProbabilistic,
    };

    /// <summary>Makes one that has a model for each user.</summary>
    public static Contender OfUsers(Evaluation evaluate, IDisposable owned, int numberOfUsers) =>
        new(evaluate, owned) { NumberOfPersonalizedUsers = numberOfUsers };

    public void Dispose() => _owned?.Dispose();
}
