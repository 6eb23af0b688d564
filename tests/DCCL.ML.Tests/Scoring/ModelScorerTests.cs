using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using NUnit.Framework;

namespace DCCL.ML.Tests.Scoring;

public sealed class ModelScorerTests
{
    private static readonly DinArchitecture _architecture =
        new() { NumberOfItems = 50, HistoryLength = 20, EmbeddingDimension = 4, ActivationUnitSize = 4, HiddenLayerSizes = [4] };

    private readonly DeviceCloudModelParameters _parameters =
        RandomModel.Create(new SeededRandom(2), _architecture, new PatchArchitecture { PatchSize = 3, Layers = [0] });

    [TestCase(1, 2500)]
    [TestCase(3, 700)]
    [TestCase(40, 120)]
    [TestCase(900, 2)]
    public void Score_ManyRuns_EqualsOneByOneWithAnyNumberOfThreads(int groups, int candidates)
    {
        ScoringBatch batch = RandomModel.CreateBatch(new SeededRandom(3), _parameters, groups, candidates, 20, groups);
        using ModelScorer scorer = new(_parameters, numberOfThreads: 1);
        scorer.Score(batch);
        float[] scores = batch.Scores[..(groups * candidates)];

        using ModelScorer parallel = new(_parameters, numberOfThreads: 4);
        Array.Clear(batch.Scores);
        parallel.Score(batch);
        Assert.That(batch.Scores[..(groups * candidates)], Is.EqualTo(scores));

        ScoringBatch one = new();
        one.Resize(_architecture, 1, 1, 20, 1, 3);
        for (int i = 0; i < scores.Length; i += 101)
        {
            one.Items[0] = batch.Items[i];
            batch.History.AsSpan(i / candidates * 20, 20).CopyTo(one.History);
            batch.Patches.AsSpan(i / candidates * 3, 3).CopyTo(one.Patches);
            scorer.Score(one);
            Assert.That(one.Scores[0], Is.EqualTo(scores[i]).Within(1e-6 * Math.Max(1, Math.Abs(scores[i]))));
        }
    }

    [TestCase(3)]
    [TestCase(300)]
    public void Score_Item0_IsNaN(int candidates)
    {
        using ModelScorer scorer = new(_parameters);
        ScoringBatch batch = RandomModel.CreateBatch(new SeededRandom(3), _parameters, 1, candidates, 5, 0);
        batch.Items[1] = 0;
        scorer.Score(batch);
        Assert.That(Enumerable.Range(0, candidates).Where(i => float.IsNaN(batch.Scores[i])), Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public void Score_NoCandidates_DoesNothing()
    {
        using ModelScorer scorer = new(_parameters);
        ScoringBatch batch = new();
        batch.Resize(_architecture, 2, 0, 5);
        Array.Clear(batch.History);
        Assert.That(() => scorer.Score(batch), Throws.Nothing);
    }

    [TestCase("Items must hold item key values from 0 to 50, but element 1 is 51.", 51, 0, 1, 5)]
    [TestCase("History must hold item key values from 0 to 50, but element 3 is -1.", 1, -1, 1, 5)]
    [TestCase("NumberOfPatches must be 0, 1 or the number of groups (2), but is 3.", 1, 0, 3, 5)]
    [TestCase("HistoryLength must be from 1 to the model's 20, but is 21.", 1, 0, 1, 21)]
    public void Score_OutOfRange_SaysWhat(string message, long item, long history, int patches, int length)
    {
        using ModelScorer scorer = new(_parameters);
        ScoringBatch batch = new();
        batch.Resize(_architecture, 2, 2, length, patches, 3);
        Array.Fill(batch.Items, 1);
        Array.Clear(batch.History);
        batch.Items[1] = item;
        batch.History[3] = history;
        Assert.That(() => scorer.Score(batch), Throws.ArgumentException.With.Message.StartsWith(message));
    }

    [Test]
    public void Score_BufferTooShort_SaysWhich()
    {
        using ModelScorer scorer = new(_parameters);
        ScoringBatch batch = new() { NumberOfGroups = 1, NumberOfCandidates = 2, HistoryLength = 1, Items = [1, 2], History = [0] };
        Assert.That(
            () => scorer.Score(batch),
            Throws.ArgumentException.With.Message.StartsWith("Scores must have at least 2 elements, but has 0. Call Resize first."));
    }

    [Test]
    public void Score_PatchWithoutBasis_SaysHowToGetOne()
    {
        using ModelScorer scorer = new(RandomModel.Create(new SeededRandom(2), _architecture));
        ScoringBatch batch = RandomModel.CreateBatch(new SeededRandom(3), _parameters, 1, 1, 1, 1);
        Assert.That(
            () => scorer.Score(batch),
            Throws.ArgumentException.With.Message.StartsWith("NumberOfPatches must be 0, because the model has no patch basis, but is 1."));
    }

    [Test]
    public void Score_FromManyThreads_GivesEachItsOwn([Values(5, 150)] int candidates)
    {
        using ModelScorer scorer = new(_parameters);
        Parallel.For(0, 50, i =>
        {
            ScoringBatch first = RandomModel.CreateBatch(new SeededRandom(i), _parameters, 3, candidates, 7, 3);
            scorer.Score(first);
            float[] scores = first.Scores[..(3 * candidates)];
            scorer.Score(first);
            Assert.That(first.Scores[..(3 * candidates)], Is.EqualTo(scores));
        });
    }
}
