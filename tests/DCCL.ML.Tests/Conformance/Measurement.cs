using DCCL.ML.Data;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.ML.Tests.Conformance;

/// <summary>A row that stock estimators can learn from.</summary>
internal sealed class Measurement
{
    public const int NumberOfRows = 6500;

    public string Place { get; set; } = "";

    public bool Label { get; set; }

    [VectorType(2)]
    public float[] Features { get; set; } = [];

    public static IDataView Load(MLContext context)
    {
        SeededRandom random = new(1);
        return context.Data.LoadFromEnumerable(Enumerable.Range(0, NumberOfRows).Select(i =>
        {
            float[] features = [(float)random.NextGaussian(), (float)random.NextGaussian()];
            return new Measurement { Place = $"place {i % 7}", Label = features[0] + random.NextGaussian() > 0, Features = features };
        }).ToList());
    }
}
