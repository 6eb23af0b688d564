using System.Collections.Concurrent;
using DCCL.ML.Model;
using DCCL.ML.Recommendation;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Recommendation;

public sealed class RecommenderTests
{
    private static readonly RecommendationOptions _withSeen = new() { ExcludesSeen = false };

    [Test]
    public void Recommend_EveryUser_GivesTheScoresAndStatusesOfTransform([Values] bool servesColdStart, [Values(0, 2)] int profileDimension)
    {
        MLContext context = new(seed: 1);
        DeviceCloudPredictionTransformer model = SmallModel.Create(servesColdStart, profileDimension);
        using Recommender recommender = context.DeviceCloud().CreateRecommender(model);
        SmallModel.Pair[] pairs = SmallModel.AllPairs();
        IDataView scored = model.Transform(context.Data.LoadFromEnumerable<SmallModel.Pair>(pairs));
        float[] scores = [.. scored.GetColumn<float>("Score")];
        float[] probabilities = [.. scored.GetColumn<float>("Probability")];
        uint[] statuses = [.. scored.GetColumn<uint>("PatchStatus")];
        string[] users = ["stranger", .. model.UserIds!];
        for (int user = 0; user <= SmallModel.NumberOfUsers; user++)
        {
            IReadOnlyList<RecommendedItem> items = recommender.Recommend(users[user], 100, _withSeen);

            Assert.That(items, Has.Count.EqualTo(SmallModel.NumberOfItems));
            Assert.That(items.Select(item => item.Score), Is.Ordered.Descending);
            foreach (RecommendedItem item in items)
            {
                int row = (user * (SmallModel.NumberOfItems + 1)) + 1 + model.ItemIds!.ToList().IndexOf(item.ItemId);
                Assert.That(item.Score, Is.EqualTo(scores[row]).Within(1e-6));
                Assert.That(item.Probability, Is.EqualTo(probabilities[row]).Within(1e-6));
                Assert.That((uint)item.Reason, Is.EqualTo(statuses[row]));
            }
        }
    }

    [Test]
    public void Recommend_ByDefault_LeavesOutWhatTheUserHasHad()
    {
        using Recommender recommender = Create();

        // Anna's positive events are a, b and d; the model remembers three.
        Assert.That(Ids(recommender, "anna"), Is.EquivalentTo(new[] { "c", "e", "f" }));
        Assert.That(Ids(recommender, "emil"), Is.EquivalentTo(new[] { "a", "b", "c", "d", "e", "f" }));
    }

    [TestCase(0, new string[] { })]
    [TestCase(2, new[] { 0, 1 })]
    public void Recommend_SomeItems_AreTheBest(int count, object expected)
    {
        using Recommender recommender = Create();
        string[] all = Ids(recommender, "emil");

        Assert.That(
            recommender.Recommend("emil", count).Select(item => item.ItemId),
            Is.EqualTo(expected is int[] indices ? indices.Select(i => all[i]) : []));
    }

    [Test]
    public void Recommend_CandidatesAndFilter_ChooseFromWhatIsLeft()
    {
        using Recommender recommender = Create();
        RecommendationOptions options = new() { Candidates = ["f", "c", "unheard of", "a", "f", "e"], Filter = item => item != "e" };

        Assert.That(Ids(recommender, "anna", options), Is.EquivalentTo(new[] { "c", "f" }));
        Assert.That(Ids(recommender, "anna", new RecommendationOptions { Candidates = ["a"] }), Is.Empty);
        Assert.That(Ids(recommender, "anna", new RecommendationOptions { Filter = _ => false }), Is.Empty);
    }

