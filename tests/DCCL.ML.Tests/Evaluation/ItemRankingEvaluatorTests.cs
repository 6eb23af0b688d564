using CsCheck;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Evaluation;

/// <summary>The evaluator with a model that is a formula, so that every rank is known exactly.</summary>
public sealed class ItemRankingEvaluatorTests
{
    private const int HistoryLength = 4;

    [Test]
    public void Evaluate_RandomLogs_IsTheBruteForceDefinition()
    {
        IEnumerable<(int, int, bool, int)> cases = SeededCases.Take(Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 40], Gen.Bool, Gen.Int[1, 3]), 200);
        foreach ((int seed, int numberOfItems, bool withLabels, int numberOfThreads) in cases)
        {
            (InteractionLog history, InteractionLog test) = EvaluationLogs.CreateRandom(seed, 9, numberOfItems, withLabels);
            RankingReport report = Evaluate(
                Formula, numberOfItems, history, test, new RankingEvaluationOptions { NumberOfThreads = numberOfThreads });
            bool agrees = BruteForceEvaluator.Agrees(
                report,
                BruteForceEvaluator.Evaluate(
                    history, test, numberOfItems, (_, items, item) => Formula([.. items.Take(HistoryLength)], item)));
            Assert.That(agrees, Is.True, $"seed {seed}, {numberOfItems} items, labels {withLabels}, {numberOfThreads} threads");
        }
    }

    [Test]
    public void Rank_BatchesOfEverySize_GiveTheSameRanks()
    {
        (InteractionLog history, InteractionLog test) = EvaluationLogs.CreateRandom(3, 20, 30, withLabels: false);
        EvaluationPlan plan = EvaluationPlan.Create(history, test, 30, 0, new RankingEvaluationOptions());
        EvaluatedModel model = CreateModel(Formula, 30);
        double[] expected = [.. BruteForceEvaluator
            .Evaluate(history, test, 30, (_, items, item) => Formula([.. items.Take(HistoryLength)], item))
            .OrderBy(user => user.Key)
            .SelectMany(user => user.Value.Ranks.Select(rank => rank.Lowest))];
        foreach (int pairsPerBatch in new[] { 1, 2, 7, 29, 30, 31, 95, 1000 })
        {
            EventRanker ranker = new(model, pairsPerBatch);
            int groups = EventRanker.GetNumberOfGroups(model, pairsPerBatch);
            double[] ranks = new double[plan.RankedEvents.Length];
            for (int start = 0; start < ranks.Length; start += groups)
            {
                int count = Math.Min(groups, ranks.Length - start);
                ranker.Rank(plan, plan.RankedEvents.AsSpan(start, count), ranks.AsSpan(start, count));
            }

            Assert.That(ranks, Is.EqualTo(expected), $"{pairsPerBatch} pairs per batch");
        }
    }

    [Test]
    public void Evaluate_ConstantScores_DoNotRankFirst()
    {
        InteractionLog history = EvaluationLogs.Create(1, 21, false, (1, 21, 1, true));
        InteractionLog test = EvaluationLogs.Create(1, 21, false, (1, 5, 2, true));
        RankingReport report = Evaluate((_, _) => 0.7f, 21, history, test);

        // 20 items are left: the mean of the places 1 to 20.
        Assert.That(report.Users[0].Ranks.ToArray(), Is.EqualTo(new[] { 10.5 }));
        Assert.That(report.Overall.HitRate(10), Is.Zero);
    }

    [Test]
    public void Evaluate_NaNScores_EarnNothing()
    {
        InteractionLog history = EvaluationLogs.Create(1, 5, false, (1, 1, 1, true));
        InteractionLog test = EvaluationLogs.Create(1, 5, true, (1, 5, 2, true), (1, 4, 3, false));
        RankingReport report = Evaluate((_, _) => float.NaN, 5, history, test);
        Assert.Multiple(() =>
        {
            Assert.That(report.Overall.HitRate(10), Is.Zero);
            Assert.That(report.Overall.Ndcg(10), Is.Zero);
            Assert.That(report.Overall.MeanReciprocalRank, Is.Zero);
            Assert.That(report.Overall.AreaUnderRocCurve, Is.NaN);
            Assert.That((double?)report.ToJson("broken")["auc"], Is.Null);
        });
    }

    [Test]
    public void Evaluate_SeenItems_AreMaskedButNotTheTarget()
    {
        // Item n scores n. Seen before: 9 and 8 in the history (8 refused), then 7 in the test.
        InteractionLog history = EvaluationLogs.Create(1, 10, true, (1, 9, 1, true), (1, 8, 2, false));
        InteractionLog test = EvaluationLogs.Create(1, 10, true, (1, 6, 3, true), (1, 7, 4, false), (1, 5, 5, true), (1, 9, 6, true));
        RankingReport report = Evaluate((_, item) => item, 10, history, test);

        // Target 6: above it 7 and 10. Target 5: above it only 10, because 6, 7, 8 and 9 were seen. Target 9, seen before: only 10.
        Assert.That(report.Users[0].Ranks.ToArray(), Is.EqualTo(new[] { 3.0, 2.0, 2.0 }));

        // Ten items, less the others seen.
        Assert.That(report.NumberOfPairs, Is.EqualTo(8 + 6 + 6));
    }

    [Test]
    public void Evaluate_EventsOfTheTest_SeeTheTestEventsBeforeThem()
    {
        List<string> histories = [];
        InteractionLog history = EvaluationLogs.Create(1, 9, true, (1, 1, 1, true), (1, 2, 2, false), (1, 3, 3, true));
        InteractionLog test = EvaluationLogs.Create(1, 9, true, (1, 4, 4, true), (1, 5, 5, false), (1, 6, 6, true));
        Evaluate(
            (items, item) =>
            {
                histories.Add($"{item}<{string.Join(',', items)}");
                return 0;
            },
            9,
            history,
            test,
            new RankingEvaluationOptions { NumberOfThreads = 1 });
        Assert.Multiple(() =>
        {
            Assert.That(histories, Does.Contain("4<3,1"), "the refused item 2 is no history");
            Assert.That(histories, Does.Contain("5<4,3,1"), "the negative event is scored too");
            Assert.That(histories, Does.Contain("6<4,3,1"), "and is no history of the next one");
            Assert.That(histories, Does.Not.Contain("2<4,3,1"), "a refused item is masked");
        });
    }

    [Test]
    public void Evaluate_UnknownItems_AreLeftOutAndCounted()
    {
        // The model knows 3 items, the logs 5.
        InteractionLog history = EvaluationLogs.Create(2, 5, false, (1, 5, 1, true), (1, 1, 2, true), (2, 1, 1, true));
        InteractionLog test = EvaluationLogs.Create(2, 5, false, (1, 4, 3, true), (1, 2, 4, true), (2, 5, 3, true));
        RankingReport report = Evaluate((_, item) => -item, 3, history, test);
        Assert.Multiple(() =>
        {
            Assert.That(report.NumberOfUnknownItemEvents, Is.EqualTo(2));
            Assert.That(report.Users.Select(user => user.User), Is.EqualTo(new[] { 1 }));
            Assert.That(report.Users[0].Ranks.ToArray(), Is.EqualTo(new[] { 1.0 }));
            Assert.That(report.IsSampled, Is.False);
        });
    }

    [Test]
    public void Evaluate_MoreUsersThanAskedFor_SamplesWithALabel()
    {
        (InteractionLog history, InteractionLog test) = EvaluationLogs.CreateRandom(7, 200, 30, withLabels: false);
        RankingReport all = Evaluate(Formula, 30, history, test);
        RankingEvaluationOptions options = new() { NumberOfSampledUsers = 40, Seed = 3 };
        RankingReport sample = Evaluate(Formula, 30, history, test, options);
        RankingReport again = Evaluate((_, item) => item, 30, history, test, options);
        RankingReport other = Evaluate(Formula, 30, history, test, new RankingEvaluationOptions { NumberOfSampledUsers = 40, Seed = 4 });
        Assert.Multiple(() =>
        {
            Assert.That(all.IsSampled, Is.False);
            Assert.That(all.ToJson("all").ContainsKey("sampledFromUsers"), Is.False);
            Assert.That(sample.IsSampled, Is.True);
            Assert.That(sample.Users, Has.Count.EqualTo(40));
            Assert.That(sample.NumberOfTestUsers, Is.EqualTo(all.Users.Count));
            Assert.That((int?)sample.ToJson("sample")["sampledFromUsers"], Is.EqualTo(all.Users.Count));
            Assert.That(Users(again), Is.EqualTo(Users(sample)), "another model, the same users");
            Assert.That(Users(other), Is.Not.EqualTo(Users(sample)));
        });

        // A sampled user's results and quintile are those that the user has among all.
        Dictionary<int, UserEvaluation> byUser = all.Users.ToDictionary(user => user.User);
        foreach (UserEvaluation user in sample.Users)
        {
            Assert.That(user.Quintile, Is.EqualTo(byUser[user.User].Quintile));
            Assert.That(user.Ranks.ToArray(), Is.EqualTo(byUser[user.User].Ranks.ToArray()));
        }

        static int[] Users(RankingReport report) => [.. report.Users.Select(user => user.User)];
    }

    [Test]
    public void Evaluate_MorePairsThanAllowed_StaysBelowWithALabel()
    {
        (InteractionLog history, InteractionLog test) = EvaluationLogs.CreateRandom(7, 200, 30, withLabels: false);
        RankingReport sample = Evaluate(Formula, 30, history, test, new RankingEvaluationOptions { MaximumNumberOfPairs = 3000 });
        Assert.Multiple(() =>
        {
            // 100 events of 30 items at most; the first user who does not fit has at most four.
            Assert.That(sample.IsSampled, Is.True);
            Assert.That(sample.Overall.NumberOfRankedEvents, Is.InRange(97, 100));
            Assert.That(
                Evaluate(Formula, 30, history, test, new RankingEvaluationOptions { MaximumNumberOfPairs = 1 }).Users,
                Has.Count.EqualTo(1),
                "one user always");
        });
    }

    [Test]
    public void Evaluate_HistoryReachesIntoTheTest_Throws()
    {
        InteractionLog history = EvaluationLogs.Create(2, 5, false, (1, 1, 1, true), (2, 1, 9, true));
        InteractionLog test = EvaluationLogs.Create(2, 5, false, (1, 2, 3, true), (2, 2, 3, true));
        Assert.That(
            () => Evaluate(Formula, 5, history, test),
            Throws.ArgumentException.With.Message.EqualTo(
                "The history must end before the test begins, but it does not for 1 of 2 users, the first of key 2. "
                + "Give only events before the test as history, or only later events as test."));
    }

    [Test]
    public void Evaluate_HistoryHoldsTheTestEvents_Throws()
    {
        // The whole log as history, the last event of each user as test.
        InteractionLog history = EvaluationLogs.Create(2, 5, false, (1, 1, 1, true), (1, 2, 3, true), (2, 2, 3, true));
        InteractionLog test = EvaluationLogs.Create(2, 5, false, (1, 2, 3, true), (2, 2, 3, true));
        Assert.That(() => Evaluate(Formula, 5, history, test), Throws.ArgumentException.With.Message.Contains("2 of 2 users."));
    }

    [Test]
    public void Evaluate_NoProfiles_Throws()
    {
        (InteractionLog history, InteractionLog test) = EvaluationLogs.CreateRandom(1, 5, 5, withLabels: false);
        Assert.That(
            () => EvaluationPlan.Create(history, test, 5, profileDimension: 3, new RankingEvaluationOptions()),
            Throws.ArgumentException.With.Message.StartsWith("The logs must have the profiles of length 3"));
    }

    [Test]
    public void Evaluate_Cancelled_Throws()
    {
        (InteractionLog history, InteractionLog test) = EvaluationLogs.CreateRandom(1, 5, 5, withLabels: false);
        RankingEvaluationOptions options = new() { CancellationToken = new CancellationToken(canceled: true) };
        Assert.That(() => Evaluate(Formula, 5, history, test, options), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void Evaluate_ModelThrows_ThrowsTheSame()
    {
        (InteractionLog history, InteractionLog test) = EvaluationLogs.CreateRandom(1, 5, 5, withLabels: false);
        Assert.That(
            () => Evaluate((_, _) => throw new InvalidDataException("broken"), 5, history, test),
            Throws.InstanceOf<InvalidDataException>().With.Message.EqualTo("broken"));
    }

    [Test]
    public void Evaluate_Manifest_SaysWhatTheFiguresComeFrom()
    {
        (InteractionLog history, InteractionLog test) = EvaluationLogs.CreateRandom(1, 5, 5, withLabels: false);
        RankingEvaluationOptions options = new() { SplitDescription = "leave-last-out", Seed = 9, Cutoffs = [5, 20] };
        EvaluationManifest manifest = Evaluate(Formula, 5, history, test, options).Manifest;
        Assert.Multiple(() =>
        {
            Assert.That(manifest.TestFingerprint, Is.EqualTo(test.ComputeFingerprint()));
            Assert.That(manifest.HistoryFingerprint, Is.EqualTo(history.ComputeFingerprint()));
            Assert.That(manifest.TestFingerprint, Is.Not.EqualTo(manifest.HistoryFingerprint));
            Assert.That(manifest.ModelFingerprint, Is.EqualTo("formula"));
            Assert.That((string?)manifest.ToJson()["split"], Is.EqualTo("leave-last-out"));
            Assert.That((int?)manifest.ToJson()["seed"], Is.EqualTo(9));
            Assert.That(manifest.ToJson()["cutoffs"]!.ToJsonString(), Is.EqualTo("[5,20]"));
        });
    }

    [Test]
    public void Validate_EveryOptionWrong_NamesThemAll()
    {
        RankingEvaluationOptions options = new()
        {
            Cutoffs = [10, 0],
            MaximumNumberOfPairs = 0,
            NumberOfSampledUsers = 0,
            NumberOfThreads = -1,
        };
        Assert.That(
            options.Validate,
            Throws.ArgumentException.With.Message.EqualTo(
                "The evaluation options are invalid. Cutoffs must be one or more different numbers, each at least 1, but is [10, 0]. "
                + "MaximumNumberOfPairs must be at least 1, but is 0. NumberOfSampledUsers must be null or at least 1, but is 0. "
                + "NumberOfThreads must be null or at least 1, but is -1."));
    }

    // Depends on the order of the history and gives many equal scores.
    private static float Formula(int[] history, int item)
    {
        int sum = item * 7;
        for (int i = 0; i < history.Length; i++)
        {
            sum += history[i] * item * (i + 1);
        }

        return sum % 11 / 4f;
    }

    private static RankingReport Evaluate(
        Func<int[], int, float> score,
        int numberOfItems,
        InteractionLog history,
        InteractionLog test,
        RankingEvaluationOptions? options = null) =>
        ItemRankingEvaluator.Evaluate(CreateModel(score, numberOfItems), "formula", history, test, options);

    private static EvaluatedModel CreateModel(Func<int[], int, float> score, int numberOfItems)
    {
        DinArchitecture architecture = new() { NumberOfItems = numberOfItems, HistoryLength = HistoryLength };
        return new EvaluatedModel(architecture, 0, batch => Score(batch.Scoring), (_, _, _, _) => throw new InvalidOperationException("There are no patches."));

        void Score(ScoringBatch batch)
        {
            for (int i = 0; i < batch.NumberOfGroups * batch.NumberOfCandidates; i++)
            {
                ReadOnlySpan<long> history = batch.History.AsSpan(i / batch.NumberOfCandidates * batch.HistoryLength, batch.HistoryLength);
                batch.Scores[i] = score([.. history.ToArray().Where(item => item != 0).Select(item => (int)item)], (int)batch.Items[i]);
            }
        }
    }
}
