using DCCL.ML.Data;
using DCCL.Trainers.SasRec;
using NUnit.Framework;

namespace DCCL.Trainers.Tests.SasRec;

public sealed class SampledItemsTests
{
    [Test]
    public void Draw_AnySample_HoldsTheTargetsAndAsManyOthersAsAskedFor()
    {
        SampledItems sampler = new([0, 5, 0, 1, 9, 2, 0, 3, 1], 4);
        SeededRandom random = new(1);
        for (int i = 0; i < 50; i++)
        {
            SampledItems.Sample sample = sampler.Draw([4, 1, 4], random);

            Assert.That(sample.Items, Is.SupersetOf(new long[] { 4, 1 }));
            Assert.That(sample.Items, Is.Unique);
            Assert.That(sample.Items, Is.All.InRange(1, 8));
            Assert.That(sample.Items, Has.Length.InRange(4, 6));
            Assert.That(sample.Places.Select(pair => sample.Items[pair.Value]), Is.EqualTo(sample.Places.Keys.Select(item => (long)item)));
        }
    }

    // Of what an item's logit stands for, the share that is drawn, divided by its probability, is right on average: the sum over a
    // sample estimates the sum over all items. 4,000 draws, each of a standard deviation of some 15 %: five standard errors are 1.2 %.
    [Test]
    public void Draw_Corrections_MakeTheSumOverASampleThatOverAllItems()
    {
        int[] counts = [0, 50, 30, 10, 5, 2, 1, 1, 1, 4, 6, 20, 9];
        double[] values = [0, 3, 1, 2, 0.5, 4, 1, 1, 2, 2, 3, 1, 1];
        SampledItems sampler = new(counts, 3);
        SeededRandom random = new(2);
        int[] all = [.. counts.SelectMany((count, item) => Enumerable.Repeat(item, count))];
        double sum = 0;
        for (int draw = 0; draw < 4000; draw++)
        {
            int[] targets = [.. Enumerable.Range(0, 6).Select(_ => all[random.Next(all.Length)])];
            SampledItems.Sample sample = sampler.Draw(targets, random);
            sum += sample.Items.Select((item, i) => values[item] * Math.Exp(sample.Corrections[i])).Sum();
        }

        Assert.That(sum / 4000, Is.EqualTo(values.Sum()).Within(0.012 * values.Sum()));
    }
}
