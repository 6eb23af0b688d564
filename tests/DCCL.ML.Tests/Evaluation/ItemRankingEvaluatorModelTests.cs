using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using NUnit.Framework;

namespace DCCL.ML.Tests.Evaluation;

/// <summary>The evaluator with real models.</summary>
public sealed class ItemRankingEvaluatorModelTests
{
    private const int NumberOfUsers = 12;

    // Scores are of the order of 1 and are equal across batch shapes within 1e-6 per layer of the graph; DESIGN.md 3.
    private const float Tolerance = 1e-5f;

    [TestCase(1, false, false)]
    [TestCase(2, true, false)]
    [TestCase(3, true, true)]
    [TestCase(4, false, true)]
    public void Evaluate_RandomModel_IsTheBruteForceDefinitionOnePairAtATime(int seed, bool withLabels, bool withProfile)
    {
        DeviceCloudModelParameters parameters = CreateModel(seed, withProfile ? 2 : 0, servesColdStart: true);
        using ModelScorer scorer = new(parameters, numberOfThreads: 2);
        PatchSelector patches = new(parameters, CreatePatches(seed));
        (InteractionLog history, InteractionLog test) =
            EvaluationLogs.CreateRandom(seed, NumberOfUsers, parameters.Architecture.NumberOfItems, withLabels, withProfile ? 2 : 0);
        foreach (PatchSelector? selector in new[] { null, patches })
        {
            RankingReport report = ItemRankingEvaluator.Evaluate(scorer, selector, history, test);
            Dictionary<int, BruteForceEvaluator.UserResult> expected = BruteForceEvaluator.Evaluate(
                history,
                test,
                parameters.Architecture.NumberOfItems,
                (user, items, item) => ScorePair(scorer, selector, test, user, items, item),
                Tolerance);
            Assert.That(BruteForceEvaluator.Agrees(report, expected, Tolerance), Is.True);
        }
    }

