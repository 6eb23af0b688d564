using DCCL.Benchmarks.Evidence.Baselines;
using DCCL.ML.Data;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.Benchmarks.Tests.Evidence.Baselines;

/// <summary>Two kinds of users, each of whom takes one half of the items: the item that is left out of the own half belongs first.</summary>
public sealed class LearnedBaselinesTests
{
    private static readonly InteractionLog _log = SmallLog.CreateHalves(numberOfUsers: 40, numberOfItems: 16);

    [Test]
    public void MatrixFactorization_TwoKindsOfUsers_FindsWhatIsLeftOut()
    {
        MatrixFactorization model = MatrixFactorization.Train(_log, seed: 1, maximumNumberOfEpochs: 60, CancellationToken.None);
        Assert.That(Scores.GetShareFound(model, _log), Is.GreaterThanOrEqualTo(0.95));
    }

    [Test]
    public void MatrixFactorization_SameSeed_IsTheSame()
    {
        float[] first = Scores.Of(Train(1), 1, [1, 2], 3, 4, 9);
        Assert.That(Scores.Of(Train(1), 1, [1, 2], 3, 4, 9), Is.EqualTo(first));
        Assert.That(Scores.Of(Train(2), 1, [1, 2], 3, 4, 9), Is.Not.EqualTo(first));

        static MatrixFactorization Train(int seed) => MatrixFactorization.Train(_log, seed, maximumNumberOfEpochs: 5, CancellationToken.None);
    }

    [Test]
    public void FactorizationMachine_TwoKindsOfUsers_FindsWhatIsLeftOut()
    {
        // Training throws unless the scores are those of ML.NET's own pipeline.
        FactorizationMachine model = FactorizationMachine.Train(new MLContext(seed: 1), _log, seed: 1, numberOfIterations: 40);
        Assert.That(Scores.GetShareFound(model, _log), Is.GreaterThanOrEqualTo(0.8));
    }
}
