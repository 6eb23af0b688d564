using CsCheck;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Tests.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Evaluation;

/// <summary>The evaluator with a recommender that is none of ours.</summary>
public sealed class ItemScorerEvaluationTests
{
    [Test]
    public void Evaluate_RandomLogs_IsTheBruteForceDefinition()
    {
        IEnumerable<(int, int, bool, int)> cases = SeededCases.Take(Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 40], Gen.Bool, Gen.Int[1, 3]), 100);
        foreach ((int seed, int numberOfItems, bool withLabels, int numberOfThreads) in cases)
        {
            (InteractionLog history, InteractionLog test) = EvaluationLogs.CreateRandom(seed, 9, numberOfItems, withLabels, profileDimension: 2);
            RankingReport report = ItemRankingEvaluator.Evaluate(
                new Formula(history), history, test, new RankingEvaluationOptions { NumberOfThreads = numberOfThreads });
            bool agrees = BruteForceEvaluator.Agrees(
                report,
                BruteForceEvaluator.Evaluate(
                    history, test, numberOfItems, (user, items, item) => Formula.Score(user, [.. items.Reverse()], item)));
            Assert.That(agrees, Is.True, $"seed {seed}, {numberOfItems} items, labels {withLabels}, {numberOfThreads} threads");
        }
    }

    [Test]
    public void Evaluate_Manifest_HasTheScorersName()
    {
        (InteractionLog history, InteractionLog test) = EvaluationLogs.CreateRandom(1, 9, 10, withLabels: false);
        EvaluationManifest manifest = ItemRankingEvaluator.Evaluate(new Formula(history), history, test).Manifest;
        Assert.That(manifest.ModelFingerprint, Is.EqualTo("formula"));
        Assert.That(manifest.PatchFingerprint, Is.Null);
    }

    [Test]
    public void Evaluate_Moments_HoldNegativesAsItemsButNotAsHistory()
    {
        InteractionLog history = EvaluationLogs.Create(1, 9, true, (1, 1, 1, true), (1, 2, 2, false));
        InteractionLog test = EvaluationLogs.Create(1, 9, true, (1, 3, 3, false), (1, 4, 4, true));
        Formula formula = new(history);
        ItemRankingEvaluator.Evaluate(formula, history, test, new RankingEvaluationOptions { NumberOfThreads = 1 });
        Assert.That(formula.Moments.Distinct(), Is.EquivalentTo(new[] { "1,2|1", "1,2,3|1" }));
    }

    /// <summary>Scores that depend on the user, the history's order, and the item.</summary>
    private sealed class Formula(InteractionLog log) : IItemScorer
    {
        public string Name => "formula";

        public List<string> Moments { get; } = [];

        public static float Score(int user, int[] history, int item)
        {
            int sum = user;
            foreach (int past in history)
            {
                sum = ((sum * 31) + past) % 1009;
            }

            return (sum + (item * 7)) % 13;
        }

        public void Score(UserMoment moment, ReadOnlySpan<int> items, Span<float> scores)
        {
            lock (Moments)
            {
                Moments.Add($"{string.Join(',', moment.Items.ToArray())}|{string.Join(',', moment.History.ToArray())}");
            }

            Assert.That(moment.Profile.Length, Is.EqualTo(log.ProfileDimension));
            for (int i = 0; i < items.Length; i++)
            {
                scores[i] = Score(moment.User, moment.History.ToArray(), items[i]);
            }
        }
    }
}
