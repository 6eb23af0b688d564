using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;

namespace DCCL.ML.Tests.Scoring;

public sealed class RowScorerTests
{
    private const int NumberOfUsers = 30;

    // Of some hundred single-precision sums, relative to scores above 1.
    private const double Tolerance = 2e-6;

    private readonly MLContext _ml = new(seed: 1);

    /// <summary>Groups of all sizes, from one row to many more than a block, in any order: each row is scored as the textbook says.</summary>
    [Test]
    public void Transform_RowsOfGroupsOfAllSizes_AreScoredAsTheTextbookSays([Range(1, 6)] int seed)
    {
        SeededRandom random = new(seed);
        using DeviceCloudPredictionTransformer model = CreateModel(random);
        TextbookDin textbook = new(model.Parameters, random);
        List<SmallModel.PairWithProfile> rows = [];
        for (int user = 0; user <= NumberOfUsers + 1; user++)
        {
            int size = user % 5 == 0 ? 100 + random.Next(200) : random.Next(20);
            rows.AddRange(Enumerable.Range(0, size).Select(_ => new SmallModel.PairWithProfile
            {
                User = SmallModel.Key(user > NumberOfUsers ? 0 : user),
                Item = SmallModel.Key(random.Next(model.Parameters.Architecture.NumberOfItems + 1)),
            }));
        }

        random.Shuffle<SmallModel.PairWithProfile>(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(rows));

        float[] scores = [.. model.Transform(Load(rows, model)).GetColumn<float>("Score")];

        for (int i = 0; i < rows.Count; i++)
        {
            double expected = GetExpected(model, textbook, (int)(rows[i].User + 1), (int)(rows[i].Item + 1), profile: null);
            Assert.That(scores[i], Is.EqualTo(expected).Within(Tolerance * Math.Max(1, Math.Abs(double.IsNaN(expected) ? 0 : expected))), $"row {i}");
        }
    }

    [Test]
    public void Transform_RowsOfAUserWithDifferentProfiles_GetTheirOwn([Range(1, 3)] int seed)
    {
        SeededRandom random = new(seed);
        using DeviceCloudPredictionTransformer model = CreateModel(random, profileDimension: 2);
        TextbookDin textbook = new(model.Parameters, random);
        SmallModel.PairWithProfile[] rows =
        [
            .. Enumerable.Range(0, 400).Select(i => new SmallModel.PairWithProfile
            {
                User = SmallModel.Key(1 + (i / 100)),
                Item = SmallModel.Key(1 + random.Next(model.Parameters.Architecture.NumberOfItems)),
                Profile = i % 3 == 0 ? [float.NaN, 0] : [i / 50, 1 - (i % 2)],
            }),
        ];

        float[] scores = [.. model.Transform(Load(rows, model)).GetColumn<float>("Score")];

        for (int i = 0; i < rows.Length; i++)
        {
            double expected = GetExpected(
                model, textbook, (int)(rows[i].User + 1), (int)(rows[i].Item + 1), i % 3 == 0 ? null : rows[i].Profile);
            Assert.That(scores[i], Is.EqualTo(expected).Within(Tolerance * Math.Max(1, Math.Abs(expected))), $"row {i}");
        }
    }

    [Test]
    public void Transform_MoreRows_HoldsNoMoreMemory()
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        const int NumberOfRows = 300_000;
        SmallModel.Pair row = new();
        IEnumerable<SmallModel.Pair> rows = Enumerable.Range(0, NumberOfRows).Select(i =>
        {
            row.User = SmallModel.Key(1 + (i % SmallModel.NumberOfUsers));
            row.Item = SmallModel.Key(1 + (i % SmallModel.NumberOfItems));
            return row;
        });
        long early = 0;
        long late = 0;
        int count = 0;
        foreach (float _ in model.Transform(_ml.Data.LoadFromEnumerable(rows)).GetColumn<float>("Score"))
        {
            count++;
            if (count == NumberOfRows / 10)
            {
                early = GC.GetTotalMemory(forceFullCollection: true);
            }
            else if (count == NumberOfRows)
            {
                late = GC.GetTotalMemory(forceFullCollection: true);
            }
        }

