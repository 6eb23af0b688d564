using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using NUnit.Framework;

namespace DCCL.ML.Tests.Evaluation;

public sealed class BootstrapTests
{
    [Test]
    public void Mean_ManySimulatedTests_CoversTheTruthAboutAsOftenAsItSays()
    {
        // 400 tests of 80 users, each user with a hit probability of its own and 1 to 4 events; the true HR@10 is 0.3, because
        // probability and number of events are independent.
        const int NumberOfTests = 400;
        SeededRandom random = new(11);
        int covered = 0;
        for (int test = 0; test < NumberOfTests; test++)
        {
            RankingReport report = Simulate(random, 80, _ => 0.3);
            ConfidenceInterval interval = Bootstrap.Mean(
                report, EvaluationMetric.HitRate(10), new BootstrapOptions { NumberOfResamples = 400, Seed = test });
            covered += interval.Lower <= 0.3 && 0.3 <= interval.Upper ? 1 : 0;
        }

        // The nominal coverage is 0.95. The percentile interval of a ratio over 80 users loses about 0.01 to skewness and to the
        // missing factor n/(n-1); the count over 400 tests has a standard deviation of sqrt(0.95 * 0.05 / 400) = 0.011.
        // Four of these: from 0.90 to 0.985.
        Assert.That(covered / (double)NumberOfTests, Is.InRange(0.90, 0.985));
    }

    [Test]
    public void Difference_UsersVaryMoreThanModels_IsNarrowerThanUnpaired()
    {
        SeededRandom random = new(5);
        RankingReport report = Simulate(random, 300, user => user % 2 == 0 ? 0.05 : 0.9);
        RankingReport baseline = CreateReport(report.Users.Select(user => new UserEvaluation(
            user.User, user.Quintile, Worsen(user), ReadOnlyMemory<float>.Empty, ReadOnlyMemory<bool>.Empty)));
        EvaluationMetric metric = EvaluationMetric.MeanReciprocalRank;

        ConfidenceInterval difference = Bootstrap.Difference(report, baseline, metric);
        double paired = GetWidth(difference);

        // Independent intervals add in squares.
        double unpaired = Math.Sqrt(
            Math.Pow(GetWidth(Bootstrap.Mean(report, metric)), 2) + Math.Pow(GetWidth(Bootstrap.Mean(baseline, metric)), 2));
        Assert.Multiple(() =>
        {
            Assert.That(difference.Estimate, Is.EqualTo(report.Overall[metric] - baseline.Overall[metric]).Within(1e-15));
            Assert.That(paired, Is.LessThan(unpaired / 2));
            Assert.That(difference.ExcludesZero, Is.True);
        });
    }

    [Test]
    public void Difference_WithItself_IsExactlyZero()
    {
        RankingReport report = Simulate(new SeededRandom(3), 50, _ => 0.4);
        Assert.That(Bootstrap.Difference(report, report, EvaluationMetric.Ndcg(10)), Is.EqualTo(new ConfidenceInterval(0, 0, 0)));
        Assert.That(new ConfidenceInterval(0, 0, 0).ExcludesZero, Is.False);
    }

    [Test]
    public void Mean_SameSeed_IsEqual_AnotherSeed_IsNot()
    {
        RankingReport report = Simulate(new SeededRandom(3), 50, _ => 0.4);
        ConfidenceInterval first = Bootstrap.Mean(report, EvaluationMetric.MeanReciprocalRank, new BootstrapOptions { Seed = 7 });
        ConfidenceInterval second = Bootstrap.Mean(report, EvaluationMetric.MeanReciprocalRank, new BootstrapOptions { Seed = 7 });
        ConfidenceInterval third = Bootstrap.Mean(report, EvaluationMetric.MeanReciprocalRank, new BootstrapOptions { Seed = 8 });
        Assert.That(second, Is.EqualTo(first));
        Assert.That(third, Is.Not.EqualTo(first));
        Assert.That(third.Estimate, Is.EqualTo(first.Estimate));
    }

