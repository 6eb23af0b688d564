using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Model;
using DCCL.ML.Recommendation;
using DCCL.ML.Tests.Export;
using DCCL.TestKit;
using NUnit.Framework;

namespace DCCL.ML.Tests.Device;

public sealed class DevicePersonalizerTests
{
    [Test]
    public async Task LearnAsync_OwnersWithATaste_AreMostlyPredictedBetter()
    {
        int patched = 0;
        double gain = 0;
        for (int seed = 1; seed <= 8; seed++)
        {
            using PersonalDevice owner = new(seed, strength: 2.5f);
            using DevicePersonalizer device = owner.Open();
            owner.Act(device, 100);
            double before = owner.Measure(device, 200);
            patched += (await device.LearnAsync()).Status == PersonalizationStatus.Learnt ? 1 : 0;
            gain += before - owner.Measure(device, 200);
        }

        // A taste drawn at random may move no answer, and 100 events may not show it.
        Assert.That(patched, Is.GreaterThanOrEqualTo(6));
        Assert.That(gain / 8, Is.GreaterThan(0.1));
    }

    [Test]
    public async Task LearnAsync_APatchThatHelps_IsSavedAndServes()
    {
        using PersonalDevice owner = new(1, strength: 2.5f);
        using DevicePersonalizer device = owner.Open();
        owner.Act(device, 100);
        double before = owner.Measure(device);

        PersonalizationResult result = await device.LearnAsync();

        Assert.That(result.Status, Is.EqualTo(PersonalizationStatus.Learnt));
        Assert.That(result.NumberOfEvents, Is.EqualTo(100));
        Assert.That(result.Gain, Is.Positive);
        Assert.That(owner.Measure(device), Is.LessThan(before - 0.02));

        // What is on the disk is what serves, here, after a restart, and in a session of stock scores.
        string[] items = ["i1", "i7", "i25", "nothing"];
        UserPatch saved = UserPatch.Load(Path.Combine(owner.OwnerFolder, DeviceFiles.Patch));
        Assert.That(saved.Values.ToArray(), Is.EqualTo(device.Patch!.Values.ToArray()));
        using DevicePersonalizer restarted = owner.Open();
        Assert.That(restarted.Score(items), Is.EqualTo(device.Score(items)));
        Assert.That(restarted.Warnings, Is.Empty);
        Assert.That(restarted.Events.Select(@event => @event.IsLearnt), Is.All.True);
        TextbookDin textbook = new(owner.Parameters, new SeededRandom(1));
        long[] history = [.. restarted.Events.Where(@event => @event.IsPositive).Reverse().Take(5).Select(@event => long.Parse(@event.ItemId[1..]))];
        float[] expected = [.. ((long[])[1, 7, 25]).Select(item => (float)textbook.Score(item, history, [], saved.Values)), float.NaN];
        Assert.That(device.Score(items), Is.EqualTo(expected).Within(1e-5));
    }

    [Test]
    public async Task LearnAsync_OwnersLikeAllOthers_AreMostlyGated()
    {
        int patched = 0;
        double harm = 0;
        for (int seed = 1; seed <= 8; seed++)
        {
            using PersonalDevice owner = new(seed, strength: 0);
            using DevicePersonalizer device = owner.Open();
            owner.Act(device, 60);
            double before = owner.Measure(device, 200);
            PersonalizationResult result = await device.LearnAsync();
            patched += result.Status == PersonalizationStatus.Learnt ? 1 : 0;
            Assert.That(device.Patch is null, Is.EqualTo(result.Status == PersonalizationStatus.NotBetter));
            Assert.That(File.Exists(Path.Combine(owner.OwnerFolder, DeviceFiles.Patch)), Is.EqualTo(result.Status == PersonalizationStatus.Learnt));
            harm += owner.Measure(device, 200) - before;
        }

        // Half a standard error lets some three of ten pass by chance, with what little they learnt.
        Assert.That(patched, Is.LessThan(6));
        Assert.That(harm / 8, Is.LessThan(0.05));
    }