    [Test]
    public void WithModel_AModelWithoutPatches_GoesOnWithWhatWasObservedAndForgotten()
    {
        DeviceCloudPredictionTransformer model = SmallModel.Create();
        using Recommender first = new MLContext(seed: 1).DeviceCloud().CreateRecommender(model);
        first.Observe("anna", "c");
        first.Observe("emil", "f");
        first.Forget("bob");
        using Recommender fresh = new MLContext(seed: 1).DeviceCloud().CreateRecommender(model.WithoutPatches());

        using Recommender next = first.WithModel(model.WithoutPatches());

        fresh.Observe("anna", "c");
        fresh.Observe("emil", "f");
        fresh.Forget("bob");
        foreach (string user in new[] { "anna", "bob", "emil" })
        {
            Assert.That(next.Recommend(user), Is.EqualTo(fresh.Recommend(user)), user);
        }

        Assert.That(next.Recommend("anna").Select(item => item.Score), Is.Not.EqualTo(first.Recommend("anna").Select(item => item.Score)), "another model");
        Assert.That(Ids(next, "anna"), Is.EquivalentTo(new[] { "e", "f" }));
        Assert.That(next.IsKnownUser("bob"), Is.False);
    }

    [Test]
    public void Recommend_SeveralUsers_IsEachOneByOne()
    {
        using Recommender recommender = Create();

        IReadOnlyList<IReadOnlyList<RecommendedItem>> all = recommender.Recommend(["dora", "anna", "stranger"], 3);

        Assert.That(all[0], Is.EqualTo(recommender.Recommend("dora", 3)));
        Assert.That(all[1], Is.EqualTo(recommender.Recommend("anna", 3)));
        Assert.That(all[2], Is.EqualTo(recommender.Recommend("stranger", 3)));
    }

    [Test]
    public void Recommend_AProfileOfOnesOwn_TakesThePlaceOfTheRememberedOne()
    {
        MLContext context = new(seed: 1);
        using Recommender recommender = context.DeviceCloud().CreateRecommender(SmallModel.Create(profileDimension: 2));

        RecommendedItem[] own = [.. recommender.Recommend("anna", 6, new RecommendationOptions { ExcludesSeen = false, Profile = [0.1f, 0.2f] })];
        RecommendedItem[] other = [.. recommender.Recommend("anna", 6, new RecommendationOptions { ExcludesSeen = false, Profile = [3, -3] })];

        Assert.That(own, Is.EqualTo(recommender.Recommend("anna", 6, _withSeen)));
        Assert.That(other, Is.Not.EqualTo(own));
        Assert.That(
            () => recommender.Recommend("anna", 6, new RecommendationOptions { Profile = [1, float.NaN, 1] }),
            Throws.ArgumentException.With.Message.StartsWith(
                "RecommendationOptions: the profile must have 2 finite values, as the model was trained with, but has 3, 1 of them not finite."));
    }

    [Test]
    public void Observe_AnItem_IsPartOfTheHistoryFromThenOn()
    {
        MLContext context = new(seed: 1);
        DeviceCloudPredictionTransformer model = SmallModel.Create();
        using Recommender recommender = context.DeviceCloud().CreateRecommender(model);
        float[] before = Scores(recommender, "anna");

        Assert.That(recommender.Observe("anna", "f"), Is.True);

        // The history a, b, d becomes b, d, f: the network looks at three.
        SmallModel.PairWithHistory[] rows =
        [
            .. Enumerable.Range(1, SmallModel.NumberOfItems).Select(item => new SmallModel.PairWithHistory
            {
                User = SmallModel.Key(1),
                Item = SmallModel.Key(item),
                History = [2, 4, 6],
            }),
        ];
        float[] expected = [.. model.Transform(context.Data.LoadFromEnumerable(rows)).GetColumn<float>("Score")];
        Assert.That(Scores(recommender, "anna"), Is.EqualTo(expected).Within(1e-6));
        Assert.That(Scores(recommender, "anna"), Is.Not.EqualTo(before).Within(1e-4));
        Assert.That(Ids(recommender, "anna"), Is.EquivalentTo(new[] { "c", "e" }), "What has been seen stays seen, however long ago.");
    }

