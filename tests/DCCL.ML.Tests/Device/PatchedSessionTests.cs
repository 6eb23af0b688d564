using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Export;
using DCCL.ML.Model;
using DCCL.ML.Onnx;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Export;
using DCCL.ML.Tests.Scoring;
using DCCL.TestKit;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.ML.Tests.Device;

public sealed class PatchedSessionTests
{
    private static readonly DeviceCloudModelParameters _parameters = Create(1);
    private static readonly byte[] _file = ExportedModel.Export(ExportedModel.CreateTransformer(_parameters));
    private static readonly long[] _items = [1, 5, 20];
    private static readonly long[] _history = [4, 3];

    [Test]
    public void Score_APatch_IsWhatTheModelsOwnScorerGives([Values] bool required)
    {
        using PatchedSession session = new(
            ExportedModel.Export(ExportedModel.CreateTransformer(_parameters), new OnnxExportOptions { RequiresPatch = required }), "m");
        Assert.That(session.Load("a", new UserPatch(_parameters.Fingerprint, [1, -0.5f, 0.25f, 2])), Is.EqualTo(PatchRefusal.None));

        PatchedScores patched = session.Score("a", _items, _history);
        PatchedScores cloud = session.Score(null, _items, _history);

        Assert.That(patched.Scores, Is.EqualTo(Expected([1, -0.5f, 0.25f, 2])).Within(1e-5));
        Assert.That(cloud.Scores, Is.EqualTo(Expected([0, 0, 0, 0])).Within(1e-5));
        Assert.That(patched.Scores, Is.Not.EqualTo(cloud.Scores));
        Assert.That((patched.IsPatched, patched.Refusal, cloud.IsPatched, cloud.Refusal), Is.EqualTo((true, PatchRefusal.None, false, PatchRefusal.None)));
    }

    private static IEnumerable<TestCaseData> Refusals()
    {
        float[] theta = [1, -0.5f, 0.25f, 2];
        byte[] good = new UserPatch(_parameters.Fingerprint, theta).ToAdapter();
        byte[] flipped = [.. good];
        flipped[100] ^= 1;
        yield return new TestCaseData(new UserPatch(Create(2).Fingerprint, theta).ToAdapter(), PatchRefusal.OtherModel, "was learnt on model");
        yield return new TestCaseData(new UserPatch(_parameters.Fingerprint, [1, 2]).ToAdapter(), PatchRefusal.WrongSize, "size 4, but has 2");
        yield return new TestCaseData(flipped, PatchRefusal.Unreadable, "must");
        yield return new TestCaseData(good[..^1], PatchRefusal.Unreadable, "must");
        yield return new TestCaseData(Array.Empty<byte>(), PatchRefusal.Unreadable, "'TORT'");
    }

    [TestCaseSource(nameof(Refusals))]
    public void Score_ARefusedPatch_FallsBackToTheCloudModelAndSaysSo(byte[] adapter, PatchRefusal refusal, string message)
    {
        using PatchedSession session = new(_file, "m");
        float[] cloud = session.Score(null, _items, _history).Scores;

        Assert.That(session.Load("a", adapter), Is.EqualTo(refusal));
        PatchedScores scores = session.Score("a", _items, _history);

        Assert.That(scores.Scores, Is.EqualTo(cloud));
        Assert.That(scores.IsPatched, Is.False);
        Assert.That(scores.Refusal, Is.EqualTo(refusal));
        Assert.That(scores.Message, Does.Contain(message));
    }

    [Test]
    public void Score_APersonWithoutAPatch_GetsTheCloudModel()
    {
        using PatchedSession session = new(_file, "m");
        PatchedScores scores = session.Score("nobody", _items, _history);

        Assert.That(scores.Scores, Is.EqualTo(session.Score(null, _items, _history).Scores));
        Assert.That((scores.IsPatched, scores.Refusal), Is.EqualTo((false, PatchRefusal.NotFound)));
    }

