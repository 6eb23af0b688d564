using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Model;
using DCCL.ML.Tests.Export;
using DCCL.TestKit;
using NUnit.Framework;

namespace DCCL.ML.Tests.Device;

/// <summary>What a <see cref="PatchedSession"/> makes of the answers of its source of patches, which may be a database far away.</summary>
public sealed class PatchSourceTests
{
    private static readonly DeviceCloudModelParameters _parameters = RandomModel.Create(
        new SeededRandom(1),
        new DinArchitecture { NumberOfItems = 20, HistoryLength = 6, EmbeddingDimension = 4, ActivationUnitSize = 5, HiddenLayerSizes = [8] },
        new PatchArchitecture { PatchSize = 4, BottleneckSize = 2, Layers = [0] });

    private static readonly byte[] _file = ExportedModel.Export(ExportedModel.CreateTransformer(_parameters));

    [Test]
    public void Score_PeopleWithoutAPatch_TakeNoPlaceOfLoadedOnes()
    {
        using PatchedSession session = Open(capacity: 2, source: null);
        session.Load("a", Patch(1));
        session.Load("b", Patch(2));

        for (int i = 0; i < 10; i++)
        {
            Assert.That(session.Score($"nobody {i}", [1], [2]).Refusal, Is.EqualTo(PatchRefusal.NotFound));
        }

        Assert.That(session.NumberOfCachedPatches, Is.EqualTo(2));
        Assert.That(Intercept(session, "a"), Is.EqualTo(1).Within(1e-5));
        Assert.That(Intercept(session, "b"), Is.EqualTo(2).Within(1e-5));
    }

    [Test]
    public void Score_APersonWhomTheSourceDidNotKnow_IsAskedForAgain()
    {
        byte[]? stored = null;
        using PatchedSession session = Open(capacity: 2, source: _ => stored);
        Assert.That(session.Score("a", [1], [2]).Refusal, Is.EqualTo(PatchRefusal.NotFound));

        stored = Patch(3).ToAdapter();

        Assert.That(Intercept(session, "a"), Is.EqualTo(3).Within(1e-5));
    }

    // While the source looks for yesterday's patch, today's is loaded, or the person is unloaded.
    [TestCase(true, 7)]
    [TestCase(false, 2)]
    public void Score_AnAnswerThatComesTooLate_IsNotKept(bool isLoaded, float expected)
    {
        PatchedSession? open = null;
        int calls = 0;
        using PatchedSession session = Open(capacity: 2, source: user =>
        {
            if (++calls == 1)
            {
                _ = isLoaded ? open!.Load(user, Patch(7)) == PatchRefusal.None : open!.Unload(user);
            }

            return Patch(calls).ToAdapter();
        });
        open = session;

        float first = Intercept(session, "a");

        Assert.That(first, Is.EqualTo(isLoaded ? 7 : 1).Within(1e-5));
        Assert.That(Intercept(session, "a"), Is.EqualTo(expected).Within(1e-5));
    }

    [Test]
    public void Score_ASourceThatFails_FallsBackToTheCloudModelAndSaysSo()
    {
        bool isDown = true;
        using PatchedSession session = Open(capacity: 2, source: user => isDown ? throw new TimeoutException("no answer in 5 s") : Patch(1).ToAdapter());
        float[] cloud = session.Score(null, [1, 5], [2]).Scores;

        PatchedScores scores = session.Score("a", [1, 5], [2]);

        Assert.That(scores.Scores, Is.EqualTo(cloud));
        Assert.That((scores.IsPatched, scores.Refusal), Is.EqualTo((false, PatchRefusal.SourceFailed)));
        Assert.That(scores.Message, Does.Contain("'a'").And.Contain("TimeoutException").And.Contain("no answer in 5 s"));
        Assert.That(session.NumberOfCachedPatches, Is.Zero);

        isDown = false;
        Assert.That(Intercept(session, "a"), Is.EqualTo(1).Within(1e-5));
    }

    private static float Intercept(PatchedSession session, string user) =>
        session.Score(user, [1], [2]).Scores[0] - session.Score(null, [1], [2]).Scores[0];

    private static UserPatch Patch(float intercept) => new(_parameters.Fingerprint, [intercept, 0, 0, 0]);

    private static PatchedSession Open(int capacity, Func<string, byte[]?>? source) =>
        new(_file, "m", new PatchedSessionOptions { MaximumNumberOfPatches = capacity, PatchSource = source });
}
