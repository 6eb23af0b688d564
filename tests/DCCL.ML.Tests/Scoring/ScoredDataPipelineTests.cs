using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;
using static DCCL.ML.Tests.Scoring.SmallModel;

namespace DCCL.ML.Tests.Scoring;

/// <summary>Scored data are data like any other: what ML.NET offers for data works on them.</summary>
public sealed class ScoredDataPipelineTests
{
    private const int NumberOfRows = 3000;

    private readonly MLContext _ml = new(seed: 1);
    private readonly DeviceCloudPredictionTransformer _model;
    private readonly List<NumberedPair> _pairs = CreatePairs();
    private readonly float[] _expected;

    public ScoredDataPipelineTests()
    {
        using DeviceCloudPredictionTransformer small = SmallModel.Create(servesColdStart: true);
        _model = new DeviceCloudPredictionTransformer(small.Parameters, small.Patches, small.History, small.Columns); // any number of threads

        // One row at a time, in a prediction engine: another path than the one under test.
        using PredictionEngine<NumberedPair, Prediction> engine = _ml.Model.CreatePredictionEngine<NumberedPair, Prediction>(
            _model, new PredictionEngineOptions { OwnsTransformer = false });
        _expected = [.. _pairs.Select(pair => engine.Predict(pair).Score)];
    }

    [OneTimeTearDown]
    public void Dispose() => _model.Dispose();

    [Test]
    public void GetRowCursorSet_OfDataThatGiveOneCursor_DividesThem()
    {
        IDataView scored = Score();
        DataViewRowCursor[] cursors = scored.GetRowCursorSet(scored.Schema, 4);
        try
        {
            Assert.That(cursors, Has.Length.EqualTo(4));
            ValueGetter<int> first = cursors[0].GetGetter<int>(scored.Schema["Number"]);
            ValueGetter<int> second = cursors[1].GetGetter<int>(scored.Schema["Number"]);
            int x = 0;
            int y = 0;
            Assert.That((cursors[0].MoveNext(), cursors[1].MoveNext()), Is.EqualTo((true, true)));
            first(ref x);
            second(ref y);
            Assert.That(x, Is.Not.EqualTo(y));
        }
        finally
        {
            Array.ForEach(cursors, cursor => cursor.Dispose());
        }
    }

    [Test]
    public void Scores_WithStockTransformsBehind_AreTheSameBitsWhoeverReadsThem()
    {
        // ML.NET reads through as many cursors as there are processors, and which of them gets which row is chance.
        uint[] expected = [.. Score().GetColumn<float>("Score").Select(BitConverter.SingleToUInt32Bits)];
        for (int n = 2; n <= 5; n++)
        {
            IDataView scored = Score();
            DataViewRowCursor[] cursors = scored.GetRowCursorSet([scored.Schema["Number"], scored.Schema["Score"]], n);
            uint[] found = new uint[NumberOfRows];
            Parallel.ForEach(cursors, cursor =>
            {
                ValueGetter<int> getNumber = cursor.GetGetter<int>(cursor.Schema["Number"]);
                ValueGetter<float> getScore = cursor.GetGetter<float>(cursor.Schema["Score"]);
                int number = 0;
                float score = 0;
                while (cursor.MoveNext())
                {
                    getNumber(ref number);
                    getScore(ref score);
                    found[number] = BitConverter.SingleToUInt32Bits(score);
                    Thread.Sleep(number % 97 == 0 ? 1 : 0);
                }

                cursor.Dispose();
            });
            Assert.That(found, Is.EqualTo(expected), $"{n} cursors");
        }
    }

    [Test]
    public void GetRowCursorSet_WhereAReaderOfTheInputFails_ThrowsInAReader()
    {
        IEnumerable<NumberedPair> broken = _pairs.Select(pair => pair.Number < 2000 ? pair : throw new InvalidDataException("Row 2000 is broken."));
        IDataView scored = _model.Transform(_ml.Data.LoadFromEnumerable(broken));
        IDataView after = _ml.Transforms.Expression("Double", "x => 2 * x", "Score").Fit(scored).Transform(scored);
        Exception fault = Assert.Catch(() => _ = after.GetColumn<float>("Double").Count());
        Assert.That(fault.GetBaseException().Message, Is.EqualTo("Row 2000 is broken."));
    }