    [Test]
    public void Score_MorePeopleThanTheCacheHolds_AsksTheSourceAgain()
    {
        int calls = 0;
        using PatchedSession session = new(_file, "m", new PatchedSessionOptions
        {
            MaximumNumberOfPatches = 2,
            PatchSource = user =>
            {
                calls++;
                return new UserPatch(_parameters.Fingerprint, [user[0] - 'a', 0, 0, 0]).ToAdapter();
            },
        });
        float cloud = session.Score(null, _items, _history).Scores[0];
        float Intercept(string user) => session.Score(user, _items, _history).Scores[0] - cloud;

        Assert.That(Intercept("b"), Is.EqualTo(1).Within(1e-5));
        Assert.That(Intercept("c"), Is.EqualTo(2).Within(1e-5));
        Assert.That(Intercept("b"), Is.EqualTo(1).Within(1e-5));
        Assert.That(calls, Is.EqualTo(2));
        Assert.That(Intercept("d"), Is.EqualTo(3).Within(1e-5)); // c was asked for longest ago
        Assert.That(Intercept("b"), Is.EqualTo(1).Within(1e-5));
        Assert.That(calls, Is.EqualTo(3));
        Assert.That(Intercept("c"), Is.EqualTo(2).Within(1e-5));
        Assert.That(calls, Is.EqualTo(4));
        Assert.That(session.NumberOfCachedPatches, Is.EqualTo(2));
        Assert.That(session.Unload("c"), Is.True);
        Assert.That(session.Unload("c"), Is.False);
    }

