using DCCL.ML.Data;
using Microsoft.ML.Data;
using static DCCL.ML.Tests.Scoring.SmallModel;

namespace DCCL.ML.Tests.Conformance;

/// <summary>A pair with everything that the transformer reads, and columns that it only passes on.</summary>
internal sealed class FullPair
{
    [KeyType(NumberOfUsers)]
    public uint User { get; set; }

    [KeyType(NumberOfItems)]
    public uint Item { get; set; }

    [KeyType(NumberOfItems)]
    [VectorType]
    public uint[] History { get; set; } = [];

    [VectorType(2)]
    public float[] Profile { get; set; } = [];

    public string Comment { get; set; } = "";

    [VectorType]
    public string[] Tags { get; set; } = [];

    public DateTime Time { get; set; }

    public static List<FullPair> Create(int count)
    {
        SeededRandom random = new(7);
        return
        [
            .. Enumerable.Range(0, count).Select(i => new FullPair
            {
                User = Key(random.Next(NumberOfUsers + 1)),
                Item = Key(random.Next(NumberOfItems + 1)),
                History = [.. Enumerable.Range(0, random.Next(5)).Select(_ => (uint)random.Next(NumberOfItems + 1))],
                Profile = [random.Next(5) == 0 ? float.NaN : random.NextSingle(), random.NextSingle()],
                Comment = $"comment {i}",
                Tags = [.. Enumerable.Range(0, random.Next(3)).Select(tag => $"tag {tag} of {i}")],
                Time = DateTime.UnixEpoch.AddHours(i),
            }),
        ];
    }
}