    [Test]
    public void Mean_OneUser_HasNoWidth()
    {
        RankingReport report = CreateReport([CreateRanked(1, 1, 2, 100)]);

        // HR@10 of the ranks 2 and 100 is 1/2, whoever is drawn.
        Assert.That(Bootstrap.Mean(report, EvaluationMetric.HitRate(10)), Is.EqualTo(new ConfidenceInterval(0.5, 0.5, 0.5)));
    }

    [Test]
    public void Mean_TwoUsers_TakesTheMeanOverEventsOfTheDrawnUsers()
    {
        // Draws: user 1 twice (3 hits of 3, a quarter of the draws), both (3 of 4, half), user 2 twice (0 of 1, a quarter).
        RankingReport report = CreateReport([CreateRanked(1, 1, 1, 1, 1), CreateRanked(2, 5, 99)]);
        BootstrapOptions half = new() { ConfidenceLevel = 0.4, NumberOfResamples = 2000 };
        ConfidenceInterval interval = Bootstrap.Mean(report, EvaluationMetric.HitRate(10), half);

        // The percentiles 30 and 70 lie within the half of the draws that have both users.
        Assert.That(interval, Is.EqualTo(new ConfidenceInterval(0.75, 0.75, 0.75)));
        ConfidenceInterval wide = Bootstrap.Mean(report, EvaluationMetric.HitRate(10));
        Assert.That(wide, Is.EqualTo(new ConfidenceInterval(0.75, 0, 1)));
    }

    [Test]
    public void Mean_PooledArea_EachDrawIsTheAreaOfTheRepeatedEvents()
    {
        SeededRandom random = new(21);
        UserEvaluation[] users = [.. Enumerable.Range(1, 12).Select(user => CreateLabelled(random, user, 1 + (user % 4)))];
        List<double> expected = [];
        SeededRandom draws = new(4);
        for (int resample = 0; resample < 100; resample++)
        {
            UserEvaluation[] drawn = [.. users.Select(_ => users[draws.Next(users.Length)])];
            expected.Add(ClassificationMetrics.AreaUnderRocCurve(
                [.. drawn.SelectMany(user => user.Logits.ToArray())], [.. drawn.SelectMany(user => user.Labels.ToArray())]));
        }

        ConfidenceInterval interval = Bootstrap.Mean(
            CreateReport(users), EvaluationMetric.AreaUnderRocCurve, new BootstrapOptions { Seed = 4, NumberOfResamples = 100 });
        expected.Sort();

        // Of 100 sorted values, 0.025 of the way from the first to the last lies at 2.475.
        double lower = expected[2] + (0.475 * (expected[3] - expected[2]));
        double upper = expected[96] + (0.525 * (expected[97] - expected[96]));
        Assert.Multiple(() =>
        {
            // The interpolation multiplies and adds numbers below 1 in another order.
            Assert.That(interval.Lower, Is.EqualTo(lower).Within(1e-12));
            Assert.That(interval.Upper, Is.EqualTo(upper).Within(1e-12));
        });
    }

    [Test]
    public void Mean_EstimateOfEveryMetric_IsTheReportsFigure()
    {
        SeededRandom random = new(8);
        RankingReport report = CreateReport(Enumerable.Range(1, 30).Select(user => CreateLabelled(random, user, 5)));
        EvaluationMetric[] metrics =
        [
            EvaluationMetric.AreaUnderRocCurve, EvaluationMetric.AreaUnderRocCurvePerUser, EvaluationMetric.LogLoss,
        ];
        foreach (EvaluationMetric metric in metrics)
        {
            ConfidenceInterval interval = Bootstrap.Mean(report, metric);
            Assert.That(interval.Estimate, Is.EqualTo(report.Overall[metric]), metric.Name);
            Assert.That(interval.Lower, Is.LessThan(interval.Estimate), metric.Name);
            Assert.That(interval.Upper, Is.GreaterThan(interval.Estimate), metric.Name);
        }
    }

