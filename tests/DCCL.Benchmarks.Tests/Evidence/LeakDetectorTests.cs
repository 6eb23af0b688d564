using DCCL.Benchmarks.Evidence;
using DCCL.ML.Data;
using Microsoft.ML;
using NUnit.Framework;
using QuickStart;

namespace DCCL.Benchmarks.Tests.Evidence;

/// <summary>Plants a leak of each kind: the run must fail, and does not without it.</summary>
public sealed class LeakDetectorTests
{
    private static readonly MLContext _ml = new(seed: 1);
    private static readonly Event[] _cloud = [new("a", "x", 1), new("b", "y", 1), new("b", "x", 2)];
    private static readonly Event[] _device = [new("a", "y", 2), new("b", "z", 3)];
    private static readonly Event[] _test = [new("a", "z", 3), new("b", "w", 4)];
    private static readonly Event[] _catalogue = [new("c", "w", 1)];

    [Test]
    public void Check_HonestCut_Passes() => Assert.That(() => Check(_cloud, _device, _test), Throws.Nothing);

    [Test]
    public void Check_FutureEventInTheHistory_Throws() => Assert.That(
        () => Check(_cloud, [.. _device, new("a", "w", 9)], _test),
        Throws.InstanceOf<InvalidDataException>().With.Message.StartsWith("Leak: the history must end before the test begins"));

    [Test]
    public void Check_TestEventInTheHistory_Throws() => Assert.That(
        () => Check(_cloud, [.. _device, new("a", "z", 3)], _test, whole: [.. _catalogue, .. _cloud, .. _device, .. _test]),
        Throws.InstanceOf<InvalidDataException>().With.Message.StartsWith("Leak: the history must not hold test events"));

    [Test]
    public void Check_RepeatedEventOnBothSides_Passes()
    {
        // The log itself has it twice: no leak.
        Event[] device = [.. _device, new("a", "z", 3)];
        Assert.That(() => Check(_cloud, device, _test), Throws.Nothing);
    }

    [Test]
    public void Check_ValidationOnTheTest_Throws() => Assert.That(
        () => Check(_cloud, _device, _test, validation: _test),
        Throws.InstanceOf<InvalidDataException>().With.Message.StartsWith("Leak: the validation must not hold test events"));

    [Test]
    public void Check_LaterValidation_Throws() => Assert.That(
        () => Check(_cloud, _device, _test, validation: [new("a", "x", 8)]),
        Throws.InstanceOf<InvalidDataException>().With.Message.StartsWith("Leak: the validation must end before the test begins"));

    [Test]
    public void CheckExclusions_TestItemExcluded_Throws()
    {
        InteractionLog history = SmallLog.Create(1, 3, (1, 1));
        InteractionLog test = SmallLog.Create(1, 3, (1, 2));
        NegativeSampler knowing = new(history.Merge(test), seed: 1);
        Assert.Multiple(() =>
        {
            Assert.That(() => LeakDetector.CheckExclusions(new NegativeSampler(history, seed: 1), history, test), Throws.Nothing);
            Assert.That(
                () => LeakDetector.CheckExclusions(knowing, history, test),
                Throws.InstanceOf<InvalidDataException>().With.Message.StartsWith("Leak: negatives must be drawn without knowing the test, but item 2"));
        });
    }

    [Test]
    public void CheckUnseen_CloudKnowsATestedUser_Throws()
    {
        InteractionLog test = SmallLog.Create(2, 3, (2, 2));
        Assert.Multiple(() =>
        {
            Assert.That(() => LeakDetector.CheckUnseen(SmallLog.Create(2, 3, (1, 1)), test), Throws.Nothing);
            Assert.That(
                () => LeakDetector.CheckUnseen(SmallLog.Create(2, 3, (1, 1), (2, 1)), test),
                Throws.InstanceOf<InvalidDataException>().With.Message.Contains("1 events of user 2"));
        });
    }

    [Test]
    public void CheckContext_MethodIsGivenTheTest_Throws()
    {
        EvidenceStudy study = CreateStudy(_cloud, _device, _test, _device);
        using StageModels models = new(_ml, study.Training, new EvidenceOptions(), 1, folder: null, CancellationToken.None);
        MethodContext context = new(_ml, study.Training, models, new EvidenceOptions(), 1, [1, 2], CancellationToken.None);
        EvidenceStudy cheating = CreateStudy(_cloud, _device, _test, validation: _test);
        Assert.Multiple(() =>
        {
            Assert.That(() => LeakDetector.CheckContext(context, study.Test), Throws.Nothing);
            Assert.That(
                () => LeakDetector.CheckContext(context with { Data = cheating.Training }, cheating.Test),
                Throws.InstanceOf<InvalidDataException>().With.Message.Contains("MethodContext.Data.ValidationLog is the test"));
        });
    }

    private static void Check(Event[] cloud, Event[] device, Event[] test, Event[]? validation = null, Event[]? whole = null)
    {
        EventData data = CreateData(whole ?? [.. _catalogue, .. cloud, .. device, .. test, .. validation == test ? [] : validation ?? []]);
        LeakDetector.Check(data, CreateStudy(cloud, device, test, validation), isUnseen: false);
    }

    private static EvidenceStudy CreateStudy(Event[] cloud, Event[] device, Event[] test, Event[]? validation)
    {
        Event[] before = [.. _catalogue, .. cloud, .. device];
        Periods periods = new(
            Load([.. _catalogue, .. cloud]), validation is null ? null : Load(validation), Load(device), Load(test), Load(before), "by hand");
        TrainingData training = new(_ml, CreateData(before), periods);
        return new EvidenceStudy(1, training, training.Read(periods.Test), periods.Description);
    }

    private static EventData CreateData(Event[] events) => new("small", Load(events), new InteractionColumns("UserId", "ItemId", "Timestamp"));

    private static IDataView Load(Event[] events) => _ml.Data.LoadFromEnumerable(events);

    private sealed class Event(string user, string item, double time)
    {
        public Event()
            : this("", "", 0)
        {
        }

        public string UserId { get; set; } = user;

        public string ItemId { get; set; } = item;

        public double Timestamp { get; set; } = time;
    }
}
