using System.Numerics;

namespace DCCL.ML.Data;

/// <summary>A small random number generator whose numbers depend on its seed alone.</summary>
/// <remarks>
/// xoshiro256** (Blackman and Vigna), its state filled by SplitMix64. Unlike <see cref="Random"/>, its sequence is part of its
/// contract: the same seed gives the same numbers in every version of this library. Not thread-safe: give each thread its own,
/// with <see cref="Fork"/>.
/// </remarks>
public sealed class SeededRandom
{
    private ulong _seed;
    private ulong _state0;
    private ulong _state1;
    private ulong _state2;
    private ulong _state3;

    /// <summary>Creates the generator.</summary>
    /// <param name="seed">The seed.</param>
    public SeededRandom(int seed)
        : this((ulong)(uint)seed)
    {
    }

    private SeededRandom(ulong seed)
    {
        _seed = seed;
        _state0 = SplitMix(ref seed);
        _state1 = SplitMix(ref seed);
        _state2 = SplitMix(ref seed);
        _state3 = SplitMix(ref seed);
    }

    /// <summary>Draws 64 random bits.</summary>
    /// <returns>The bits.</returns>
    public ulong NextUInt64()
    {
        ulong result = BitOperations.RotateLeft(_state1 * 5, 7) * 9;
        ulong shifted = _state1 << 17;
        _state2 ^= _state0;
        _state3 ^= _state1;
        _state1 ^= _state2;
        _state0 ^= _state3;
        _state2 ^= shifted;
        _state3 = BitOperations.RotateLeft(_state3, 45);
        return result;
    }

    /// <summary>Draws an integer, each with the same probability.</summary>
    /// <param name="exclusiveMaximum">One more than the largest, at least 1.</param>
    /// <returns>An integer from 0 to below <paramref name="exclusiveMaximum"/>.</returns>
    public int Next(int exclusiveMaximum)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMaximum);

        // Lemire's method: the high half of a product, after refusing the few low halves that would favour some results.
        uint range = (uint)exclusiveMaximum;
        ulong product = (NextUInt64() >> 32) * range;
        if ((uint)product < range)
        {
            uint threshold = (uint)(-exclusiveMaximum) % range;
            while ((uint)product < threshold)
            {
                product = (NextUInt64() >> 32) * range;
            }
        }

        return (int)(product >> 32);
    }

    /// <summary>Draws a number from 0 to below 1.</summary>
    /// <returns>A multiple of 2 to the power of -24.</returns>
    public float NextSingle() => (NextUInt64() >> 40) * (1f / (1 << 24));

    /// <summary>Draws a number from 0 to below 1.</summary>
    /// <returns>A multiple of 2 to the power of -53.</returns>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1L << 53));

    /// <summary>Draws from the normal distribution of mean 0 and standard deviation 1.</summary>
    /// <returns>The number.</returns>
    public double NextGaussian()
        => Math.Sqrt(-2 * Math.Log(1 - NextDouble())) * Math.Cos(2 * Math.PI * NextDouble());

    /// <summary>Puts values into a random order, each order with the same probability.</summary>
    /// <typeparam name="T">The type of the values.</typeparam>
    /// <param name="values">The values.</param>
    public void Shuffle<T>(Span<T> values)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            int j = Next(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    /// <summary>Creates an independent generator for one part of the work: a thread, a user, an epoch.</summary>
    /// <param name="stream">The part's number.</param>
    /// <returns>A generator that depends on this one's seed and on the number, not on what has been drawn so far.</returns>
    public SeededRandom Fork(ulong stream)
    {
        ulong mixed = _seed;
        ulong first = SplitMix(ref mixed);
        mixed = first ^ stream;
        return new SeededRandom(SplitMix(ref mixed) ^ BitOperations.RotateLeft(first, 32));
    }

    /// <summary>Gets all that the numbers to come depend on.</summary>
    /// <returns>5 words, for <see cref="SetState"/>.</returns>
    public ulong[] GetState() => [_seed, _state0, _state1, _state2, _state3];

    /// <summary>Makes the generator draw what another one would have drawn from a moment on.</summary>
    /// <param name="state">What <see cref="GetState"/> gave at that moment: 5 words, the last four not all zero.</param>
    /// <exception cref="ArgumentException">The words are none of a generator.</exception>
    public void SetState(ReadOnlySpan<ulong> state)
    {
        if (state.Length != 5 || state[1..].IndexOfAnyExcept(0UL) < 0)
        {
            throw new ArgumentException("The state must be 5 words of GetState, but is none.", nameof(state));
        }

        (_seed, _state0, _state1, _state2, _state3) = (state[0], state[1], state[2], state[3], state[4]);
    }

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        ulong mixed = state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
