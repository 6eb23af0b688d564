using DCCL.Benchmarks.Evidence.Outcomes;
using NUnit.Framework;

namespace DCCL.Benchmarks.Tests.Evidence.Outcomes;

public sealed class OutcomeStoreTests
{
    private string _folder = "";

    [SetUp]
    public void SetUp() => _folder = Directory.CreateTempSubdirectory("dccl-outcomes").FullName;

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Find_Stored_IsTheSameBitForBit()
    {
        OutcomeStore store = new(_folder, "run");
        store.Add(Create("run"));
        UserOutcome user = store.Find("cloud", 1, 2)!.Users[0];
        Assert.Multiple(() =>
        {
            Assert.That(user.Ranks, Is.EqualTo(new[] { 1.5, double.PositiveInfinity }));
            Assert.That(user.Logits, Is.EqualTo(new[] { 0.1f, float.NaN }));
            Assert.That(user.Labels, Is.EqualTo(new[] { true, false }));
            Assert.That(user.Top, Is.EqualTo(new[] { 4, 2 }));
            Assert.That(store.Find("cloud", 1, 3), Is.Null);
            Assert.That(store.Find("cloud", 2, 2), Is.Null);
        });
    }

    [Test]
    public void Find_OfAnotherRun_IsNotTaken()
    {
        new OutcomeStore(_folder, "run").Add(Create("run"));
        Assert.That(new OutcomeStore(_folder, "other").Find("cloud", 1, 2), Is.Null);
    }

    [Test]
    public void Find_CutInTheMiddle_IsComputedAgain()
    {
        OutcomeStore store = new(_folder, "run");
        store.Add(Create("run"));
        string path = Directory.GetFiles(_folder, "*.json", SearchOption.AllDirectories).Single();
        File.WriteAllText(path, File.ReadAllText(path)[..60]);
        Assert.That(store.Find("cloud", 1, 2), Is.Null);
    }

    private static MethodOutcome Create(string run) => new(
        run, "cloud", 1, 2, IsProbabilistic: true, 7, 1.5,
        [new UserOutcome(3, 2, [1.5, double.PositiveInfinity], [0.1f, float.NaN], [true, false], [4, 2])]);
}