    [Test]
    public void Cursor_OnAColumnThatCannotBeKept_ScoresRowByRow()
    {
        IDataView images = _ml.Transforms.CustomMapping<NumberedPair, WithTicket>((pair, output) => output.Ticket = new Ticket(pair.Number), null)
            .Fit(_ml.Data.LoadFromEnumerable(_pairs)).Transform(_ml.Data.LoadFromEnumerable(_pairs));
        ScoredTicket[] rows = [.. _ml.Data.CreateEnumerable<ScoredTicket>(_model.Transform(images), reuseRowObject: false)];
        Assert.That(rows.Select(row => row.Ticket!.Number), Is.EqualTo(_pairs.Select(pair => pair.Number)));
        Assert.That(rows.Select(row => row.Score), Is.EqualTo(_expected).Within(1e-6));
    }

    [Test]
    public void StockTransforms_AfterIt_ReadTheScoresOfTheirRows()
    {
        IDataView scored = Score();
        IDataView after = _ml.Transforms.Expression("Double", "x => 2 * x", "Score")
            .Append(_ml.Transforms.NormalizeMeanVariance("Scaled", "Probability"))
            .Append(_ml.Transforms.Conversion.ConvertType("Liked", "PredictedLabel", DataKind.Single))
            .Append(_ml.Transforms.Concatenate("Together", "Double", "Liked"))
            .Append(_ml.Transforms.Conversion.MapKeyToValue("Status", "PatchStatus"))
            .Fit(scored).Transform(scored);

        float[][] together = [.. after.GetColumn<float[]>("Together")];
        Assert.That(together.Select(row => row[0]), Is.EqualTo(_expected.Select(score => 2 * score)).Within(2e-6));
        Assert.That(together.Select(row => row[1]), Is.EqualTo(_expected.Select(score => score > 0 ? 1f : 0f)));
        Assert.That(after.GetColumn<int>("Number"), Is.EqualTo(_pairs.Select(pair => pair.Number)));
        Assert.That(after.GetColumn<string>("Status").Distinct(), Is.EquivalentTo(new[] { "UnknownUser", "Patched", "Gated", "ColdStart", "UnknownItem", "Cloud" }));
        Assert.That(after.GetColumn<float>("Scaled").Count(float.IsNaN), Is.EqualTo(_expected.Count(float.IsNaN)));
    }

    [Test]
    public void Cache_TakeRowsAndSkipRows_KeepRowsAndScoresTogether()
    {
        IDataView cached = _ml.Data.Cache(Score());
        Check(cached, 0, NumberOfRows);
        Check(cached, 0, NumberOfRows);
        Check(_ml.Data.TakeRows(Score(), 1500), 0, 1500);
        Check(_ml.Data.SkipRows(Score(), 1200), 1200, NumberOfRows - 1200);
        Check(_model.Transform(_ml.Data.Cache(_ml.Data.LoadFromEnumerable(_pairs))), 0, NumberOfRows);

        void Check(IDataView data, int skip, int take)
        {
            Assert.That(data.GetColumn<int>("Number"), Is.EqualTo(Enumerable.Range(skip, take)));
            Assert.That(data.GetColumn<float>("Score"), Is.EqualTo(_expected.Skip(skip).Take(take)).Within(1e-6));
        }
    }

    [Test]
    public void ShuffleRows_BeforeOrAfter_KeepsRowsAndScoresTogether()
    {
        CheckShuffled(_ml.Data.ShuffleRows(Score(), seed: 3));
        CheckShuffled(_model.Transform(_ml.Data.ShuffleRows(_ml.Data.LoadFromEnumerable(_pairs), seed: 3)));
        CheckShuffled(_ml.Data.ShuffleRows(_model.Transform(_ml.Data.Cache(_ml.Data.LoadFromEnumerable(_pairs)))));
    }

