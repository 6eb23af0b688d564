using DCCL.ML.Data;

namespace DCCL.ML.Tests.Device;

/// <summary>Damages files as storage, networks and adversaries do.</summary>
internal static class Corruption
{
    /// <summary>Flips bits, overwrites, cuts off, lengthens, inserts, repeats or swaps parts.</summary>
    public static byte[] Apply(SeededRandom random, byte[] file)
    {
        List<byte> bytes = [.. file];
        int count = 1 + random.Next(3);
        for (int i = 0; i < count; i++)
        {
            int at = bytes.Count == 0 ? 0 : random.Next(bytes.Count);
            int length = bytes.Count == 0 ? 0 : 1 + random.Next(Math.Min(64, bytes.Count - at));
            switch (random.Next(7))
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
                default:
                    bytes.AddRange(Enumerable.Range(0, 1 + random.Next(16)).Select(_ => (byte)random.Next(256)));
                    break;
            }
        }

        return [.. bytes];
    }
}
