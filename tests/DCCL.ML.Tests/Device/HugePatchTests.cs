using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Model;
using DCCL.ML.Recommendation;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Export;
using DCCL.ML.Tests.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Device;

/// <summary>A patch of finite numbers so large that no score is: nowhere may NaN or infinity come out as what a patch gave.</summary>
public sealed class HugePatchTests
{
    private const float Huge = 3e38f;

    private static readonly float[] _huge = [0, Huge, -Huge];

    [Test]
    public void PatchedSession_AHugePatch_IsRefusedAndTheCloudModelAnswers()
    {
        DeviceCloudPredictionTransformer model = SmallModel.Create(activation: PatchActivation.Identity);
        using PatchedSession session = new(ExportedModel.Export(model), "m");
        Assert.That(session.Load("a", new UserPatch(model.Parameters.Fingerprint, _huge)), Is.EqualTo(PatchRefusal.None), "it is well-formed");
        Assert.That(session.ScoreWith(_huge, [1, 2], [3], []), Has.Some.Matches<float>(score => !float.IsFinite(score)), "it would overflow");

        PatchedScores scores = session.Score("a", [1, 0, 2], [3]);

        Assert.That(scores.Scores, Is.EqualTo(session.Score(null, [1, 0, 2], [3]).Scores));
        Assert.That(scores.Scores.Where((_, i) => i != 1), Is.All.Matches<float>(float.IsFinite));
        Assert.That((scores.IsPatched, scores.Refusal), Is.EqualTo((false, PatchRefusal.NotFinite)));
        Assert.That(scores.Message, Does.Contain("'a'").And.Contain("finite scores").And.Contain("Learn"));
    }

    [Test]
    public void PatchedSession_AnUnknownItem_IsNoReasonToRefuseAPatch()
    {
        DeviceCloudPredictionTransformer model = SmallModel.Create(activation: PatchActivation.Identity);
        using PatchedSession session = new(ExportedModel.Export(model), "m");
        session.Load("a", new UserPatch(model.Parameters.Fingerprint, [1, -1, 1]));

        PatchedScores scores = session.Score("a", [0, 2], [3]);

        Assert.That((scores.IsPatched, float.IsNaN(scores.Scores[0]), float.IsFinite(scores.Scores[1])), Is.EqualTo((true, true, true)));
    }

    [Test]
    public void DevicePersonalizer_AHugePatch_IsWarnedOfAndTheCloudModelRecommends()
    {
        using PersonalDevice owner = new(1, activation: PatchActivation.Identity);
        Directory.CreateDirectory(owner.OwnerFolder);
        IReadOnlyList<RecommendedItem> expected;
        using (DevicePersonalizer without = owner.Open())
        {
            expected = without.Recommend(25);
        }

        new UserPatch(owner.Parameters.Fingerprint, [0, Huge, Huge, -Huge]).Save(Path.Combine(owner.OwnerFolder, DeviceFiles.Patch));
        using DevicePersonalizer device = owner.Open();

        Assert.That(device.Recommend(25), Is.EqualTo(expected));
        Assert.That(device.Score(["i1", "i2"]), Is.All.Matches<float>(float.IsFinite));
        Assert.That(device.Warnings, Has.Count.EqualTo(1));
        Assert.That(device.Warnings[0], Does.Contain("finite scores"));
    }

