using DCCL.Benchmarks.Evidence.Baselines;
using NUnit.Framework;

namespace DCCL.Benchmarks.Tests.Evidence.Baselines;

public sealed class ItemNeighborsTests
{
    // Takers: item 1 of users 1, 2, 3; item 2 of 1, 2; item 3 of 3; item 4 of nobody. Item 2 twice by user 1, which counts once.
    private static readonly ItemNeighbors _neighbors =
        ItemNeighbors.Train(SmallLog.Create(3, 4, (1, 1), (1, 2), (1, 2), (2, 1), (2, 2), (3, 1), (3, 3)));

    [Test]
    public void Train_SmallLog_IsTheCosineByHand()
    {
        Assert.That(_neighbors[1], Is.EqualTo(new[] { (2, (float)(2 / Math.Sqrt(3 * 2))), (3, (float)(1 / Math.Sqrt(3))) }));
        Assert.That(_neighbors[4], Is.Empty);
    }

    [Test]
    public void Score_History_SumsItsSimilarities()
    {
        // Nobody took 2 and 3 both.
        float[] scores = Scores.Of(_neighbors, 1, [2, 3], 1, 4);
        Assert.That(scores, Is.EqualTo(new[] { (float)((2 / Math.Sqrt(6)) + (1 / Math.Sqrt(3))), 0f }).Within(1e-6f));
    }

    [Test]
    public void Train_FewNeighbors_KeepsTheNearest()
    {
        ItemNeighbors one = ItemNeighbors.Train(SmallLog.Create(3, 4, (1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 3)), numberOfNeighbors: 1);
        Assert.That(one[1].Select(pair => pair.Item), Is.EqualTo(new[] { 2 }));
    }
}