    [Test]
    public void Evaluate_AnyNumberOfThreads_GivesTheSameFigures()
    {
        DeviceCloudModelParameters parameters = CreateModel(5, 0, servesColdStart: false);
        using ModelScorer scorer = new(parameters, numberOfThreads: 1);
        PatchSelector patches = new(parameters, CreatePatches(5));
        (InteractionLog history, InteractionLog test) = EvaluationLogs.CreateRandom(5, NumberOfUsers, 25, withLabels: true);
        string[] reports = [.. new[] { 1, 2, 3 }.Select(threads => ItemRankingEvaluator
            .Evaluate(scorer, patches, history, test, new RankingEvaluationOptions { NumberOfThreads = threads })
            .ToJson("stage")
            .ToJsonString())];
        Assert.That(reports.Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public void Evaluate_Patches_ChangeTheFiguresAndTheManifest()
    {
        DeviceCloudModelParameters parameters = CreateModel(6, 0, servesColdStart: false);
        using ModelScorer scorer = new(parameters, numberOfThreads: 1);
        (InteractionLog history, InteractionLog test) = EvaluationLogs.CreateRandom(6, NumberOfUsers, 25, withLabels: true);
        RankingReport cloud = ItemRankingEvaluator.Evaluate(scorer, null, history, test);
        RankingReport zero = ItemRankingEvaluator.Evaluate(scorer, new PatchSelector(parameters, null), history, test);
        RankingReport patched = ItemRankingEvaluator.Evaluate(scorer, new PatchSelector(parameters, CreatePatches(6)), history, test);
        Assert.Multiple(() =>
        {
            Assert.That(zero.ToJson("x").ToJsonString(), Is.EqualTo(cloud.ToJson("x").ToJsonString()), "zero patches are the cloud model");
            Assert.That(patched.ToJson("x").ToJsonString(), Is.Not.EqualTo(cloud.ToJson("x").ToJsonString()));
            Assert.That(cloud.Manifest.ModelFingerprint, Is.EqualTo(parameters.Fingerprint));
            Assert.That(cloud.Manifest.PatchFingerprint, Is.Null);
            Assert.That(zero.Manifest.PatchFingerprint, Is.Not.Null.And.Not.EqualTo(patched.Manifest.PatchFingerprint));
        });
    }

    [Test]
    public void Evaluate_InterceptPatch_IsTheReportWithIntercepts()
    {
        DinArchitecture architecture = CreateArchitecture(0);
        DeviceCloudModelParameters parameters =
            RandomModel.Create(new SeededRandom(7), architecture, new PatchArchitecture { PatchSize = 1, Layers = [] });
        using ModelScorer scorer = new(parameters, numberOfThreads: 1);
        (InteractionLog history, InteractionLog test) = EvaluationLogs.CreateRandom(7, NumberOfUsers, 25, withLabels: true);
        float[] intercepts = [.. Enumerable.Range(1, NumberOfUsers).Select(user => (user % 5) - 2f)];
        PatchStatus[] statuses = new PatchStatus[NumberOfUsers];
        Array.Fill(statuses, PatchStatus.Patched);

        RankingReport patched = ItemRankingEvaluator.Evaluate(
            scorer, new PatchSelector(parameters, new UserPatches(1, [.. intercepts], statuses)), history, test);
        RankingReport derived = ItemRankingEvaluator.Evaluate(scorer, null, history, test).WithIntercepts(user => intercepts[user - 1]);

        // The same sum, rounded once to a float of up to 4 or so on both ways: 2^-22.
        const double Rounding = 2.4e-7;
        Assert.Multiple(() =>
        {
            Assert.That(derived.Overall.LogLoss, Is.EqualTo(patched.Overall.LogLoss).Within(Rounding));
            Assert.That(derived.Overall.AreaUnderRocCurve, Is.EqualTo(patched.Overall.AreaUnderRocCurve));
            Assert.That(derived.Overall.MeanReciprocalRank, Is.EqualTo(patched.Overall.MeanReciprocalRank));
        });
    }

    [Test]
    public void Evaluate_ItemsThatAreAllAlike_TakeTheMeanRank()
    {
        // A real network, every item of which has the same embedding and bias: equal scores in every run of a batch, although the
        // 4,999 candidates of an event do not fit one.
        DinArchitecture architecture = new() { NumberOfItems = 5000, HistoryLength = 20 };
        Dictionary<string, float[]> tensors = [];
        DeviceCloudModelParameters random = RandomModel.Create(new SeededRandom(1), architecture);
        foreach (TensorShape shape in random.TensorShapes)
        {
            float[] values = random[shape.Name].ToArray();
            int width = shape.Name is "item.embedding" or "item.bias" ? values.Length / (architecture.NumberOfItems + 1) : values.Length;
            for (int i = 2 * width; i < values.Length; i++)
            {
                values[i] = values[i - width];
            }

            tensors.Add(shape.Name, values);
        }

        using ModelScorer scorer = new(new DeviceCloudModelParameters(architecture, null, null, tensors), numberOfThreads: 1);
        InteractionLog history = EvaluationLogs.Create(1, 5000, false, [.. Enumerable.Range(1, 30).Select(i => (1, i, (double)i, true))]);
        InteractionLog test = EvaluationLogs.Create(1, 5000, false, (1, 77, 100, true), (1, 5000, 101, true), (1, 31, 102, true));
        RankingReport report = ItemRankingEvaluator.Evaluate(scorer, null, history, test);

        // 30, 31 and 32 items seen: the mean of the places 1 to 4970, 4969 and 4968.
        Assert.That(report.Users[0].Ranks.ToArray(), Is.EqualTo(new[] { 2485.5, 2485, 2484.5 }));
    }

    private static float ScorePair(
        ModelScorer scorer, PatchSelector? patches, InteractionLog log, int user, IReadOnlyList<int> history, int item)
    {
        BackboneArchitecture architecture = scorer.Parameters.Architecture;
        ScoringBatch batch = new();
        batch.Resize(architecture, 1, 1, architecture.HistoryLength, patches is null ? 0 : 1, patches?.PatchSize ?? 0);
        batch.Items[0] = item;
        for (int i = 0; i < architecture.HistoryLength; i++)
        {
            batch.History[i] = i < history.Count ? history[i] : 0;
        }

        if (architecture.ProfileDimension > 0)
        {
            log.GetProfile(user).CopyTo(batch.Profiles);
        }

        patches?.Select(user, batch.History, batch.Profiles.AsSpan(0, architecture.ProfileDimension), batch.Patches);
        scorer.Score(batch);
        return batch.Scores[0];
    }

    private static DinArchitecture CreateArchitecture(int profileDimension) => new()
    {
        NumberOfItems = 25,
        HistoryLength = 6,
        EmbeddingDimension = 4,
        ActivationUnitSize = 5,
        HiddenLayerSizes = [7, 5],
        ProfileDimension = profileDimension,
    };

    private static DeviceCloudModelParameters CreateModel(int seed, int profileDimension, bool servesColdStart) => RandomModel.Create(
        new SeededRandom(seed),
        CreateArchitecture(profileDimension),
        new PatchArchitecture { PatchSize = 4, BottleneckSize = 2, Layers = [0, 1] },
        new PatchEncoderArchitecture { HiddenSize = 3, ServesColdStart = servesColdStart });

    // One in four gated, one in four never trained; the last two users are not in the table.
    private static UserPatches CreatePatches(int seed)
    {
        SeededRandom random = new(seed);
        PatchStatus[] statuses = [.. Enumerable.Range(0, NumberOfUsers - 2).Select(index => (index % 4) switch
        {
            0 => PatchStatus.Gated,
            1 => PatchStatus.Cloud,
            _ => PatchStatus.Patched,
        })];
        float[] values = [.. statuses.SelectMany(status => Enumerable.Range(0, 4)
            .Select(_ => status == PatchStatus.Patched ? (float)random.NextGaussian() : 0))];
        return new UserPatches(4, values, statuses);
    }
}
