using DCCL.ML.Device;
using DCCL.ML.Recommendation;
using NUnit.Framework;

namespace DCCL.ML.Tests.Device;

/// <summary>What the owner's files hold, whatever interrupts the device: no event lost, none learnt twice, nothing kept of who wants to be forgotten.</summary>
public sealed class DeviceFilesTests
{
    [Test]
    public async Task LearnAsync_InterruptedAnywhereBetweenItsFiles_NeitherLosesNorLearnsTwice()
    {
        using PersonalDevice owner = new(1, strength: 2.5f);
        string events = Path.Combine(owner.OwnerFolder, DeviceFiles.Events);
        string patch = Path.Combine(owner.OwnerFolder, DeviceFiles.Patch);
        List<(byte[] Events, byte[]? Patch)> states = [];
        using (DevicePersonalizer device = owner.Open())
        {
            owner.Act(device, 100);
            device.Stored += () => states.Add((File.ReadAllBytes(events), File.Exists(patch) ? File.ReadAllBytes(patch) : null));
            Assert.That((await device.LearnAsync()).Status, Is.EqualTo(PersonalizationStatus.Learnt));
        }

        Assert.That(states, Has.Count.GreaterThanOrEqualTo(4), "the events as they are, what is about to be learnt, the patch, and that it was learnt");
        foreach ((byte[] storedEvents, byte[]? storedPatch) in states)
        {
            // The power fails at this moment.
            File.WriteAllBytes(events, storedEvents);
            File.Delete(patch);
            if (storedPatch is not null)
            {
                File.WriteAllBytes(patch, storedPatch);
            }

            using DevicePersonalizer device = owner.Open();
            Assert.That(device.Warnings, Is.Empty);
            Assert.That(device.Events, Has.Count.EqualTo(100));
            Assert.That(device.Events.Select(@event => @event.IsLearnt), Is.All.EqualTo(storedPatch is not null));
        }
    }

    [Test]
    public void Store_TwoEqualEvents_AreMarkedOneByOne()
    {
        DeviceEventStore store = new();
        DeviceEvent same = new("a", 1);
        store.Add(same);
        DeviceEvent[] before = [.. store.GetEvents()];
        store.Add(same);

        store.MarkPending(before, "hash");
        store.MarkLearnt("model");

        Assert.That(store.GetEvents().Select(@event => @event.IsLearnt), Is.EqualTo(new[] { true, false }));
    }

    [Test]
    public void Store_AnythingThatCanBeAdded_CanBeReadAgain()
    {
        DeviceEventStore store = new(maximumNumberOfEvents: 10_000);
        for (int i = 0; i < 7_000; i++)
        {
            store.Add(new DeviceEvent($"{i:D4}" + new string('あ', DeviceEventStore.MaximumIdLength - 4), i)); // 3,064 bytes each
        }

        byte[] file = store.ToBytes();

        Assert.That(file, Has.Length.InRange(15L << 20, DeviceEventFile.MaximumLength));
        Assert.That(store.GetEvents()[^1].ItemId, Does.StartWith("6999"));
        string path = Path.GetTempFileName();
        store.Save(path);
        Assert.That(DeviceEventStore.Load(path, 10_000).GetEvents(), Is.EqualTo(store.GetEvents()));
        File.Delete(path);
    }

    [Test]
    public void Store_SavedByManyAtOnce_EndsWithTheLatest()
    {
        string path = Path.GetTempFileName();
        for (int round = 0; round < 40; round++)
        {
            DeviceEventStore store = new();
            using Barrier start = new(4);
            Task[] savers =
            [
                .. Enumerable.Range(0, 4).Select(i => Task.Factory.StartNew(
                    () =>
                    {
                        start.SignalAndWait();
                        store.Add(new DeviceEvent($"i{i}", i));
                        store.Save(path);
                    },
                    TaskCreationOptions.LongRunning)),
            ];
            Task.WaitAll(savers);

            Assert.That(DeviceEventStore.Load(path).Count, Is.EqualTo(4), $"round {round}");
        }

        File.Delete(path);
    }