    [Test]
    public void Observe_TheItemThatTheUserHadLast_CountsAgain()
    {
        DeviceCloudPredictionTransformer model = SmallModel.Create(servesColdStart: false, profileDimension: 0);
        using Recommender recommender = new MLContext(seed: 1).DeviceCloud().CreateRecommender(model);
        string last = model.ItemIds![model.History.GetItems(model.UserIds!.ToList().IndexOf("anna") + 1)[^1] - 1];
        float[] before = Scores();

        recommender.Observe("anna", last);
        float[] once = Scores();
        recommender.Observe("anna", last);
        float[] twice = Scores();

        Assert.That(once, Is.Not.EqualTo(before));
        Assert.That(twice, Is.Not.EqualTo(once));

        float[] Scores() => [.. recommender.Recommend("anna", 100, _withSeen).OrderBy(item => item.ItemId, StringComparer.Ordinal).Select(item => item.Score)];
    }

    [Test]
    public void Observe_ASomebodyNew_IsServedOnTheirHistory()
    {
        using Recommender recommender = Create();
        float[] nothing = Scores(recommender, "stranger");

        recommender.Observe("stranger", "a");

        Assert.That(Scores(recommender, "stranger"), Is.Not.EqualTo(nothing).Within(1e-4));
        Assert.That(Scores(recommender, "another stranger"), Is.EqualTo(nothing));
        Assert.That(recommender.Recommend("stranger")[0].Reason, Is.EqualTo(PatchStatus.UnknownUser));
        Assert.That(Ids(recommender, "stranger"), Does.Not.Contain("a"));
        Assert.That(recommender.IsKnownUser("stranger"), Is.False);
    }

    [Test]
    public void Observe_AnUnknownItem_ChangesNothing()
    {
        using Recommender recommender = Create();
        float[] before = Scores(recommender, "anna");

        Assert.That(recommender.Observe("anna", "unheard of"), Is.False);

        Assert.That(Scores(recommender, "anna"), Is.EqualTo(before));
    }

    [Test]
    public void Forget_AUser_MakesAStrangerOfThem([Values] bool observed)
    {
        using Recommender recommender = Create();
        if (observed)
        {
            recommender.Observe("anna", "f");
        }

        recommender.Forget("anna");

        Assert.That(recommender.IsKnownUser("anna"), Is.False);
        Assert.That(recommender.Recommend("anna", 6), Is.EqualTo(recommender.Recommend("stranger", 6)));

        // Life goes on.
        recommender.Observe("anna", "b");
        recommender.Observe("stranger", "b");
        Assert.That(recommender.Recommend("anna", 6), Is.EqualTo(recommender.Recommend("stranger", 6)));
        recommender.Forget("stranger");
        Assert.That(Ids(recommender, "stranger"), Has.Length.EqualTo(6));
    }

    [Test]
    public void GetSimilarItems_AnItem_OrdersTheOthersByCosine()
    {
        DeviceCloudPredictionTransformer model = SmallModel.Create();
        using Recommender recommender = new MLContext().DeviceCloud().CreateRecommender(model);
        float[][] rows = [.. model.Parameters["item.embedding"].ToArray().Chunk(4)];
        double Cosine(int x, int y) => Dot(x, y) / Math.Sqrt(Dot(x, x) * Dot(y, y));
        double Dot(int x, int y) => rows[x].Zip(rows[y], (a, b) => (double)a * b).Sum();

        IReadOnlyList<SimilarItem> actual = recommender.GetSimilarItems("c", 4);

        int[] expected = [.. Enumerable.Range(1, 6).Where(item => item != 3).OrderByDescending(item => Cosine(3, item)).Take(4)];
        Assert.That(actual.Select(item => item.ItemId), Is.EqualTo(expected.Select(item => model.ItemIds![item - 1])));
        Assert.That(actual.Select(item => item.Similarity), Is.EqualTo(expected.Select(item => (float)Cosine(3, item))).Within(1e-6));
        Assert.That(recommender.GetSimilarItems("c", 100), Has.Count.EqualTo(5));
        Assert.That(recommender.GetSimilarItems("unheard of"), Is.Empty);
    }