    [Test]
    public async Task LearnAsync_TheNextDay_ContinuesFromYesterdaysPatch()
    {
        using PersonalDevice owner = new(1);
        using DevicePersonalizer device = owner.Open();
        owner.Act(device, 60);
        await device.LearnAsync();
        float[] yesterday = device.Patch!.Values.ToArray();

        // Nothing new: nothing to learn.
        PersonalizationResult none = await device.LearnAsync();
        Assert.That((none.Status, none.NumberOfEvents), Is.EqualTo((PersonalizationStatus.TooFewEvents, 0)));
        Assert.That(device.Patch.Values.ToArray(), Is.EqualTo(yesterday));

        owner.Act(device, 60, time: 1000);
        PersonalizationResult next = await device.LearnAsync();
        Assert.That(next.NumberOfEvents, Is.EqualTo(60));
        Assert.That(device.Patch.Values.ToArray().SequenceEqual(yesterday), Is.EqualTo(next.Status == PersonalizationStatus.NotBetter));

        // The pull is towards yesterday's patch, not towards zero.
        using DevicePersonalizer held = owner.Open(new DevicePersonalizerOptions { L2 = 1e6, InterceptL2 = 1e6 });
        float[] start = held.Patch!.Values.ToArray();
        owner.Act(held, 40, time: 2000);
        await held.LearnAsync();
        Assert.That(held.Patch.Values.ToArray(), Is.EqualTo(start).Within(0.02));
    }

    [Test]
    public async Task LearnAsync_TheSameEvents_GiveTheSameBytes([Values] bool hasLabels)
    {
        using PersonalDevice owner = new(1, hasLabels: true);
        DeviceExport.ExportForDevice(
            ExportedModel.CreateTransformer(owner.Parameters, [.. Enumerable.Range(1, 25).Select(n => $"i{n}")], hasLabels ? "Label" : null), owner.ModelFolder);
        DevicePersonalizerOptions options = new() { L2 = 1, InterceptL2 = 1, GateStandardErrors = 0, Seed = 5 };

        // Items that one direction of the basis raises most: there is something to learn.
        TextbookDin textbook = new(owner.Parameters, new SeededRandom(1));
        double Lift(int item) => textbook.Score(item, [1, 2], [], [0, 2, 0, 0]) - textbook.Score(item, [1, 2], [], []);
        int[] favourites = [.. Enumerable.Range(1, 25).OrderByDescending(Lift).Take(6)];
        byte[][] patches = await Task.WhenAll(Enumerable.Range(0, 2).Select(async i =>
        {
            using DevicePersonalizer device = new(owner.ModelFolder, Path.Combine(owner.Folder, $"{i}"), options);
            for (int n = 0; n < 40; n++)
            {
                device.Record(n % 3 == 0 ? $"i{1 + (n % 25)}" : $"i{favourites[n % 6]}", n, isPositive: !hasLabels || n % 3 > 0);
            }

            await device.LearnAsync();
            return device.Patch!.ToAdapter();
        }));

        Assert.That(patches[0], Is.EqualTo(patches[1]));
    }