    [Test]
    public void Open_SeveralDamagedFiles_AreAllKept()
    {
        using PersonalDevice owner = new(1);
        Directory.CreateDirectory(owner.OwnerFolder);
        string path = Path.Combine(owner.OwnerFolder, DeviceFiles.Events);
        for (byte i = 1; i <= 3; i++)
        {
            File.WriteAllBytes(path, [i]);
            owner.Open().Dispose();
        }

        Assert.That(
            Directory.GetFiles(owner.OwnerFolder, "*.refused*").Order().Select(file => File.ReadAllBytes(file)[0]), Is.EqualTo(new[] { 1, 2, 3 }));
    }

    [Test]
    public async Task ForgetAsync_APersonWithEverything_LeavesNothing()
    {
        using PersonalDevice owner = new(1, strength: 2.5f);
        Directory.CreateDirectory(owner.OwnerFolder);
        File.WriteAllBytes(Path.Combine(owner.OwnerFolder, DeviceFiles.Patch), [1]);
        File.WriteAllBytes(Path.Combine(owner.OwnerFolder, DeviceFiles.Events + ".abc.tmp"), [1]);
        File.WriteAllText(Path.Combine(owner.OwnerFolder, "diary.txt"), "not ours");
        using DevicePersonalizer device = owner.Open();
        IReadOnlyList<RecommendedItem> stranger = device.Recommend(5);
        owner.Act(device, 100);
        await device.LearnAsync();
        Assert.That(device.Patch, Is.Not.Null);

        await device.ForgetAsync();

        Assert.That(Directory.GetFiles(owner.OwnerFolder).Select(Path.GetFileName), Is.EqualTo(new[] { "diary.txt" }));
        Assert.That((device.Patch, device.Events.Count, device.Warnings.Count), Is.EqualTo(((UserPatch?)null, 0, 0)));
        Assert.That(device.Recommend(5), Is.EqualTo(stranger));
        Assert.That((await device.LearnAsync()).NumberOfEvents, Is.Zero);
    }

    [Test]
    public async Task ForgetAsync_WhileItLearns_EndsTheLearning()
    {
        using PersonalDevice owner = new(1);
        using DevicePersonalizer device = owner.Open(new DevicePersonalizerOptions { NumberOfSteps = 100_000_000 });
        owner.Act(device, 50);
        Task<PersonalizationResult> learning = device.LearnAsync();

        await device.ForgetAsync().WaitAsync(TimeSpan.FromSeconds(30));

        Assert.That(async () => await learning, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.GetFiles(owner.OwnerFolder), Is.Empty);
    }

    [Test]
    public async Task LearnAsync_WhereTheColdStartServes_StartsFromItsPatch()
    {
        using PersonalDevice owner = new(3, servesColdStart: true);
        using DevicePersonalizer device = owner.Open(new DevicePersonalizerOptions { L2 = 1e7, InterceptL2 = 1e7, GateStandardErrors = 0 });
        device.Record("i4", -1, isKnownToCloud: true);
        float[] coldStart = new float[4];
        ML.Model.PatchEncoder encoder = new(owner.Parameters);
        float[] user = new float[encoder.UserSize];
        encoder.TryGetUserVector([4], [], user);
        encoder.Encode([], user, coldStart);
        owner.Act(device, 100);

        PersonalizationResult result = await device.LearnAsync();

        // The pull holds what is learnt within 0.02 of the starting point; from zeros it would stay near zeros.
        Assert.That(result.Status, Is.EqualTo(PersonalizationStatus.Learnt));
        Assert.That(device.Patch!.Values.ToArray(), Is.EqualTo(coldStart).Within(0.02));
        Assert.That(coldStart.Max(Math.Abs), Is.GreaterThan(0.1));
    }
}