    [Test]
    public void Difference_RelativeAndQuintile_LookAtTheShareAndAtTheseUsersOnly()
    {
        RankingReport report = CreateReport([CreateRanked(1, 1, 1), CreateRanked(2, 5, 2)]);
        RankingReport baseline = CreateReport([CreateRanked(1, 1, 4), CreateRanked(2, 5, 2)]);
        BootstrapOptions least = new() { Quintile = 1, Relative = true };
        BootstrapOptions most = new() { Quintile = 5, Relative = true };

        // Reciprocal rank 1 against 1/4 in the first quintile, the same in the fifth.
        EvaluationMetric metric = EvaluationMetric.MeanReciprocalRank;
        Assert.That(Bootstrap.Difference(report, baseline, metric, least), Is.EqualTo(new ConfidenceInterval(3, 3, 3)));
        Assert.That(Bootstrap.Difference(report, baseline, metric, most), Is.EqualTo(new ConfidenceInterval(0, 0, 0)));
    }

    [Test]
    public void Difference_OtherUsersOrEvents_Throws()
    {
        RankingReport report = CreateReport([CreateRanked(1, 1, 1)]);
        RankingReport otherUser = CreateReport([CreateRanked(2, 1, 1)]);
        RankingReport otherEvents = CreateReport([CreateRanked(1, 1, 1, 1)]);
        foreach (RankingReport other in new[] { otherUser, otherEvents })
        {
            Assert.That(
                () => Bootstrap.Difference(report, other, EvaluationMetric.MeanReciprocalRank),
                Throws.ArgumentException.With.Message.EqualTo(
                    "The two reports must be of the same users and events, but are not. "
                    + "Evaluate both models on the same test and history logs, with the same options."));
        }
    }

    [Test]
    public void Mean_NoEventsForTheMetric_IsNaN()
    {
        ConfidenceInterval interval = Bootstrap.Mean(CreateReport([CreateRanked(1, 1, 1)]), EvaluationMetric.LogLoss);
        Assert.That(interval.Estimate, Is.NaN);
        Assert.That(interval.Lower, Is.NaN);
        Assert.That(interval.ExcludesZero, Is.False);
    }

    [Test]
    public void Validate_EveryOptionWrong_NamesThemAll()
    {
        BootstrapOptions options = new() { NumberOfResamples = 99, ConfidenceLevel = 1, Quintile = 6 };
        Assert.That(
            options.Validate,
            Throws.ArgumentException.With.Message.EqualTo(
                "The bootstrap options are invalid. NumberOfResamples must be at least 100, but is 99. "
                + "ConfidenceLevel must be greater than 0 and less than 1, but is 1. Quintile must be null or from 1 to 5, but is 6."));
    }

    [Test]
    public void ToString_IsTheSameInEveryCulture() =>
        Assert.That(new ConfidenceInterval(0.0123, -0.5, 1).ToString(), Is.EqualTo("0.0123 [-0.5000, 1.0000]"));

    private static RankingReport Simulate(SeededRandom random, int numberOfUsers, Func<int, double> hitProbability) =>
        CreateReport(Enumerable.Range(1, numberOfUsers).Select(user =>
        {
            double probability = hitProbability(user);
            double[] ranks = new double[1 + random.Next(4)];
            for (int i = 0; i < ranks.Length; i++)
            {
                ranks[i] = random.NextDouble() < probability ? 1 + random.Next(10) : 11 + random.Next(100);
            }

            return CreateRanked(user, 1, ranks);
        }));

    private static double[] Worsen(UserEvaluation user)
    {
        double[] ranks = user.Ranks.ToArray();
        for (int i = 0; i < ranks.Length; i++)
        {
            ranks[i] *= 1.1;
        }

        return ranks;
    }

    private static double GetWidth(ConfidenceInterval interval) => interval.Upper - interval.Lower;

    private static UserEvaluation CreateRanked(int user, int quintile, params double[] ranks) =>
        new(user, quintile, ranks, ReadOnlyMemory<float>.Empty, ReadOnlyMemory<bool>.Empty);

    private static UserEvaluation CreateLabelled(SeededRandom random, int user, int count)
    {
        float[] logits = new float[count];
        bool[] labels = new bool[count];
        for (int i = 0; i < count; i++)
        {
            labels[i] = random.Next(2) == 1;
            logits[i] = (random.Next(9) / 4f) - 1 + (labels[i] ? 0.5f : 0);
        }

        return new UserEvaluation(user, 1 + (user % 5), ReadOnlyMemory<double>.Empty, logits, labels);
    }

    private static RankingReport CreateReport(IEnumerable<UserEvaluation> users) => new(users, TestManifest.Create());
}