        // One more byte for each of the other 270,000 rows would be more than this.
        Assert.That(late - early, Is.LessThan(200_000));
    }

    // Histories of 4096 rows would be more numbers than an array holds.
    [Test]
    public void Transform_AModelOfVeryLongHistories_TakesFewerRowsAtOnce()
    {
        DinArchitecture architecture = new()
        {
            NumberOfItems = 5,
            HistoryLength = 600_000,
            EmbeddingDimension = 1,
            ActivationUnitSize = 1,
            HiddenLayerSizes = [2],
        };
        InteractionLog log = InteractionLog.Create(NumberOfUsers, 5, [1, 1, 2], [1, 2, 3], [1, 2, 3]);
        using DeviceCloudPredictionTransformer model = new(
            RandomModel.Create(new SeededRandom(1), architecture), null, BehaviorHistory.FromLog(log, architecture), new InteractionColumns("User", "Item", "Time"));
        SmallModel.PairWithProfile[] rows =
            [.. Enumerable.Range(0, 20).Select(i => new SmallModel.PairWithProfile { User = SmallModel.Key(1 + (i % 3)), Item = SmallModel.Key(1 + (i % 5)) })];

        float[] scores = [.. model.Transform(Load(rows, model)).GetColumn<float>("Score")];

        TextbookDin textbook = new(model.Parameters, new SeededRandom(1));
        double[] expected = [.. rows.Select(row => GetExpected(model, textbook, (int)row.User + 1, (int)row.Item + 1, profile: null))];
        Assert.That(scores, Is.EqualTo(expected).Within(1e-5));
    }

    private static double GetExpected(
        DeviceCloudPredictionTransformer model, TextbookDin textbook, int user, int item, float[]? profile)
    {
        if (item == 0)
        {
            return double.NaN;
        }

        long[] history = user == 0 ? [] : [.. model.History.GetRecentItems(user, model.Parameters.Architecture.HistoryLength).ToArray().Reverse().Select(key => (long)key)];
        float[] nobody = new float[model.Parameters.Architecture.ProfileDimension];
        ReadOnlySpan<float> patch = user > 0 && model.Patches?.GetStatus(user) == PatchStatus.Patched ? model.Patches[user] : [];
        return textbook.Score(item, history, profile ?? (user == 0 ? nobody : model.History.GetProfile(user)), patch);
    }

    private static DeviceCloudPredictionTransformer CreateModel(SeededRandom random, int profileDimension = 0)
    {
        DinArchitecture architecture = RandomModel.CreateArchitecture(random) with { ProfileDimension = profileDimension };
        PatchArchitecture patch = RandomModel.CreatePatch(random, architecture);
        int[] users = [.. Enumerable.Range(0, 200).Select(_ => 1 + random.Next(NumberOfUsers))];
        int[] items = [.. users.Select(_ => 1 + random.Next(architecture.NumberOfItems))];
        float[] profiles = new float[NumberOfUsers * profileDimension];
        RandomModel.Fill(random, profiles);
        InteractionLog log = InteractionLog.Create(
            NumberOfUsers, architecture.NumberOfItems, users, items, [.. items.Select(_ => random.NextDouble())], labels: null,
            profileDimension == 0 ? null : profiles, profileDimension);
        PatchStatus[] statuses = [.. Enumerable.Range(0, NumberOfUsers).Select(user => user % 3 == 0 ? PatchStatus.Gated : PatchStatus.Patched)];
        float[] values = new float[NumberOfUsers * patch.PatchSize];
        RandomModel.Fill(random, values);
        for (int user = 0; user < NumberOfUsers; user += 3)
        {
            values.AsSpan(user * patch.PatchSize, patch.PatchSize).Clear();
        }

        return new DeviceCloudPredictionTransformer(
            RandomModel.Create(random, architecture, patch),
            new UserPatches(patch.PatchSize, values, statuses),
            BehaviorHistory.FromLog(log, architecture),
            new InteractionColumns("User", "Item", "Time", ProfileColumnName: profileDimension > 0 ? "Profile" : null));
    }

    private IDataView Load(IEnumerable<SmallModel.PairWithProfile> rows, DeviceCloudPredictionTransformer model)
    {
        SchemaDefinition schema = SchemaDefinition.Create(typeof(SmallModel.PairWithProfile));
        schema["User"].ColumnType = new KeyDataViewType(typeof(uint), NumberOfUsers);
        schema["Item"].ColumnType = new KeyDataViewType(typeof(uint), model.Parameters.Architecture.NumberOfItems);
        if (model.Parameters.Architecture.ProfileDimension == 0)
        {
            schema.Remove(schema["Profile"]);
        }

        return _ml.Data.LoadFromEnumerable(rows, schema);
    }
}
