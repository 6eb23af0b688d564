using System.Diagnostics;
using System.Security.Cryptography;
using DCCL.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests;

/// <summary>Damages files as storage, networks and adversaries do.</summary>
internal static class Corruption
{
    private const long MaximumMemory = 64 << 20;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    /// <summary>Flips bits, overwrites, blows lengths up, cuts off, lengthens, inserts or repeats parts.</summary>
    public static byte[] Apply(SeededRandom random, byte[] file)
    {
        List<byte> bytes = [.. file];
        int count = 1 + random.Next(3);
        for (int i = 0; i < count; i++)
        {
            int at = bytes.Count == 0 ? 0 : random.Next(bytes.Count);
            int length = bytes.Count == 0 ? 0 : 1 + random.Next(Math.Min(64, bytes.Count - at));
            switch (random.Next(8))
            {
                case 0 when bytes.Count > 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when bytes.Count > 0:
                    byte[] extremes = [0, 255, 127, 128];
                    for (int j = at; j < at + Math.Min(length, 8); j++)
                    {
                        bytes[j] = extremes[random.Next(4)];
                    }

                    break;
                case 2:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 3:
                    bytes.RemoveRange(at, length);
                    break;
                case 4:
                    bytes.InsertRange(at, Enumerable.Range(0, 1 + random.Next(16)).Select(_ => (byte)random.Next(256)));
                    break;
                case 5:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                case 6 when at <= bytes.Count - sizeof(int):
                    int[] lengths = [int.MaxValue, int.MinValue, -1, -2, 0, 1 << 24];
                    byte[] blownUp = BitConverter.GetBytes(lengths[random.Next(lengths.Length)]);
                    for (int j = 0; j < blownUp.Length; j++)
                    {
                        bytes[at + j] = blownUp[j];
                    }

                    break;
                default:
                    bytes.AddRange(Enumerable.Range(0, 1 + random.Next(16)).Select(_ => (byte)random.Next(256)));
                    break;
            }
        }

        return [.. bytes];
    }

    /// <summary>Puts a digest behind bytes, as somebody would who alters a file on purpose.</summary>
    public static byte[] WithDigest(byte[] bytes) => [.. bytes, .. SHA256.HashData(bytes)];

    /// <summary>Reads a damaged file: neither does it hang, nor is memory gone.</summary>
    public static void Guard(string what, Action read)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Stopwatch watch = Stopwatch.StartNew();
        read();
        Assert.That(watch.Elapsed, Is.LessThan(_patience), what);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(MaximumMemory), what);
    }
}
