using DCCL.ML.Data;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using NUnit.Framework;

namespace DCCL.ML.Tests.Data;

public sealed class InteractionSplitTests
{
    private static readonly InteractionColumns _columns = new("User", "Item", "Time");

    private readonly MLContext _ml = new(seed: 1);

    [TestCase(1, 1, 0, 0)]
    [TestCase(2, 1, 0, 1)]
    [TestCase(3, 2, 0, 1)]
    [TestCase(4, 2, 1, 1)]
    [TestCase(5, 3, 1, 1)]
    [TestCase(9, 6, 2, 1)]
    [TestCase(10, 7, 2, 1)]
    [TestCase(11, 7, 2, 2)]
    [TestCase(20, 14, 4, 2)]
    public void ByPeriods_PerUser_CutsEachUsersEventsInOrder(int numberOfEvents, int cloud, int device, int test)
    {
        // All events of a user in one session, latest first.
        Row[] rows = [.. Enumerable.Range(0, numberOfEvents).Select(i => new Row { Number = i, User = "u", Item = "a", Time = 1000 - i })];

        PeriodSplit split = InteractionSplit.ByPeriods(_ml.Data.LoadFromEnumerable(rows), _columns, cut: PeriodCut.PerUser);

        int[] ordered = [.. Enumerable.Range(0, numberOfEvents).Reverse()];
        Assert.That(Numbers(split.Cloud), Is.EquivalentTo(ordered[..cloud]));
        Assert.That(Numbers(split.Device), Is.EquivalentTo(ordered[cloud..(cloud + device)]));
        Assert.That(Numbers(split.Test), Is.EquivalentTo(ordered[(cloud + device)..]));
        Assert.That(ordered[(cloud + device)..], Has.Length.EqualTo(test));
        Assert.That((split.NumberOfUsers, split.NumberOfSpanningUsers), Is.EqualTo((1, numberOfEvents > 1 ? 1 : 0)));
    }

    [Test]
    public void ByPeriods_RandomLogs_EqualTheDefinition()
    {
        foreach (RandomLog random in SeededCases.Take(RandomLog.Gen, 60).Where(random => random.Rows.Any(row => row.User > 0)))
        {
            Row[] rows = Rows(random);
            Row[][] users = [.. rows.Where(row => row.User.Length > 0).GroupBy(row => row.User).Select(own => own.OrderBy(row => row.Time).ToArray())];
            double[] times = [.. users.SelectMany(own => own).Select(row => (double)row.Time).Order()];
            double first = times[times.Length * 7 / 10];
            double second = times[times.Length * 9 / 10];
            int spanning = users.Count(own => own.Any(row => row.Time < first) && own.Any(row => row.Time >= first));
            bool isGlobal = first < second && 2 * spanning >= users.Length;
            Row[] cloud = isGlobal
                ? [.. users.SelectMany(own => own.Where(row => row.Time < first))]
                : [.. users.SelectMany(own => own.Take(Math.Max(1, own.Length * 7 / 10)))];
            Row[] test = isGlobal
                ? [.. users.SelectMany(own => own.Where(row => row.Time >= second))]
                : [.. users.SelectMany(own => own.Skip(Math.Max(1, own.Length * 9 / 10)))];
            Row[] missing = [.. rows.Where(row => row.User.Length == 0)];

            PeriodSplit split = InteractionSplit.ByPeriods(_ml.Data.LoadFromEnumerable(rows), _columns);

            Assert.That(split.Cut, Is.EqualTo(isGlobal ? PeriodCut.Global : PeriodCut.PerUser), $"{random}");
            Assert.That(Numbers(split.Cloud), Is.EqualTo(cloud.Concat(missing).Select(row => row.Number).Order()), $"{random}");
            Assert.That(Numbers(split.Test), Is.EqualTo(test.Select(row => row.Number).Order()), $"{random}");
            Assert.That(
                Numbers(split.Device), Is.EqualTo(rows.Except(cloud).Except(test).Except(missing).Select(row => row.Number).Order()), $"{random}");
            Assert.That(split.NumberOfUsers, Is.EqualTo(users.Length), $"{random}");
            Assert.That(
                split.NumberOfSpanningUsers,
                Is.EqualTo(users.Count(own => own.Intersect(cloud).Any() && own.Except(cloud).Any())),
                $"{random}");
        }
    }