    [Test]
    public void FilterAndSplit_OfScoredData_KeepRowsAndScoresTogether()
    {
        NumberedScore[] positive = [.. _ml.Data.CreateEnumerable<NumberedScore>(_ml.Data.FilterRowsByColumn(Score(), "Score", lowerBound: 0), reuseRowObject: false)];
        Assert.That(positive.Select(row => row.Number), Is.EqualTo(Enumerable.Range(0, NumberOfRows).Where(i => _expected[i] >= 0)));
        Assert.That(_ml.Data.FilterRowsByMissingValues(Score(), "Score").GetColumn<int>("Number").Count(), Is.EqualTo(_expected.Count(score => !float.IsNaN(score))));

        // ML.NET drops rows whose sampling key is missing, scored or not: the pairs themselves say what belongs where.
        DataOperationsCatalog.TrainTestData split = _ml.Data.TrainTestSplit(Score(), testFraction: 0.25, samplingKeyColumnName: "User", seed: 1);
        DataOperationsCatalog.TrainTestData expected = _ml.Data.TrainTestSplit(
            _ml.Data.LoadFromEnumerable(_pairs), testFraction: 0.25, samplingKeyColumnName: "User", seed: 1);
        NumberedScore[] train = [.. _ml.Data.CreateEnumerable<NumberedScore>(split.TrainSet, reuseRowObject: false)];
        NumberedScore[] test = [.. _ml.Data.CreateEnumerable<NumberedScore>(split.TestSet, reuseRowObject: false)];
        Assert.That(train.Select(row => row.Number), Is.EqualTo(expected.TrainSet.GetColumn<int>("Number")));
        Assert.That(test.Select(row => row.Number), Is.EqualTo(expected.TestSet.GetColumn<int>("Number")));
        Assert.That(train.Concat(test).Select(row => row.Score), Is.EqualTo(train.Concat(test).Select(row => _expected[row.Number])).Within(1e-6));
        Assert.That((train.Length, test.Length), Is.GreaterThan((0, 0)));
        Assert.That(train.Select(row => row.User).Intersect(test.Select(row => row.User)), Is.Empty);
    }

    [Test]
    public void Evaluate_AsAnyBinaryClassifier_EqualsTheDefinitions()
    {
        // Kept in memory, because there are many equal rows: the last bit of their scores decides which of them ranks first.
        IDataView known = _ml.Data.Cache(_ml.Data.FilterRowsByMissingValues(Score(), "Score"));
        CalibratedBinaryClassificationMetrics metrics = _ml.BinaryClassification.Evaluate(known);

        (bool Label, double Score)[] rows = [.. _pairs.Where(pair => !float.IsNaN(_expected[pair.Number])).Select(pair => (pair.Label, (double)_expected[pair.Number]))];
        double accuracy = rows.Average(row => row.Label == row.Score > 0 ? 1.0 : 0);
        double logLoss = rows.Average(row => Math.Log2(1 + Math.Exp(row.Label ? -row.Score : row.Score))); // ML.NET's is in bits
        float[] scores = [.. known.GetColumn<float>("Score")];
        Assert.That(scores, Is.EqualTo(rows.Select(row => row.Score)).Within(1e-6));
        ILookup<bool, float> byLabel = rows.Zip(scores).ToLookup(row => row.First.Label, row => row.Second);
        double[] wins =
        [
            .. byLabel[true].SelectMany(_ => byLabel[false], (yes, no) => yes > no ? 1 : yes < no ? 0 : 0.5),
        ];
        Assert.That(metrics.Accuracy, Is.EqualTo(accuracy).Within(1e-9));
        Assert.That(metrics.LogLoss, Is.EqualTo(logLoss).Within(1e-5));
        Assert.That(metrics.AreaUnderRocCurve, Is.EqualTo(wins.Average()).Within(1e-6));
    }

    [Test]
    public void TwoModels_WithRenamedColumns_BothScore()
    {
        using DeviceCloudPredictionTransformer cloud = _model.WithPatches(null);
        IDataView first = _model.Transform(_ml.Data.LoadFromEnumerable(_pairs));
        IDataView renamed = _ml.Transforms.CopyColumns("FirstScore", "Score").Fit(first).Transform(first);
        IDataView both = cloud.Transform(renamed);

        float[] plain = [.. cloud.Transform(_ml.Data.LoadFromEnumerable(_pairs)).GetColumn<float>("Score")];
        Assert.That(both.GetColumn<float>("FirstScore"), Is.EqualTo(_expected).Within(1e-6));
        Assert.That(both.GetColumn<float>("Score"), Is.EqualTo(plain).Within(1e-6));
        Assert.That(plain, Is.Not.EqualTo(_expected).Within(1e-3));
        uint[] ids = [.. both.Schema.Where(column => column.Name == "Score").Select(GetSetId)];
        Assert.That(ids, Is.EqualTo(new uint[] { 1, 2 }), "an evaluator can tell the two sets of score columns apart");
    }

