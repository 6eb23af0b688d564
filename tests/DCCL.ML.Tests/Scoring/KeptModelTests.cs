using System.Globalization;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Scoring;

/// <summary>Files of earlier format versions stay readable; KeptModels/README.md says how one is made.</summary>
public sealed class KeptModelTests
{
    private static readonly MLContext _ml = new(seed: 1);

    public static IEnumerable<int> Versions => Enumerable.Range(1, TransformerFile.FormatVersion);

    [TestCaseSource(nameof(Versions))]
    public void Load_AKeptFile_ScoresAsRecorded(int version)
    {
        CheckKeptFile(Path.Combine(TestContext.CurrentContext.TestDirectory, "KeptModels"), version);
    }

    [Test]
    public void Load_AKeptFile_StatusesOfAllKindsAreRecorded()
    {
        string[] lines = File.ReadAllLines(Path.Combine(TestContext.CurrentContext.TestDirectory, "KeptModels", "v1.csv"));
        Assert.That(lines.Skip(1).Select(line => line.Split(',')[5]).Distinct(), Is.EquivalentTo(Enum.GetNames<PatchStatus>()));
    }

    [Test]
    public void Write_TheCurrentVersion_LoadsAndScoresAsRecorded()
    {
        string folder = Path.Combine(TestContext.CurrentContext.TestDirectory, "NewKeptModels");
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, $"v{TransformerFile.FormatVersion}");
        using DeviceCloudPredictionTransformer model = SmallModel.Create(servesColdStart: true, profileDimension: 0);
        TransformerChain<ITransformer> chain = IdPair.CreateChain(_ml, model);
        IEnumerable<IdPair> pairs =
            from user in model.UserIds!.Append("nobody")
            from item in model.ItemIds!.Append("nothing")
            select new IdPair { UserId = user, ItemId = item };
        _ml.Model.Save(chain, _ml.Data.LoadFromEnumerable(pairs).Schema, $"{path}.zip");
        File.WriteAllLines(
            $"{path}.csv",
            [
                "user,item,score,probability,predictedLabel,patchStatus",
                .. pairs.Zip(Score(chain, pairs), (pair, row) => string.Join(',', row)),
            ]);

        CheckKeptFile(folder, TransformerFile.FormatVersion);
    }

    private static void CheckKeptFile(string folder, int version)
    {
        string[] lines = File.ReadAllLines(Path.Combine(folder, $"v{version}.csv"));
        string[][] recorded = [.. lines.Skip(1).Select(line => line.Split(','))];

        ITransformer model = _ml.Model.Load(Path.Combine(folder, $"v{version}.zip"), out _);

        string[][] scored = Score(model, recorded.Select(row => new IdPair { UserId = row[0], ItemId = row[1] }));
        Assert.That(recorded, Has.Length.GreaterThan(20));
        for (int i = 0; i < recorded.Length; i++)
        {
            // Another processor may add up in another order.
            Assert.That(Parse(scored[i][2]), Is.EqualTo(Parse(recorded[i][2])).Within(1e-5), lines[i + 1]);
            Assert.That(Parse(scored[i][3]), Is.EqualTo(Parse(recorded[i][3])).Within(1e-5), lines[i + 1]);
            Assert.That(scored[i][4..], Is.EqualTo(recorded[i][4..]), lines[i + 1]);
        }

        // What training goes on from is there, too.
        DeviceCloudPredictionTransformer inner = model.DeviceCloudModel();
        Assert.That(inner.Patches!.NumberOfPatchedUsers, Is.EqualTo(1));
        Assert.That(inner.Parameters.Encoder, Is.Not.Null);
        Assert.That(inner.History.Cutoffs.ToArray(), Is.EqualTo(new[] { 3, 5, 6, 7, double.NegativeInfinity }));
        Assert.That(inner.Columns.TimestampColumnName, Is.EqualTo("Time"));
    }

    private static double Parse(string number) => double.Parse(number, CultureInfo.InvariantCulture);

    private static string[][] Score(ITransformer model, IEnumerable<IdPair> pairs) =>
    [
        .. _ml.Data.CreateEnumerable<ScoredIdPair>(model.Transform(_ml.Data.LoadFromEnumerable(pairs)), reuseRowObject: false).Select(row => new[]
        {
            row.UserId, row.ItemId, row.Score.ToString("R", CultureInfo.InvariantCulture), row.Probability.ToString("R", CultureInfo.InvariantCulture),
            row.PredictedLabel ? "true" : "false", $"{(PatchStatus)row.PatchStatus}",
        }),
    ];

    private sealed class ScoredIdPair
    {
        public string UserId { get; set; } = "";

        public string ItemId { get; set; } = "";

        public float Score { get; set; }

        public float Probability { get; set; }

        public bool PredictedLabel { get; set; }

        public uint PatchStatus { get; set; }
    }
}
