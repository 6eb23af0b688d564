using DCCL.ML.Device;
using DCCL.ML.Model;
using DCCL.ML.Tests.Export;
using NUnit.Framework;

namespace DCCL.ML.Tests.Device;

/// <summary>Whatever is disposed of, and whenever: calls under way end well, later ones say so, and native code never sees a closed session.</summary>
public sealed class DisposalTests
{
    private static readonly DeviceCloudModelParameters _parameters = PersonalDevice.CreateModel(1);

    [Test]
    public void PatchedSession_UsedAfterDispose_SaysSo()
    {
        PatchedSession session = Open();
        session.Dispose();
        session.Dispose();

        Assert.That(() => session.Score(null, [1], []), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(session.Fingerprint, Is.EqualTo(_parameters.Fingerprint));
        Assert.That(session.VocabularyHash, Is.Not.Empty);
    }

    [Test]
    public void PatchedSession_DisposedWhileOthersScore_LetsThemFinish()
    {
        for (int round = 0; round < 20; round++)
        {
            PatchedSession session = Open();
            float expected = session.Score(null, [7], [3]).Scores[0];
            using Barrier start = new(5);
            Task<int>[] callers =
            [
                .. Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
                    () =>
                    {
                        start.SignalAndWait();
                        for (int calls = 0; ; calls++)
                        {
                            try
                            {
                                Assert.That(session.Score(null, [7], [3]).Scores[0], Is.EqualTo(expected));
                            }
                            catch (ObjectDisposedException)
                            {
                                return calls;
                            }
                        }
                    },
                    TaskCreationOptions.LongRunning)),
            ];
            start.SignalAndWait();
            Thread.Sleep(2);
            session.Dispose();
            Assert.That(() => Task.WaitAll(callers), Throws.Nothing);
        }
    }

    [Test]
    public void DevicePersonalizer_DisposedWhileItLearns_CancelsAndLeavesFilesAsTheyWere()
    {
        using PersonalDevice owner = new(1);
        DevicePersonalizer device = owner.Open(new DevicePersonalizerOptions { NumberOfSteps = 100_000_000 });
        owner.Act(device, 50);
        Task<PersonalizationResult> learning = device.LearnAsync();
        Task<PersonalizationResult> waiting = device.LearnAsync();
        SpinWait.SpinUntil(() => File.Exists(Path.Combine(owner.OwnerFolder, DeviceFiles.Events)), 10_000);

        device.Dispose();

        Assert.That(async () => await learning.WaitAsync(TimeSpan.FromSeconds(30)), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(async () => await waiting.WaitAsync(TimeSpan.FromSeconds(30)), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(() => device.Recommend(), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => device.Score(["i1"]), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => device.LearnAsync(), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => device.SaveAsync(), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => device.Dispose(), Throws.Nothing);
        using DevicePersonalizer again = owner.Open();
        Assert.That((again.Patch, again.Events.Count, again.Warnings.Count), Is.EqualTo(((UserPatch?)null, 50, 0)));
    }

    private static PatchedSession Open() => new(ExportedModel.Export(ExportedModel.CreateTransformer(_parameters)), "m");
}