    [Test]
    public void SaveAsBinaryAndText_OfScoredData_AreReadAgain()
    {
        using MemoryStream binary = new();
        _ml.Data.SaveAsBinary(Score(), binary);
        IDataView read = _ml.Data.LoadFromBinary(new BytesSource(binary.ToArray()));
        Assert.That(read.GetColumn<float>("Score"), Is.EqualTo(_expected).Within(1e-6));
        Assert.That(KeyIds.Read(read.Schema["PatchStatus"]), Is.EqualTo(Enum.GetNames<PatchStatus>()));

        using MemoryStream text = new();
        _ml.Data.SaveAsText(Score(), text, headerRow: false, schema: false);
        Assert.That(System.Text.Encoding.UTF8.GetString(text.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(NumberOfRows));
    }

    private static uint GetSetId(DataViewSchema.Column column)
    {
        uint id = 0;
        column.Annotations.GetValue("ScoreColumnSetId", ref id);
        return id;
    }

    private static List<NumberedPair> CreatePairs()
    {
        SeededRandom random = new(4);
        return
        [
            .. Enumerable.Range(0, NumberOfRows).Select(i => new NumberedPair
            {
                Number = i,
                User = Key(random.Next(NumberOfUsers + 1)),
                Item = Key(random.Next(20) == 0 ? 0 : 1 + random.Next(NumberOfItems)),
                Label = random.Next(2) == 0,
            }),
        ];
    }

    private IDataView Score() => _model.Transform(_ml.Data.LoadFromEnumerable(_pairs));

    private void CheckShuffled(IDataView data)
    {
        NumberedScore[] rows = [.. _ml.Data.CreateEnumerable<NumberedScore>(data, reuseRowObject: false)];
        Assert.That(rows.Select(row => row.Number), Is.Not.Ordered);
        Assert.That(rows.Select(row => row.Number), Is.EquivalentTo(Enumerable.Range(0, NumberOfRows)));
        Assert.That(rows.Select(row => row.Score), Is.EqualTo(rows.Select(row => _expected[row.Number])).Within(1e-6));
    }

    private sealed class NumberedPair : Pair
    {
        public int Number { get; set; }

        public bool Label { get; set; }
    }

    private sealed class NumberedScore
    {
        public int Number { get; set; }

        public uint User { get; set; }

        public float Score { get; set; }
    }

    private sealed record Ticket(int Number);

    private sealed class WithTicket
    {
        [TicketType]
        public Ticket? Ticket { get; set; }
    }

    private sealed class ScoredTicket
    {
        [TicketType]
        public Ticket? Ticket { get; set; }

        public float Score { get; set; }
    }

    /// <summary>A type of which ML.NET does not know whether values may be kept.</summary>
    private sealed class TicketType() : StructuredDataViewType(typeof(Ticket))
    {
        public override bool Equals(DataViewType? other) => other is TicketType;

        public override int GetHashCode() => 1;
    }

    [AttributeUsage(AttributeTargets.Property)]
    private sealed class TicketTypeAttribute : DataViewTypeAttribute
    {
        public override bool Equals(DataViewTypeAttribute? other) => other is TicketTypeAttribute;

        public override int GetHashCode() => 1;

        public override void Register() => DataViewTypeManager.Register(new TicketType(), typeof(Ticket), this);
    }

    private sealed class BytesSource(byte[] bytes) : IMultiStreamSource
    {
        public int Count => 1;

        public string GetPathOrNull(int index) => null!;

        public Stream Open(int index) => new MemoryStream(bytes);

        public TextReader OpenTextReader(int index) => new StreamReader(Open(index));
    }
}
