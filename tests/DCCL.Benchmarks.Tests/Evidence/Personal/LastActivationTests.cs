using DCCL.Benchmarks.Evidence.Personal;
using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using NUnit.Framework;

namespace DCCL.Benchmarks.Tests.Evidence.Personal;

public sealed class LastActivationTests
{
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void Compute_TimesTheLastWeights_IsTheScore(int seed)
    {
        SeededRandom random = new(seed);
        DinArchitecture architecture = new()
        {
            NumberOfItems = 12,
            HistoryLength = 5,
            EmbeddingDimension = 6,
            ProfileDimension = seed == 1 ? 0 : 2,
            ActivationUnitSize = 4,
            HiddenLayerSizes = [7, 3],
        };
        DeviceCloudModelParameters parameters = RandomModel.Create(random, architecture);
        using LastActivation frozen = new(parameters);
        int[] items = [3, 12, 7];
        int[][] histories = [[1, 2, 3, 4, 5, 6, 7], [9], [2, 2]];
        float[] profile = architecture.ProfileDimension == 0 ? [] : [0.5f, -1f];
        (float[] activations, float[] offsets) = frozen.Compute(items, histories, profile);

        using ModelScorer scorer = new(parameters);
        for (int i = 0; i < items.Length; i++)
        {
            ScoringBatch batch = new();
            int length = Math.Min(histories[i].Length, architecture.HistoryLength);
            batch.Resize(architecture, 1, 1, length);
            batch.Items[0] = items[i];
            for (int k = 0; k < length; k++)
            {
                batch.History[k] = histories[i][^(k + 1)];
            }

            profile.CopyTo(batch.Profiles, 0);
            scorer.Score(batch);
            double logit = parameters["output.bias"].Span[0] + offsets[i];
            for (int k = 0; k < frozen.Width; k++)
            {
                logit += activations[(i * frozen.Width) + k] * parameters["output.weight"].Span[k];
            }

            // Two graphs of the same equations in single precision.
            Assert.That(batch.Scores[0], Is.EqualTo(logit).Within(1e-5));
        }
    }

    [Test]
    public void Average_TwoModels_IsTheWeightedMean()
    {
        DinArchitecture architecture = new() { NumberOfItems = 3, HistoryLength = 2, EmbeddingDimension = 2, HiddenLayerSizes = [2] };
        DeviceCloudModelParameters first = RandomModel.Create(new SeededRandom(1), architecture);
        DeviceCloudModelParameters second = RandomModel.Create(new SeededRandom(2), architecture);
        DeviceCloudModelParameters mean = FederatedAveraging.Average([(first, 1), (second, 3)]);
        for (int i = 0; i < 8; i++)
        {
            float expected = (first["item.embedding"].Span[i] + (3 * second["item.embedding"].Span[i])) / 4;
            Assert.That(mean["item.embedding"].Span[i], Is.EqualTo(expected).Within(1e-6));
        }
    }
}
