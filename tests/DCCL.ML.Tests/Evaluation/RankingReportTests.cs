using System.Text.Json.Nodes;
using DCCL.ML.Evaluation;
using NUnit.Framework;

namespace DCCL.ML.Tests.Evaluation;

public sealed class RankingReportTests
{
    [Test]
    public void Assign_Users_GivesFifthsOfEqualSizeByActivityThenKey()
    {
        int[] users = [10, 20, 30, 40, 50, 60, 70];
        int[] events = [5, 1, 1, 9, 1, 7, 1];

        // In order: 20, 30, 50, 70 with one event each, then 10, 60, 40. Place p of 7 is in fifth p * 5 / 7, rounded down.
        Assert.That(ActivityQuintiles.Assign(users, events), Is.EqualTo(new[] { 3, 1, 1, 5, 2, 4, 3 }));
    }

    [TestCase(1)]
    [TestCase(4)]
    [TestCase(5)]
    [TestCase(943)]
    public void Assign_AnyNumberOfUsers_SizesDifferByOneAtMost(int count)
    {
        int[] users = [.. Enumerable.Range(1, count)];
        int[] quintiles = ActivityQuintiles.Assign(users, [.. users.Select(user => user * 31 % 17)]);
        int[] sizes = [.. Enumerable.Range(1, 5).Select(quintile => quintiles.Count(other => other == quintile))];
        Assert.That(sizes.Max() - sizes.Min(), Is.LessThanOrEqualTo(1));
        Assert.That(sizes.Sum(), Is.EqualTo(count));
    }

    [Test]
    public void Overall_WorkedByHand_IsTheMeanOverEvents()
    {
        RankingReport report = CreateReport();
        Assert.Multiple(() =>
        {
            // Ranks 1, 3 and 20 of three events of two users.
            Assert.That(report.Overall.NumberOfUsers, Is.EqualTo(2));
            Assert.That(report.Overall.NumberOfRankedEvents, Is.EqualTo(3));
            Assert.That(report.Overall.HitRate(10), Is.EqualTo(2 / 3.0));
            Assert.That(report.Overall.Ndcg(10), Is.EqualTo(1.5 / 3));
            Assert.That(report.Overall.MeanReciprocalRank, Is.EqualTo((1 + (1 / 3.0) + 0.05) / 3).Within(1e-15));

            // Positives 1 and 3 against negatives 2 and 0: 1 beats 0, 3 beats both. User 1 alone: 1 against 2; user 2: 3 against 0.
            Assert.That(report.Overall.AreaUnderRocCurve, Is.EqualTo(0.75));
            Assert.That(report.Overall.AreaUnderRocCurvePerUser, Is.EqualTo(0.5));
            Assert.That(report.Overall.NumberOfUsersWithBothClasses, Is.EqualTo(2));
            Assert.That(report.Quintiles[0].NumberOfUsers, Is.EqualTo(1));
            Assert.That(report.Quintiles[0].HitRate(10), Is.EqualTo(1));
            Assert.That(report.Quintiles[2].NumberOfUsers, Is.Zero);
            Assert.That(report.Quintiles[2].HitRate(10), Is.NaN);
        });
    }

    [Test]
    public void ToJson_WithLabels_HasTheShapeOfTheQuickStartsFile()
    {
        JsonObject json = CreateReport().ToJson("cloud");
        Assert.Multiple(() =>
        {
            Assert.That(
                json.Select(pair => pair.Key),
                Is.EqualTo(new[] { "name", "users", "hr10", "ndcg10", "mrr", "auc", "gauc", "gaucUsers", "logLoss", "quintiles" }));
            Assert.That((string?)json["name"], Is.EqualTo("cloud"));
            Assert.That((int?)json["users"], Is.EqualTo(2));
            Assert.That((double?)json["hr10"], Is.EqualTo(2 / 3.0));
            Assert.That(json["quintiles"]!.AsArray(), Has.Count.EqualTo(5));
            Assert.That(
                json["quintiles"]![4]!.AsObject().Select(pair => pair.Key),
                Is.EqualTo(new[] { "quintile", "users", "hr10", "ndcg10", "mrr", "gauc" }));
            Assert.That((int?)json["quintiles"]![0]!["quintile"], Is.EqualTo(1));
            Assert.That(json["quintiles"]![2]!["hr10"], Is.Null, "no users, no figure");
        });
    }

    [Test]
    public void ToJson_WithoutLabels_LeavesTheirFiguresOut()
    {
        RankingReport report = new([CreateRanked(1, 1, 1)], TestManifest.Create(5, 10));
        Assert.Multiple(() =>
        {
            Assert.That(
                report.ToJson("cloud").Select(pair => pair.Key),
                Is.EqualTo(new[] { "name", "users", "hr5", "ndcg5", "hr10", "ndcg10", "mrr", "quintiles" }));
            Assert.That(report.ToJson("cloud").ToJsonString(), Does.StartWith("""{"name":"cloud","users":1,"hr5":1,"ndcg5":1,"""));
        });
    }

    [Test]
    public void WithIntercepts_MovesPooledFiguresOnly()
    {
        RankingReport report = CreateReport();
        RankingReport shifted = report.WithIntercepts(user => user == 1 ? 10 : 0);
        Assert.Multiple(() =>
        {
            // Positives 11 and 3 against negatives 12 and 0: each beats 0.
            Assert.That(shifted.Overall.AreaUnderRocCurve, Is.EqualTo(0.5));
            Assert.That(shifted.Overall.LogLoss, Is.GreaterThan(report.Overall.LogLoss));
            Assert.That(shifted.Overall.AreaUnderRocCurvePerUser, Is.EqualTo(report.Overall.AreaUnderRocCurvePerUser));
            Assert.That(shifted.Overall.MeanReciprocalRank, Is.EqualTo(report.Overall.MeanReciprocalRank));
            Assert.That(shifted.HasLabels, Is.True);
        });
    }

    [Test]
    public void Constructor_UserTwice_Throws() =>
        Assert.That(
            () => new RankingReport([CreateRanked(1, 1, 1), CreateRanked(1, 2, 1)], TestManifest.Create()),
            Throws.ArgumentException.With.Message.StartsWith("Each user must occur once, but user 1 occurs twice."));

    private static RankingReport CreateReport() =>
        new(
            [
                new UserEvaluation(2, 5, new[] { 20.0 }, new[] { 3f, 0f }, new[] { true, false }),
                new UserEvaluation(1, 1, new[] { 1.0, 3.0 }, new[] { 1f, 2f }, new[] { true, false }),
            ],
            TestManifest.Create())
        {
            HasLabels = true,
        };

    private static UserEvaluation CreateRanked(int user, int quintile, params double[] ranks) =>
        new(user, quintile, ranks, ReadOnlyMemory<float>.Empty, ReadOnlyMemory<bool>.Empty);
}