    [Test]
    public void Score_ManyPeopleFromManyThreads_GetTheirOwn()
    {
        using PatchedSession session = new(_file, "m", new PatchedSessionOptions
        {
            MaximumNumberOfPatches = 50,
            PatchSource = user => int.Parse(user) % 7 == 0 ? [1, 2, 3] : new UserPatch(_parameters.Fingerprint, Theta(int.Parse(user))).ToAdapter(),
        });
        float[] cloud = Expected(new float[4]);
        float[][] expected = [.. Enumerable.Range(0, 100).Select(user => user % 7 == 0 ? cloud : Expected(Theta(user)))];

        Parallel.For(0, 4_000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            int user = (i * 37) % 100;
            PatchedScores scores = session.Score($"{user}", _items, _history);
            Assert.That(scores.Scores, Is.EqualTo(expected[user]).Within(1e-5), $"{user}");
            Assert.That(scores.IsPatched, Is.EqualTo(user % 7 != 0));
        });
        Assert.That(session.NumberOfCachedPatches, Is.EqualTo(50));
    }

    [Test]
    public void Score_BadArguments_AreRefusedAtTheDoor()
    {
        using PatchedSession session = new(_file, "m");
        Assert.That(() => session.Score(null, [21], []), Throws.ArgumentException.With.Message.Contains("from 0 to 20, but one is 21"));
        Assert.That(() => session.Score(null, [1], [-1]), Throws.ArgumentException.With.Message.Contains("one is -1"));
        Assert.That(() => session.Score(null, [1], [], [1f]), Throws.ArgumentException.With.Message.Contains("0 finite values, but has 1"));
        Assert.That(session.Score(null, [], [1]).Scores, Is.Empty);
        Assert.That(session.Score(null, [0, 1], []).Scores, Is.EqualTo(new[] { float.NaN, session.Score(null, [1], []).Scores[0] }).Within(1e-6));
        Assert.That(session.Score(null, [1], [1, 2, 3, 4, 5, 6, 7, 8]).Scores, Is.EqualTo(session.Score(null, [1], [1, 2, 3, 4, 5, 6]).Scores));
    }

    [Test]
    public void Open_RandomCorruptionsOfAModel_AreRefused()
    {
        SeededRandom random = new(2);
        int same = 0;
        for (int i = 0; i < 3_000; i++)
        {
            byte[] altered = Corruption.Apply(random, _file);
            if (altered.AsSpan().SequenceEqual(_file))
            {
                same++;
                continue;
            }

            Assert.That(() => new PatchedSession(altered, "m"), Throws.TypeOf<InvalidDataException>().With.Message.StartsWith("'m' must end in the SHA-256"));
        }

        Assert.That(same, Is.LessThan(100));
    }

    // Sealed anew, as an adversary would: what is said of the model is checked against the graph itself.
    [TestCase("dccl.format_version", "2", "a format version from 1 to 1, but has '2'")]
    [TestCase("dccl.format_version", "x", "a format version from 1 to 1, but has 'x'")]
    [TestCase("dccl.kind", "cold_start", "'model' as 'dccl.kind', but has 'cold_start'")]
    [TestCase("dccl.fingerprint", "abc", "64 hexadecimal digits")]
    [TestCase("dccl.architecture", "{}", "must say what its model is")]
    [TestCase("dccl.architecture", "[", "must say what its model is")]
    [TestCase("dccl.patch", "baked", "its owner's inside")]
    [TestCase("dccl.patch", "none", "must have a patch input")]
    [TestCase("dccl.ids", "text", "Export it with the vocabulary beside it")]
    public void Open_OtherMetadata_SaysWhatIsWrong(string key, string value, string message)
    {
        ML.Onnx.Proto.ModelProto model = DeviceGraph.Build(
            _parameters, new DeviceGraph.Options(null, "", RequiresPatch: false, null, HasLabels: false, IsHalf: false));
        model.MetadataProps.First(property => property.Key == key).Value = value;

        Assert.That(() => new PatchedSession(GraphSeal.Serialize(model), "m"), Throws.TypeOf<InvalidDataException>().With.Message.Contains(message));
    }

    [Test]
    public void Open_AnotherPatchSizeInTheMetadata_IsNoticed()
    {
        ML.Onnx.Proto.ModelProto model = DeviceGraph.Build(
            _parameters, new DeviceGraph.Options(null, "", RequiresPatch: true, null, HasLabels: false, IsHalf: false));
        ML.Onnx.Proto.StringStringEntryProto architecture = model.MetadataProps.First(property => property.Key == "dccl.architecture");
        architecture.Value = architecture.Value.Replace("\"patchSize\":4", "\"patchSize\":5", StringComparison.Ordinal);

        Assert.That(() => new PatchedSession(GraphSeal.Serialize(model), "m"), Throws.TypeOf<InvalidDataException>().With.Message.Contains("of length 5"));
    }

    [Test]
    public void UserPatches_ThereAndBack_AreThoseOfTheModel()
    {
        DeviceCloudPredictionTransformer model = SmallModel.Create();
        IReadOnlyDictionary<string, UserPatch> patches = model.GetUserPatches();
        Assert.That(patches.Keys, Is.EqualTo(new[] { "anna" }));
        Assert.That(patches["anna"].Values.ToArray(), Is.EqualTo(new[] { 0.5f, -1, 1 }));

        string fingerprint = model.Parameters.Fingerprint;
        ITransformer updated = model.WithUserPatches(
            new Dictionary<string, UserPatch>
            {
                ["bob"] = new(fingerprint, [1, 2, 3]),
                ["carla"] = new(fingerprint, [0, 0, 0]),
                ["dora"] = new(_parameters.Fingerprint, [1, 2, 3]),
                ["emil"] = new(fingerprint, [1, 2]),
                ["zoe"] = new(fingerprint, [1, 2, 3]),
            },
            out IReadOnlyList<string> refusals);

        UserPatches table = updated.DeviceCloudModel().Patches!;
        PatchStatus[] statuses = [.. Enumerable.Range(1, 5).Select(table.GetStatus)];
        Assert.That(statuses, Is.EqualTo(new[] { PatchStatus.Patched, PatchStatus.Patched, PatchStatus.Gated, PatchStatus.Cloud, PatchStatus.Cloud }));
        Assert.That(table[1].ToArray(), Is.EqualTo(new[] { 0.5f, -1, 1 }));
        Assert.That(table[2].ToArray(), Is.EqualTo(new[] { 1f, 2, 3 }));
        Assert.That(refusals, Has.Count.EqualTo(3));
        Assert.That(refusals[0], Does.Contain("'dora'").And.Contain(_parameters.Fingerprint[..8]));
        Assert.That(refusals[1], Does.Contain("'emil'").And.Contain("size 3, but has 2"));
        Assert.That(refusals[2], Does.Contain("'zoe'"));
    }

    private static float[] Theta(int user) => [user * 0.1f, (user % 3) - 1, user % 5 * 0.2f, 0.5f];

    // In double precision, from the equations.
    private static float[] Expected(float[] theta)
    {
        TextbookDin textbook = new(_parameters, new SeededRandom(9));
        return [.. _items.Select(item => (float)textbook.Score(item, _history, [], theta))];
    }

    private static DeviceCloudModelParameters Create(int seed) => RandomModel.Create(
        new SeededRandom(seed),
        new DinArchitecture { NumberOfItems = 20, HistoryLength = 6, EmbeddingDimension = 4, ActivationUnitSize = 5, HiddenLayerSizes = [8, 6] },
        new PatchArchitecture { PatchSize = 4, BottleneckSize = 2, Layers = [0, 1] });
}
