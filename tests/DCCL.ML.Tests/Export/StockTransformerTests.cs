using DCCL.ML.Data;
using DCCL.ML.Export;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Export;

/// <summary>The exported file in ML.NET's own OnnxTransformer, in a pipeline that knows nothing of DCCL.</summary>
public sealed class StockTransformerTests
{
    private const int HistoryLength = 3;

    [Test]
    public void ApplyOnnxModel_TheExportedFile_GivesTheSameScores([Values] bool required)
    {
        DeviceCloudPredictionTransformer model = SmallModel.Create();
        string path = Path.Combine(Directory.CreateTempSubdirectory("dccl-stock-").FullName, "model.onnx");
        model.ExportToOnnx(path, new OnnxExportOptions { RequiresPatch = required });
        SeededRandom random = new(1);
        Row[] rows =
        [
            .. Enumerable.Range(0, 40).Select(i => new Row
            {
                Item = [1 + random.Next(SmallModel.NumberOfItems)],
                History = [.. Enumerable.Range(0, HistoryLength).Select(j => j < i % 4 ? 1L + random.Next(SmallModel.NumberOfItems) : 0)],
                Patch = [.. Enumerable.Range(0, 3).Select(_ => (float)random.NextGaussian())],
            }),
        ];
        MLContext context = new(seed: 1);
        string[] inputs = required ? ["item", "history", "patch"] : ["item", "history"];
        IDataView scored = context.Transforms
            .ApplyOnnxModel(
                outputColumnNames: ["score", "probability"],
                inputColumnNames: inputs,
                modelFile: path,
                recursionLimit: 100,
                shapeDictionary: new Dictionary<string, int[]> { ["item"] = [1, 1], ["history"] = [1, HistoryLength], ["patch"] = [1, 3], ["score"] = [1, 1], ["probability"] = [1, 1] })
            .Fit(context.Data.LoadFromEnumerable(rows))
            .Transform(context.Data.LoadFromEnumerable(rows));

        float[] scores = [.. scored.GetColumn<float[]>("score").Select(own => own.Single())];
        float[] probabilities = [.. scored.GetColumn<float[]>("probability").Select(own => own.Single())];
        TextbookDin textbook = new(model.Parameters, random);
        double[] expected = [.. rows.Select(row => textbook.Score(row.Item[0], row.History, [], required ? row.Patch : []))];
        Assert.That(Deviation.Max(scores, expected), Is.LessThan(1e-5));
        Assert.That(Deviation.Max(probabilities, [.. expected.Select(x => 1 / (1 + Math.Exp(-x)))]), Is.LessThan(1e-5));
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    private sealed class Row
    {
        [ColumnName("item")]
        [VectorType(1, 1)]
        public long[] Item { get; set; } = [];

        [ColumnName("history")]
        [VectorType(1, HistoryLength)]
        public long[] History { get; set; } = [];

        [ColumnName("patch")]
        [VectorType(1, 3)]
        public float[] Patch { get; set; } = [];
    }
}