    [Test]
    public void Transform_AUsersHugePatch_LeavesTheRowsToTheCloudModel()
    {
        MLContext context = new(seed: 1);
        DeviceCloudPredictionTransformer model = SmallModel.Create(activation: PatchActivation.Identity);
        IDataView pairs = context.Data.LoadFromEnumerable<SmallModel.Pair>(SmallModel.AllPairs());
        float[] cloud = [.. model.WithPatches(null).Transform(pairs).GetColumn<float>("Score")];
        float[] patched = [.. model.Transform(pairs).GetColumn<float>("Score")];

        // Anna keeps her patch, Bob gets the huge one.
        IDataView scored = WithHugePatch(model).Transform(pairs);

        float[] scores = [.. scored.GetColumn<float>("Score")];
        PatchStatus[] statuses = [.. scored.GetColumn<uint>("PatchStatus").Select(status => (PatchStatus)status)];
        const int Items = SmallModel.NumberOfItems + 1;
        for (int row = 0; row < scores.Length; row++)
        {
            int user = row / Items;
            bool isKnown = row % Items > 0;
            Assert.That(scores[row], Is.EqualTo(user == 1 ? patched[row] : cloud[row]).Within(1e-6), $"row {row}");
            Assert.That(float.IsFinite(scores[row]), Is.EqualTo(isKnown), $"row {row}");
            Assert.That(
                statuses[row],
                Is.EqualTo(!isKnown ? PatchStatus.UnknownItem : user == 0 ? PatchStatus.UnknownUser : user == 1 ? PatchStatus.Patched : PatchStatus.Cloud));
        }
    }

    [Test]
    public void Score_ManyCandidatesUnderAHugePatch_AreTheCloudModels([Values(3, 200)] int numberOfCandidates, [Values(1, 2)] int numberOfPatches)
    {
        SeededRandom random = new(3);
        DeviceCloudModelParameters parameters = PersonalDevice.CreateModel(1, activation: PatchActivation.Identity);
        using ModelScorer scorer = new(parameters, numberOfThreads: 2);
        ScoringBatch batch = RandomModel.CreateBatch(random, parameters, 2, numberOfCandidates, 4, numberOfPatches);
        batch.Items[1] = 0;
        scorer.Score(batch);
        float[] patched = batch.Scores[..(2 * numberOfCandidates)];
        Assert.That(batch.RefusedItems, Is.Empty);
        batch.NumberOfPatches = 0;
        scorer.Score(batch);
        float[] cloud = batch.Scores[..(2 * numberOfCandidates)];

        batch.NumberOfPatches = numberOfPatches;
        new[] { 0, Huge, Huge, -Huge }.CopyTo(batch.Patches, 0);
        scorer.Score(batch);

        int refused = (numberOfPatches == 1 ? 2 : 1) * numberOfCandidates;
        Assert.That(batch.RefusedItems, Is.EqualTo(Enumerable.Range(0, refused).Where(i => i != 1)));
        Assert.That(batch.Scores[..(2 * numberOfCandidates)], Is.EqualTo((float[])[.. cloud[..refused], .. patched[refused..]]));
    }

    // Microsoft's transformers cannot fall back: the export says whose patch it is. A patch of 1e38 whose scores are finite goes through.
    [Test]
    public void ToStockTransformer_AUsersHugePatch_IsRefused()
    {
        DeviceCloudPredictionTransformer model = WithHugePatch(SmallModel.Create(activation: PatchActivation.Identity));

        Assert.That(
            () => model.ToStockTransformer(),
            Throws.ArgumentException.With.Message.Contains("'bob'").And.Message.Contains("finite").And.Message.Contains("MetaPatch"));
    }

    [Test]
    public void Recommend_AUsersHugePatch_GivesTheCloudModelsList()
    {
        MLContext context = new(seed: 1);
        DeviceCloudPredictionTransformer model = WithHugePatch(SmallModel.Create(activation: PatchActivation.Identity));
        using Recommender recommender = context.DeviceCloud().CreateRecommender(model);
        using Recommender cloud = context.DeviceCloud().CreateRecommender(model.WithPatches(null));

        IReadOnlyList<RecommendedItem> items = recommender.Recommend("bob");

        Assert.That(items, Is.EqualTo(cloud.Recommend("bob")));
        Assert.That(items.Select(item => item.Reason), Is.All.EqualTo(PatchStatus.Cloud));
    }

    private static DeviceCloudPredictionTransformer WithHugePatch(DeviceCloudPredictionTransformer model) =>
        ((ITransformer)model).WithUserPatches(
            new Dictionary<string, UserPatch> { ["bob"] = new(model.Parameters.Fingerprint, _huge) }, out _).DeviceCloudModel();
}