    [Test]
    public void LeaveLastOut_RandomLogs_EqualTheDefinition()
    {
        foreach (RandomLog random in SeededCases.Take(RandomLog.Gen, 60).Where(random => random.Rows.Any(row => row.User > 0)))
        {
            Row[] rows = Rows(random);
            Row[][] users = [.. rows.Where(row => row.User.Length > 0).GroupBy(row => row.User).Select(own => own.OrderBy(row => row.Time).ToArray())];
            Row[] validation = [.. users.Where(own => own.Length > 2).Select(own => own[^2])];
            Row[] test = [.. users.Where(own => own.Length > 2).Select(own => own[^1])];

            LeaveLastOutSplit split = InteractionSplit.LeaveLastOut(_ml.Data.LoadFromEnumerable(rows), _columns);

            Assert.That(Numbers(split.Test), Is.EqualTo(test.Select(row => row.Number).Order()), $"{random}");
            Assert.That(Numbers(split.Validation), Is.EqualTo(validation.Select(row => row.Number).Order()), $"{random}");
            Assert.That(Numbers(split.Training), Is.EqualTo(rows.Except(test).Except(validation).Select(row => row.Number).Order()), $"{random}");
            Assert.That((split.NumberOfShortUsers, split.NumberOfUsers), Is.EqualTo((users.Length - test.Length, users.Length)), $"{random}");
        }
    }

    [Test]
    public void LeaveLastOut_TiedEvents_TakesTheLastOfTheLog()
    {
        Row[] rows = [.. Enumerable.Range(0, 4).Select(i => new Row { Number = i, User = "u", Item = "a", Time = 5 })];

        LeaveLastOutSplit split = InteractionSplit.LeaveLastOut(_ml.Data.LoadFromEnumerable(rows), _columns);

        Assert.That(Numbers(split.Test), Is.EqualTo(new[] { 3 }));
        Assert.That(Numbers(split.Validation), Is.EqualTo(new[] { 2 }));
    }

    [TestCase("Text")]
    [TestCase("Key")]
    [TestCase("SByte")]
    [TestCase("Byte")]
    [TestCase("Int16")]
    [TestCase("UInt16")]
    [TestCase("Int32")]
    [TestCase("UInt32")]
    [TestCase("Int64")]
    [TestCase("UInt64")]
    [TestCase("Single")]
    [TestCase("Double")]
    public void LeaveLastOut_AnyUserType_SplitsAlike(string type)
    {
        Row[] rows = [.. Enumerable.Range(0, 12).Select(i => new Row { Number = i, User = $"{i % 3}", Item = "a", Time = 100 - i })];
        IDataView data = _ml.Data.LoadFromEnumerable(rows);
        IEstimator<ITransformer>? conversion = type switch
        {
            "Text" => null,
            "Key" => _ml.Transforms.Conversion.MapValueToKey("User"),
            _ => _ml.Transforms.Conversion.ConvertType("User", outputKind: Enum.Parse<DataKind>(type)),
        };

        LeaveLastOutSplit split = InteractionSplit.LeaveLastOut(conversion?.Fit(data).Transform(data) ?? data, _columns);

        Assert.That(Numbers(split.Test), Is.EqualTo(new[] { 0, 1, 2 }));
        Assert.That(Numbers(split.Validation), Is.EqualTo(new[] { 3, 4, 5 }));
        Assert.That(split.NumberOfUsers, Is.EqualTo(3));
    }

    [Test]
    public void LeaveLastOut_VectorForUser_SaysWhatIsAllowed()
    {
        IDataView data = _ml.Data.LoadFromEnumerable([new SyntheticEvent { Profile = [1] }]);

        Assert.That(
            () => InteractionSplit.LeaveLastOut(data, new InteractionColumns("Profile", "ItemId", "Timestamp")),
            Throws.ArgumentException.With.Message.EqualTo(
                "Column 'Profile' must be a key, a text or a number, but is Vector<Single>. Split the log by another column."));
    }

    [Test]
    public void ByPeriods_NoTimestampColumn_CutsByTheLogsOrder()
    {
        Row[] rows = [.. Enumerable.Range(0, 20).Select(i => new Row { Number = i, User = $"{i % 2}", Item = "a", Time = 100 - i })];

        PeriodSplit split = InteractionSplit.ByPeriods(_ml.Data.LoadFromEnumerable(rows), new InteractionColumns("User", "Item"));

        Assert.That(split.Cut, Is.EqualTo(PeriodCut.Global));
        Assert.That(Numbers(split.Cloud), Is.EqualTo(Enumerable.Range(0, 14)));
        Assert.That(Numbers(split.Device), Is.EqualTo(Enumerable.Range(14, 4)));
        Assert.That(Numbers(split.Test), Is.EqualTo(Enumerable.Range(18, 2)));
    }

