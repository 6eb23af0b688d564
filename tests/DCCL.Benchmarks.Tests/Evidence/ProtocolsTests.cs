using DCCL.Benchmarks.Evidence;
using DCCL.ML.Data;
using Microsoft.ML;
using Microsoft.ML.Data;
using NUnit.Framework;
using QuickStart;

namespace DCCL.Benchmarks.Tests.Evidence;

public sealed class ProtocolsTests
{
    private static readonly MLContext _ml = new(seed: 1);

    [Test]
    public void ByUser_TwoFolds_CutsEveryUserByHand()
    {
        // Four users with ten events and one with three: half of three, rounded down, is one test event; a fifth of three is none for the device.
        EventData data = Create([10, 10, 10, 10, 3]);
        HashSet<string> tested = [];
        for (int fold = 1; fold <= 2; fold++)
        {
            Periods periods = Protocols.ByUser(data, fold, numberOfFolds: 2);
            Dictionary<string, int> cloud = Count(periods.Cloud);
            Dictionary<string, int> device = Count(periods.Device);
            Dictionary<string, int> test = Count(periods.Test);
            Dictionary<string, int> before = Count(periods.BeforeTest);
            foreach (string user in Count(data.Log).Keys)
            {
                bool isHeldOut = test.ContainsKey(user);
                bool isShort = user == "u4";
                (int, int, int) expected = (isHeldOut, isShort) switch
                {
                    (true, false) => (0, 5, 5),
                    (true, true) => (0, 2, 1),
                    (false, false) => (8, 2, 0),
                    (false, true) => (3, 0, 0),
                };
                Assert.That((cloud.GetValueOrDefault(user), device.GetValueOrDefault(user), test.GetValueOrDefault(user)), Is.EqualTo(expected), user);
                Assert.That(before.GetValueOrDefault(user), Is.EqualTo(expected.Item1 + expected.Item2), user);
                Assert.That(!isHeldOut || tested.Add(user), Is.True, $"{user} is tested once");
            }

        }

        Assert.That(tested, Has.Count.EqualTo(5));
    }

    [Test]
    public void Cut_SupportAndQuery_TestsWhatCameLast()
    {
        EventData data = Create([10, 10, 10, 10, 3]);
        EvidenceOptions options = new() { Protocol = EvidenceOptions.SupportQuery, NumberOfFolds = 2 };
        foreach (EvidenceStudy study in Protocols.Cut(_ml, data, options))
        {
            Assert.That(() => LeakDetector.Check(data, study, isUnseen: true), Throws.Nothing);
            Assert.That(study.Test.NumberOfEvents, Is.GreaterThan(0));
        }
    }

    private static EventData Create(int[] numbersOfEvents)
    {
        // The latest event of each user stands first in the file.
        IEnumerable<Row> rows = numbersOfEvents.SelectMany((count, user) => Enumerable.Range(0, count)
            .Select(i => new Row { UserId = $"u{user}", ItemId = $"i{(user + i) % 7}", Timestamp = 100 - i }));
        return new EventData("small", _ml.Data.LoadFromEnumerable(rows.ToArray()), new InteractionColumns("UserId", "ItemId", "Timestamp"));
    }

    private static Dictionary<string, int> Count(IDataView log) =>
        log.GetColumn<string>("UserId").GroupBy(user => user).ToDictionary(user => user.Key, user => user.Count());

    private sealed class Row
    {
        public string UserId { get; set; } = "";

        public string ItemId { get; set; } = "";

        public double Timestamp { get; set; }
    }
}