    [Test]
    public void GetSimilarHistory_AnItem_OrdersWhatTheUserHasHadByCosine()
    {
        using Recommender recommender = Create();
        foreach (string item in new[] { "b", "e", "b", "c", "f" })
        {
            recommender.Observe("stranger", item);
        }

        IReadOnlyList<SimilarItem> like = recommender.GetSimilarHistory("stranger", "c", 2);

        SimilarItem[] expected = [.. recommender.GetSimilarItems("c", 5).Where(item => item.ItemId is "b" or "e" or "f")];
        Assert.That(like, Is.EqualTo(expected[..2]));
        Assert.That(recommender.GetSimilarHistory("stranger", "c", 100), Is.EqualTo(expected));
        Assert.That(recommender.GetSimilarHistory("stranger", "unheard of"), Is.Empty);
        Assert.That(recommender.GetSimilarHistory("somebody else", "c"), Is.Empty);
        recommender.Forget("stranger");
        Assert.That(recommender.GetSimilarHistory("stranger", "c"), Is.Empty);
    }

    [Test]
    public void Recommend_FromManyThreads_IsAsFromOne()
    {
        using Recommender recommender = Create();
        string[] users = ["anna", "bob", "carla", "dora", "emil", "stranger"];
        IReadOnlyList<RecommendedItem>[] expected = [.. users.Select(user => recommender.Recommend(user, 6))];
        ConcurrentBag<string> different = [];

        Parallel.For(0, 600, i =>
        {
            if (!recommender.Recommend(users[i % 6], 6).SequenceEqual(expected[i % 6]))
            {
                different.Add(users[i % 6]);
            }

            recommender.Observe($"visitor {i % 50}", "abcdef"[i % 6].ToString());
            recommender.Forget($"visitor {(i + 25) % 50}");
        });

        Assert.That(different, Is.Empty);
    }

    [Test]
    public void Observe_TheSameUserFromManyThreads_LosesNoEvent()
    {
        using Recommender recommender = Create();

        Parallel.ForEach("abcdef", item => recommender.Observe("stranger", item.ToString()));

        Assert.That(Ids(recommender, "stranger"), Is.Empty);
    }

    [Test]
    public void CreateRecommender_AModelWithoutRawIds_TakesKeyNumbers()
    {
        DeviceCloudPredictionTransformer model = SmallModel.Create();
        using Recommender named = new MLContext().DeviceCloud().CreateRecommender(model);
        DeviceCloudPredictionTransformer nameless = new(model.Parameters, model.Patches, model.History, model.Columns);
        using Recommender numbered = new MLContext().DeviceCloud().CreateRecommender(nameless);

        Assert.That(numbered.ItemIds, Is.EqualTo(new[] { "1", "2", "3", "4", "5", "6" }));
        Assert.That(Scores(numbered, "1"), Is.EqualTo(Scores(named, "anna")));
    }

    [Test]
    public void CreateRecommender_TheModelDisposed_GoesOn()
    {
        DeviceCloudPredictionTransformer model = SmallModel.Create();
        using Recommender recommender = new MLContext().DeviceCloud().CreateRecommender(model);
        float[] before = Scores(recommender, "anna");

        model.Dispose();

        Assert.That(Scores(recommender, "anna"), Is.EqualTo(before));
    }

    [Test]
    public void Recommend_Disposed_SaysSo()
    {
        Recommender recommender = Create();
        recommender.Dispose();

        Assert.That(() => recommender.Recommend("anna"), Throws.InstanceOf<ObjectDisposedException>());
    }

    private static Recommender Create() => new MLContext(seed: 1).DeviceCloud().CreateRecommender(SmallModel.Create());

    private static string[] Ids(Recommender recommender, string user, RecommendationOptions? options = null) =>
        [.. recommender.Recommend(user, 100, options).Select(item => item.ItemId)];

    // By item, not by rank.
    private static float[] Scores(Recommender recommender, string user) =>
        [.. recommender.Recommend(user, 100, _withSeen).OrderBy(item => item.ItemId, StringComparer.Ordinal).Select(item => item.Score)];
}