    [Test]
    public void ByPeriods_GlobalCutOfOneMoment_SaysWhatToDo()
    {
        Row[] rows = [.. Enumerable.Range(0, 20).Select(i => new Row { Number = i, User = "u", Item = "a", Time = 5 })];

        Assert.That(
            () => InteractionSplit.ByPeriods(_ml.Data.LoadFromEnumerable(rows), _columns, cut: PeriodCut.Global),
            Throws.TypeOf<InvalidDataException>().With.Message.EqualTo(
                "The log must have events before the global cut, but its earliest time is shared by all events up to it. Cut it per user."));
    }

    [TestCase(0, 0.2)]
    [TestCase(1, 0)]
    [TestCase(0.7, 0.3)]
    [TestCase(0.7, -0.1)]
    [TestCase(double.NaN, 0.2)]
    [TestCase(0.7, double.NaN)]
    public void ByPeriods_ImpossibleFraction_Throws(double cloudFraction, double deviceFraction)
        => Assert.That(
            () => InteractionSplit.ByPeriods(_ml.Data.LoadFromEnumerable([new Row()]), _columns, cloudFraction, deviceFraction),
            Throws.TypeOf<ArgumentOutOfRangeException>());

    [Test]
    public void ByPeriods_NoUsers_SaysSo()
        => Assert.That(
            () => InteractionSplit.ByPeriods(_ml.Data.LoadFromEnumerable([new Row(), new Row()]), _columns),
            Throws.TypeOf<InvalidDataException>().With.Message.EqualTo(
                "The log must hold at least one event, but none of its 2 rows has a user. "
                + "Check the loader's columns, and the data that MapValueToKey was fitted to."));

    [Test]
    public void Parts_ReadTwiceAndWithEveryColumn_ForwardTheSource()
    {
        Row[] rows = [.. Enumerable.Range(0, 10).Select(i => new Row { Number = i, User = "u", Item = $"{i}", Time = i })];
        IDataView part = InteractionSplit.ByPeriods(_ml.Data.LoadFromEnumerable(rows), _columns, cut: PeriodCut.PerUser).Device;

        Assert.That(part.GetRowCount(), Is.EqualTo(2));
        Assert.That(part.CanShuffle, Is.False);
        Assert.That(part.GetColumn<string>("Item"), Is.EqualTo(new[] { "7", "8" }));
        Assert.That(Numbers(part), Is.EqualTo(new[] { 7, 8 }));
        using DataViewRowCursor cursor = part.GetRowCursor(part.Schema.Where(column => column.Name == "Item"));
        ValueGetter<DataViewRowId> id = cursor.GetIdGetter();
        Assert.That(cursor.Position, Is.EqualTo(-1));
        Assert.That(cursor.MoveNext(), Is.True);
        DataViewRowId value = default;
        id(ref value);
        Assert.That(cursor.Position, Is.Zero);
        Assert.That(value.Low, Is.EqualTo(7UL), "the source's id of the row");
        Assert.That(cursor.IsColumnActive(part.Schema["Item"]), Is.True);
        Assert.That(cursor.IsColumnActive(part.Schema["User"]), Is.False);
    }

    [Test]
    public void Parts_FitAnOrdinaryPipeline_Work()
    {
        Row[] rows = [.. Enumerable.Range(0, 100).Select(i => new Row { Number = i, User = $"u{i % 7}", Item = $"i{i % 5}", Time = i })];
        PeriodSplit split = InteractionSplit.ByPeriods(_ml.Data.LoadFromEnumerable(rows), _columns);
        EstimatorChain<ValueToKeyMappingTransformer> keys = _ml.Transforms.Conversion.MapValueToKey("UserKey", "User")
            .Append(_ml.Transforms.Conversion.MapValueToKey("ItemKey", "Item"));

        InteractionLog log = InteractionLog.Read(keys.Fit(split.Cloud).Transform(split.Device), new InteractionColumns("UserKey", "ItemKey", "Time"));

        Assert.That((log.NumberOfEvents, log.NumberOfUsers, log.NumberOfItems), Is.EqualTo((20, 7, 5)));
    }

    private static Row[] Rows(RandomLog random) => [.. random.Rows.Select((row, number) => new Row
    {
        Number = number,
        User = row.User == 0 ? string.Empty : $"u{row.User}",
        Item = $"i{row.Item}",
        Time = (long)row.Timestamp,
    })];

    private static int[] Numbers(IDataView part) => [.. part.GetColumn<int>("Number")];

    public sealed class Row
    {
        public int Number { get; set; }

        public string User { get; set; } = string.Empty;

        public string Item { get; set; } = string.Empty;

        public long Time { get; set; }
    }
}
