using DCCL.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Data;

public sealed class SeededRandomTests
{
    private const int NumberOfDraws = 100_000;

    [Test]
    public void NextUInt64_SeedZero_IsTheReferenceSequence()
    {
        // SplitMix64's published first outputs for seed 0 are the state; xoshiro256**'s first output is rotl(s1 * 5, 7) * 9.
        const ulong SecondOfSplitMix = 0x6E789E6AA1B965F4;
        ulong expected = ulong.RotateLeft(unchecked(SecondOfSplitMix * 5), 7) * 9;

        Assert.That(new SeededRandom(0).NextUInt64(), Is.EqualTo(expected));
    }

    [Test]
    public void SetState_OfAnotherGenerator_DrawsAndForksAsThatOne()
    {
        SeededRandom first = new(1);
        first.NextUInt64();
        ulong[] state = first.GetState();
        ulong[] expected = [first.NextUInt64(), first.NextUInt64(), first.Fork(3).NextUInt64()];
        SeededRandom second = new(2);

        second.SetState(state);

        Assert.That(new[] { second.NextUInt64(), second.NextUInt64(), second.Fork(3).NextUInt64() }, Is.EqualTo(expected));
        Assert.That(second.GetState(), Is.EqualTo(first.GetState()).And.Not.EqualTo(state));
    }

    [TestCase(new ulong[] { 1, 2, 3, 4 })]
    [TestCase(new ulong[] { 1, 0, 0, 0, 0 })]
    public void SetState_OfNoGenerator_IsRefused(ulong[] state) =>
        Assert.That(() => new SeededRandom(1).SetState(state), Throws.ArgumentException.With.Message.StartsWith("The state must be 5 words of GetState, but is none."));

    [Test]
    public void Next_AnyRange_IsUniform()
    {
        SeededRandom random = new(1);
        int[] counts = new int[7];
        for (int i = 0; i < NumberOfDraws; i++)
        {
            counts[random.Next(7)]++;
        }

        double expected = NumberOfDraws / 7.0;
        Assert.That(counts.Sum(count => (count - expected) * (count - expected) / expected), Is.LessThan(22.5), "99.9 % quantile for 6 degrees");
        Assert.That(Enumerable.Range(0, 100).Select(_ => random.Next(1)), Is.All.Zero);
        Assert.That(() => random.Next(0), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void NextSingleAndNextDouble_StayBelowOneWithMeanOneHalf()
    {
        SeededRandom random = new(2);
        float[] singles = [.. Enumerable.Range(0, NumberOfDraws).Select(_ => random.NextSingle())];
        double[] doubles = [.. Enumerable.Range(0, NumberOfDraws).Select(_ => random.NextDouble())];

        // Standard error of the mean: sqrt(1 / 12 / 100,000) = 0.0009; four of them.
        Assert.That(singles, Is.All.InRange(0f, MathF.BitDecrement(1)));
        Assert.That(singles.Average(), Is.EqualTo(0.5).Within(0.0037));
        Assert.That(doubles, Is.All.InRange(0.0, Math.BitDecrement(1)));
        Assert.That(doubles.Average(), Is.EqualTo(0.5).Within(0.0037));
    }

    [Test]
    public void NextGaussian_HasTheNormalMoments()
    {
        SeededRandom random = new(3);
        double[] values = [.. Enumerable.Range(0, NumberOfDraws).Select(_ => random.NextGaussian())];

        // Standard errors: sqrt(1 / n), sqrt(2 / n), sqrt(96 / n); four of each.
        Assert.That(values.Average(), Is.Zero.Within(0.0127));
        Assert.That(values.Average(value => value * value), Is.EqualTo(1).Within(0.018));
        Assert.That(values.Average(value => Math.Pow(value, 4)), Is.EqualTo(3).Within(0.124));
    }

    [Test]
    public void Shuffle_EveryOrder_IsEquallyLikely()
    {
        SeededRandom random = new(4);
        Dictionary<string, int> counts = [];
        for (int i = 0; i < NumberOfDraws; i++)
        {
            char[] letters = ['a', 'b', 'c', 'd'];
            random.Shuffle<char>(letters);
            counts[new string(letters)] = counts.GetValueOrDefault(new string(letters)) + 1;
        }

        double expected = NumberOfDraws / 24.0;
        Assert.That(counts, Has.Count.EqualTo(24));
        Assert.That(counts.Values.Sum(count => (count - expected) * (count - expected) / expected), Is.LessThan(49.7), "99.9 % quantile for 23 degrees");
    }

    [Test]
    public void Fork_DependsOnSeedAndStreamOnly()
    {
        SeededRandom random = new(5);
        ulong before = random.Fork(1).NextUInt64();
        _ = random.NextUInt64();

        Assert.That(random.Fork(1).NextUInt64(), Is.EqualTo(before));
        Assert.That(
            new[] { random.Fork(0), random.Fork(1), random.Fork(2), new SeededRandom(5), new SeededRandom(6).Fork(1) }.Select(fork => fork.NextUInt64()),
            Is.Unique);
    }
}
