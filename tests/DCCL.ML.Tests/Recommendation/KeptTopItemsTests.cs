using System.Globalization;
using DCCL.ML.Interop;
using DCCL.ML.Recommendation;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Scoring;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.ML.Tests.Recommendation;

/// <summary>Saved top-N transformers of earlier format versions stay readable; KeptModels/README.md says how one is made.</summary>
public sealed class KeptTopItemsTests
{
    private static readonly MLContext _ml = new(seed: 1);

    public static IEnumerable<int> Versions => Enumerable.Range(1, TopItemsTransformerLoader.FormatVersion);

    [TestCaseSource(nameof(Versions))]
    public void Load_AKeptFile_RanksAsRecorded(int version) =>
        CheckKeptFile(Path.Combine(TestContext.CurrentContext.TestDirectory, "KeptModels"), version);

    [Test]
    public void Write_TheCurrentVersionOfTopItems_LoadsAndRanksAsRecorded()
    {
        string folder = Path.Combine(TestContext.CurrentContext.TestDirectory, "NewKeptModels");
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, $"topitems-v{TopItemsTransformerLoader.FormatVersion}");
        using DeviceCloudPredictionTransformer model = SmallModel.Create(servesColdStart: true);
        string[] users = [.. model.UserIds!, "nobody"];
        using TopItemsTransformer transformer = _ml.DeviceCloud().Transforms
            .TopItems(model, new TopItemsEstimator.Options { NumberOfItems = 3, UserColumnName = "Who", ItemsColumnName = "Items", ScoresColumnName = "Scores" })
            .Fit(Load(users));
        _ml.Model.Save(transformer, Load(users).Schema, $"{path}.zip");
        File.WriteAllLines($"{path}.csv", ["user,item,score,item,score,item,score", .. Rank(transformer, users).Select(row => string.Join(',', row))]);

        CheckKeptFile(folder, TopItemsTransformerLoader.FormatVersion);
    }

    private static void CheckKeptFile(string folder, int version)
    {
        string[][] recorded = [.. File.ReadAllLines(Path.Combine(folder, $"topitems-v{version}.csv")).Skip(1).Select(line => line.Split(','))];

        ITransformer loaded = _ml.Model.Load(Path.Combine(folder, $"topitems-v{version}.zip"), out _);

        string[][] ranked = Rank(loaded, [.. recorded.Select(row => row[0])]);
        Assert.That(recorded, Has.Length.EqualTo(6));
        for (int i = 0; i < recorded.Length; i++)
        {
            for (int place = 0; place < 3; place++)
            {
                // Another processor may add up in another order.
                Assert.That(ranked[i][1 + (2 * place)], Is.EqualTo(recorded[i][1 + (2 * place)]), recorded[i][0]);
                Assert.That(Parse(ranked[i][2 + (2 * place)]), Is.EqualTo(Parse(recorded[i][2 + (2 * place)])).Within(1e-5), recorded[i][0]);
            }
        }
    }

    private static double Parse(string number) => double.Parse(number, CultureInfo.InvariantCulture);

    private static IDataView Load(IEnumerable<string> users) => _ml.Data.LoadFromEnumerable(users.Select(user => new UserRow { Who = user }).ToArray());

    private static string[][] Rank(ITransformer transformer, string[] users) =>
    [
        .. _ml.Data.CreateEnumerable<TopRow>(transformer.Transform(Load(users)), reuseRowObject: false).Select(row => (string[])
        [
            row.Who,
            .. row.Items.Zip(row.Scores).SelectMany(pair =>
                new[] { $"{pair.First}", pair.Second.ToString("R", CultureInfo.InvariantCulture) }),
        ]),
    ];

    private sealed class UserRow
    {
        public string Who { get; set; } = "";
    }

    private sealed class TopRow
    {
        public string Who { get; set; } = "";

        public uint[] Items { get; set; } = [];

        public float[] Scores { get; set; } = [];
    }
}