    [Test]
    public async Task LearnAsync_Cancelled_LeavesEverythingAsItWas()
    {
        using PersonalDevice owner = new(1);
        using DevicePersonalizer device = owner.Open(new DevicePersonalizerOptions { NumberOfSteps = 100_000_000 });
        owner.Act(device, 50);
        using CancellationTokenSource source = new();

        Task<PersonalizationResult> learning = device.LearnAsync(source.Token);

        // Learning takes hours; meanwhile the owner goes on.
        Assert.That(device.Record("i3", 100), Is.True);
        Assert.That(device.Recommend(5), Has.Count.LessThanOrEqualTo(5));
        Assert.That(learning.IsCompleted, Is.False);
        await source.CancelAsync();
        Assert.That(async () => await learning, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(device.Patch, Is.Null);
        Assert.That(File.Exists(Path.Combine(owner.OwnerFolder, DeviceFiles.Patch)), Is.False);
        Assert.That(device.Events.Select(@event => @event.IsLearnt), Is.All.False);
        Assert.That(device.Events.Count, Is.EqualTo(51));
    }

    [Test]
    public async Task LearnAsync_FewEvents_WaitsForMore()
    {
        using PersonalDevice owner = new(1);
        using DevicePersonalizer device = owner.Open();
        owner.Act(device, 9);
        device.Record("i1", 50, isKnownToCloud: true);

        PersonalizationResult result = await device.LearnAsync();

        Assert.That((result.Status, result.NumberOfEvents, device.Patch), Is.EqualTo((PersonalizationStatus.TooFewEvents, 9, (UserPatch?)null)));
    }

    [Test]
    public void Record_WhatTheModelCannotUse_SaysSo()
    {
        using PersonalDevice owner = new(1, hasLabels: false);
        using DevicePersonalizer device = owner.Open();

        Assert.That(device.Record("unknown", 1), Is.False);
        Assert.That(device.Events.Count, Is.Zero);
        Assert.That(() => device.Record("i1", 1, isPositive: false), Throws.ArgumentException.With.Message.Contains("trained without labels"));
        Assert.That(() => device.Record("i1", double.NaN), Throws.ArgumentException.With.Message.Contains("finite time"));
    }

    [Test]
    public void Recommend_Anything_IsTheBestOfTheUnseen()
    {
        using PersonalDevice owner = new(2);
        using DevicePersonalizer device = owner.Open();
        device.Record("i4", 1);
        device.Record("i9", 2);

        IReadOnlyList<RecommendedItem> best = device.Recommend(6);

        TextbookDin textbook = new(owner.Parameters, new SeededRandom(1));
        (string Id, double Score)[] expected =
        [
            .. Enumerable.Range(1, 25).Where(item => item is not (4 or 9))
                .Select(item => ($"i{item}", textbook.Score(item, [9, 4], [], []))).OrderByDescending(pair => pair.Item2).Take(6),
        ];
        Assert.That(best.Select(item => item.ItemId), Is.EqualTo(expected.Select(pair => pair.Id)));
        Assert.That(best.Select(item => (double)item.Score), Is.EqualTo(expected.Select(pair => pair.Score)).Within(1e-5));
        Assert.That(best.Select(item => item.Reason), Is.All.EqualTo(PatchStatus.Cloud));
        Assert.That(device.Recommend(25, excludesSeen: false), Has.Count.EqualTo(25));
    }

    [Test]
    public void Recommend_BeforeAnythingIsLearnt_UsesTheColdStart()
    {
        using PersonalDevice owner = new(3, servesColdStart: true);
        using DevicePersonalizer device = owner.Open();
        Assert.That(device.Recommend(1)[0].Reason, Is.EqualTo(PatchStatus.Cloud), "nothing is known of the owner");
        device.Record("i4", 1);
        float[] patch = new float[4];
        PatchEncoder encoder = new(owner.Parameters);
        float[] user = new float[encoder.UserSize];
        encoder.TryGetUserVector([4], [], user);
        encoder.Encode([], user, patch);

        Assert.That(device.Recommend(1)[0].Reason, Is.EqualTo(PatchStatus.ColdStart));
        double expected = new TextbookDin(owner.Parameters, new SeededRandom(1)).Score(7, [4], [], patch);
        Assert.That(device.Score(["i7"])[0], Is.EqualTo(expected).Within(1e-5));
    }

    [Test]
    public async Task Open_DamagedFilesOfTheOwner_AreSetAsideAndSaidSo()
    {
        using PersonalDevice owner = new(1);
        using (DevicePersonalizer device = owner.Open())
        {
            owner.Act(device, 60);
            await device.LearnAsync();
            Assert.That(device.Patch, Is.Not.Null);
        }

        foreach (string name in (string[])[DeviceFiles.Patch, DeviceFiles.Events])
        {
            string path = Path.Combine(owner.OwnerFolder, name);
            byte[] file = File.ReadAllBytes(path);
            file[file.Length / 2] ^= 4;
            File.WriteAllBytes(path, file);
            using DevicePersonalizer device = owner.Open();

            Assert.That(device.Warnings, Has.Count.EqualTo(1));
            Assert.That(device.Warnings[0], Does.Contain(path));
            Assert.That(File.Exists(path), Is.False);
            Assert.That(File.ReadAllBytes(path + ".refused"), Is.EqualTo(file));
            Assert.That(device.Patch, Is.Null);

            // Without its patch, what was learnt is to be learnt again; without events there is nothing.
            Assert.That(device.Events.Count(@event => !@event.IsLearnt), Is.EqualTo(name == DeviceFiles.Patch ? 60 : 0));
        }
    }

    [Test]
    public async Task Open_ANewModel_LearnsAnew()
    {
        using PersonalDevice owner = new(1);
        using (DevicePersonalizer device = owner.Open())
        {
            owner.Act(device, 60);
            await device.LearnAsync();
        }

        ExportedModel.CreateTransformer(PersonalDevice.CreateModel(2), [.. Enumerable.Range(1, 25).Select(n => $"i{n}")], "Label").ExportForDevice(owner.ModelFolder);
        using DevicePersonalizer updated = owner.Open();

        Assert.That(updated.Patch, Is.Null);
        Assert.That(updated.Warnings.Single(), Does.Contain("was learnt on model"));
        Assert.That(updated.Events.Select(@event => @event.IsLearnt), Is.All.False);
        Assert.That((await updated.LearnAsync()).NumberOfEvents, Is.EqualTo(60));
    }

    [Test]
    public void Open_FilesOfTwoModels_AreRefused()
    {
        using PersonalDevice owner = new(1);
        ExportedModel.CreateTransformer(PersonalDevice.CreateModel(2)).ExportTrainingStep(Path.Combine(owner.ModelFolder, DeviceFiles.TrainingStep));
        Assert.That(() => owner.Open(), Throws.TypeOf<InvalidDataException>().With.Message.Contains("step.onnx' must have the model"));

        using PersonalDevice second = new(1);
        new ItemVocabulary(Enumerable.Range(1, 25).Select(n => $"j{n}")).Save(Path.Combine(second.ModelFolder, DeviceFiles.Vocabulary));
        Assert.That(() => second.Open(), Throws.TypeOf<InvalidDataException>().With.Message.Contains("Copy all exported files together"));

        using PersonalDevice third = new(1);
        File.Copy(Path.Combine(third.ModelFolder, DeviceFiles.Model), Path.Combine(third.ModelFolder, DeviceFiles.TrainingStep), overwrite: true);
        Assert.That(() => third.Open(), Throws.TypeOf<InvalidDataException>().With.Message.Contains("'training_step' as 'dccl.kind', but has 'model'"));
    }

    [Test]
    public void Options_OutOfRange_AreAllNamed()
    {
        using PersonalDevice owner = new(1);
        Assert.That(
            () => owner.Open(new DevicePersonalizerOptions { NumberOfSteps = 0, LearningRate = double.NaN, GateFraction = 1, MinimumNumberOfEvents = 1 }),
            Throws.ArgumentException.With.Message.EqualTo(
                "DevicePersonalizerOptions: NumberOfSteps must be at least 1, but is 0. LearningRate must be above 0, but is NaN. "
                + "GateFraction must be above 0 and less than 1, but is 1. MinimumNumberOfEvents must be at least 2, but is 1."));
        Assert.That(() => owner.Open(new DevicePersonalizerOptions { Profile = [1] }), Throws.ArgumentException.With.Message.Contains("model's 0 values, but has 1"));
    }

    [TestCase(0, 0.0, 0)]
    [TestCase(0, 1.0, 6)]
    public void Gate_GainsOfOneEventOrNone_AreNoProof(int standardErrors, double gain, int expected)
    {
        double[][] two = [.. HeldBackGate.Strengths.Select((_, strength) => new[] { strength * gain, strength * gain })];
        double[][] one = [.. two.Select(own => own[..1])];
        Assert.That(HeldBackGate.Choose(two, standardErrors).Strength, Is.EqualTo(expected));
        Assert.That(HeldBackGate.Choose(one, standardErrors).Strength, Is.Zero);
    }

    // Gains 1 and 3: mean 2, standard deviation sqrt 2, standard error 1.
    [TestCase(1.9, 6)]
    [TestCase(2.1, 0)]
    public void Gate_MeanGain_MustExceedItsStandardErrors(double standardErrors, int expected)
    {
        double[][] gains = [.. HeldBackGate.Strengths.Select((_, strength) => strength == 6 ? [1, 3] : new double[2])];
        Assert.That(HeldBackGate.Choose(gains, standardErrors), Is.EqualTo((expected, expected == 0 ? 0.0 : 2.0)));
    }

    [Test]
    public void Gate_AnIntercept_HasTheLeastPenalizedLoss([Range(1, 8)] int seed)
    {
        SeededRandom random = new(seed);
        float scale = seed % 2 == 0 ? 20 : 1;
        float[] scores = [.. Enumerable.Range(0, 30).Select(_ => scale * (float)random.NextGaussian())];
        float[] labels = [.. scores.Select(score => random.NextDouble() < 1 / (1 + Math.Exp(-(score + (3 * scale)))) ? 1f : 0)];
        float[] weights = [.. scores.Select((_, i) => i % 5 == 0 ? 0 : random.NextSingle())];
        double Measure(double intercept) => (0.4 * Math.Pow(intercept + 1, 2) / 2) + scores.Select((score, i) =>
            weights[i] * (Math.Max(score + intercept, 0) - ((score + intercept) * labels[i]) + Math.Log(1 + Math.Exp(-Math.Abs(score + intercept))))).Sum();

        float fitted = HeldBackGate.FitIntercept(scores, labels, weights, start: -1, l2: 0.4);

        Assert.That(Measure(fitted), Is.LessThan(Measure(fitted + 0.01)).And.LessThan(Measure(fitted - 0.01)).And.LessThan(Measure(-1)));
        Assert.That(HeldBackGate.FitIntercept([], [], [], start: -1, l2: 0.4), Is.EqualTo(-1));
    }
}
