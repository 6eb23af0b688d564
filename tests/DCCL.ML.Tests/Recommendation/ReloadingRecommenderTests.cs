using System.Collections.Concurrent;
using System.IO.Compression;
using DCCL.ML.Data;
using DCCL.ML.Recommendation;
using DCCL.ML.Scoring;
using DCCL.ML.Tests.Scoring;
using DCCL.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.ML;
using NUnit.Framework;

namespace DCCL.ML.Tests.Recommendation;

public sealed class ReloadingRecommenderTests
{
    private static readonly ReloadingRecommender.Options _onDemand = new() { PollingInterval = Timeout.InfiniteTimeSpan };

    private MLContext _ml = new(seed: 1);
    private string _file = "";

    [SetUp]
    public void SetUp()
    {
        _ml = new MLContext(seed: 1); // tests listen to its log
        string folder = Path.Combine(TestContext.CurrentContext.WorkDirectory, nameof(ReloadingRecommenderTests));
        Directory.CreateDirectory(folder);
        _file = Path.Combine(folder, $"{TestContext.CurrentContext.Test.Name}.zip");
        Save(1);
    }

    [Test]
    public void Reload_FileReplaced_UsesTheNewModel()
    {
        using ReloadingRecommender recommender = new(_ml, _file, _onDemand);
        Assert.That(recommender.Reload(), Is.False);
        Assert.That(recommender.Use(GetScores), Is.EqualTo(Expect(1)));

        Save(2);
        Assert.That(recommender.Reload(), Is.True);

        Assert.That(recommender.Use(GetScores), Is.EqualTo(Expect(2)));
        Assert.That(recommender.Version, Is.EqualTo(2));
        Assert.That(Expect(1), Is.Not.EqualTo(Expect(2)));
    }

    [Test]
    public void Use_WhileTheFileIsReplaced_DropsNoCall()
    {
        float[][] expected = [.. Enumerable.Range(1, 4).Select(Expect)];
        using ReloadingRecommender recommender = new(_ml, _file, _onDemand);
        using CancellationTokenSource end = new();
        ConcurrentBag<float[]> results = [];
        Task[] callers =
        [
            .. Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            {
                do
                {
                    results.Add(recommender.Use(GetScores));
                }
                while (!end.IsCancellationRequested);
            })),
        ];
        for (int seed = 2; seed <= 4; seed++)
        {
            Save(seed);
            recommender.Reload();
        }

        end.Cancel();
        Assert.That(() => Task.WaitAll(callers), Throws.Nothing);
        Assert.That(results.Where(scores => !expected.Any(scores.SequenceEqual)), Is.Empty, "results of none of the models");
        Assert.That(recommender.Use(GetScores), Is.EqualTo(expected[3]));
    }

    [Test]
    public void Use_ACallUnderWay_EndsWithItsModel()
    {
        ReloadingRecommender recommender = new(_ml, _file, _onDemand);
        (float[] before, float[] after) = recommender.Use(current =>
        {
            float[] scores = GetScores(current);
            Save(2);
            recommender.Reload();
            recommender.Dispose();
            return (scores, GetScores(current));
        });

        Assert.That(after, Is.EqualTo(before));
        Assert.That(() => recommender.Use(GetScores), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(recommender.Dispose, Throws.Nothing);
    }

    [Test]
    public void Reload_AnAlteredFile_SaysWhichAndWhatIsWrong()
    {
        using ReloadingRecommender recommender = new(_ml, _file, _onDemand);
        using (ZipArchive zip = ZipFile.Open(_file, ZipArchiveMode.Update))
        {
            ZipArchiveEntry entry = zip.Entries.Single(part => part.Name == "Model.dccl");
            using Stream stream = entry.Open();
            stream.Position = stream.Length / 2;
            int old = stream.ReadByte();
            stream.Position--;
            stream.WriteByte((byte)(old ^ 1));
        }

        Assert.That(() => recommender.Reload(), Throws.TypeOf<InvalidDataException>().With.Message.Contains(_file).And.Message.Contains("altered"));
    }

    [Test]
    public void Reload_NoModelAtAll_SaysWhichFile()
    {
        using ReloadingRecommender recommender = new(_ml, _file, _onDemand);
        File.WriteAllText(_file, "no model");

        Assert.That(() => recommender.Reload(), Throws.TypeOf<InvalidDataException>().With.Message.Contains(_file));
    }

    [Test]
    public void Reload_ABrokenFile_GoesOnWithTheOldModel()
    {
        using ReloadingRecommender recommender = new(_ml, _file, _onDemand);
        byte[] bytes = File.ReadAllBytes(_file);
        File.WriteAllBytes(_file, bytes[..(bytes.Length / 2)]);

        Assert.That(() => recommender.Reload(), Throws.Exception);
        Assert.That(recommender.Reload(), Is.False, "it is not tried again until it changes");
        Assert.That(recommender.Use(GetScores), Is.EqualTo(Expect(1)));

        Save(2);
        Assert.That(recommender.Reload(), Is.True);
    }

    [Test]
    public void Timer_FileReplaced_Reloads()
    {
        using ManualResetEventSlim reloaded = new();
        using ManualResetEventSlim failed = new();
        using ReloadingRecommender recommender = new(_ml, _file, new ReloadingRecommender.Options
        {
            PollingInterval = TimeSpan.FromMilliseconds(10),
            Reloaded = _ => reloaded.Set(),
            ReloadFailed = _ => failed.Set(),
        });
        File.WriteAllText(_file, "no model");
        Assert.That(failed.Wait(TimeSpan.FromSeconds(30)), Is.True);
        Save(2);
        Assert.That(reloaded.Wait(TimeSpan.FromSeconds(30)), Is.True);

        Assert.That(recommender.Use(GetScores), Is.EqualTo(Expect(2)));
    }

    [Test]
    public void Timer_CallbacksThrow_GoesOnAndLogsWhy()
    {
        ConcurrentQueue<string> log = Listen();
        using ReloadingRecommender recommender = new(_ml, _file, new ReloadingRecommender.Options
        {
            PollingInterval = TimeSpan.FromMilliseconds(10),
            Reloaded = version => throw new InvalidOperationException($"no use for {version}"),
            ReloadFailed = _ => throw new InvalidOperationException("nobody to tell"),
        });
        Save(2);
        Assert.That(() => recommender.Version, Is.EqualTo(2).After(30_000, 5));
        File.WriteAllText(_file, "no model");
        Assert.That(() => log, Has.Some.Contains("nobody to tell").After(30_000, 5));
        Save(3);
        Assert.That(() => recommender.Version, Is.EqualTo(3).After(30_000, 5));

        Assert.That(recommender.Use(GetScores), Is.EqualTo(Expect(3)));
        Assert.That(log, Has.Some.Contains("The callback Reloaded failed: no use for 2"));
        Assert.That(log, Has.Some.Contains("The callback ReloadFailed failed: nobody to tell"));
    }

    [Test]
    public void Timer_NoCallbacks_LogsWhatHappened()
    {
        ConcurrentQueue<string> log = Listen();
        using ReloadingRecommender recommender =
            new(_ml, _file, new ReloadingRecommender.Options { PollingInterval = TimeSpan.FromMilliseconds(10) });
        File.WriteAllText(_file, "no model");
        Assert.That(
            () => log,
            Has.Some.Contains($"'{_file}' cannot be loaded, and model 1 goes on").After(30_000, 5));
        Save(2);

        Assert.That(() => log, Has.Some.Contains($"Model 2 of '{_file}' has taken over").After(30_000, 5));
    }

    // As Windows does it by itself, and .NET on Linux among its own processes: a file that is still being written cannot be opened.
    [Test]
    public void Reload_FileInUse_IsTriedAgainThoughItDoesNotChange()
    {
        using ReloadingRecommender recommender = new(_ml, _file, _onDemand);
        Save(2);
        using (File.Open(_file, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            Assert.That(() => recommender.Reload(), Throws.InstanceOf<IOException>());
        }

        Assert.That(recommender.Reload(), Is.True);
        Assert.That(recommender.Use(GetScores), Is.EqualTo(Expect(2)));
    }

    [Test]
    public void Timer_FileInUse_SaysItOnceAndReloadsAfterwards()
    {
        ConcurrentQueue<string> log = Listen();
        int failures = 0;
        using ReloadingRecommender recommender = new(_ml, _file, new ReloadingRecommender.Options
        {
            PollingInterval = TimeSpan.FromMilliseconds(5),
            ReloadFailed = _ => Interlocked.Increment(ref failures),
        });
        using (FileStream writer = File.Open(_file, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            File.SetLastWriteTimeUtc(writer.SafeFileHandle, new DateTime(2026, 2, 1, 0, 0, 0, DateTimeKind.Utc));
            Assert.That(() => failures, Is.EqualTo(1).After(30_000, 5));
            Thread.Sleep(200); // dozens of looks at the file
        }

        Assert.That(() => recommender.Version, Is.EqualTo(2).After(30_000, 5));
        Assert.That(failures, Is.EqualTo(1));
        Assert.That(log.Count(message => message.Contains("cannot be loaded", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public void Version_WhileTheFileIsReplaced_IsNeverAheadOfTheModel()
    {
        float[][] expected = [.. Enumerable.Range(1, 6).Select(Expect)];
        using ReloadingRecommender recommender = new(_ml, _file, _onDemand);
        using CancellationTokenSource end = new();
        ConcurrentBag<(int Version, float[] Scores)> calls = [];
        Task caller = Task.Run(() =>
        {
            while (!end.IsCancellationRequested)
            {
                int version = recommender.Version;
                calls.Add((version, recommender.Use(GetScores)));
            }
        });
        for (int seed = 2; seed <= 6; seed++)
        {
            Save(seed);
            recommender.Reload();
        }

        end.Cancel();
        caller.Wait();
        Assert.That(recommender.Version, Is.EqualTo(6));
        Assert.That(calls.Where(call => 1 + Array.FindIndex(expected, call.Scores.SequenceEqual) < call.Version), Is.Empty);
    }

    [Test]
    public void Observe_MoreThanTheLimits_KeepsTheLatest()
    {
        using ReloadingRecommender recommender = new(_ml, _file, new ReloadingRecommender.Options
        {
            PollingInterval = Timeout.InfiniteTimeSpan,
            Observations = new ObservationLimits { NumberOfItems = 2, NumberOfUsers = 1 },
        });

        string[] recommended = recommender.Use(current =>
        {
            current.Observe("bob", "d");
            foreach (string item in (string[])["a", "b", "c"])
            {
                current.Observe("emil", item);
            }

            return current.Recommend(["emil", "bob"]).SelectMany(items => items.Select(item => item.ItemId).Order()).ToArray();
        });

        // emil: b and c are left out. bob: what the model remembers, e and f, is left out, and d no longer.
        Assert.That(recommended, Is.EqualTo(new[] { "a", "d", "e", "f", "a", "b", "c", "d" }));
    }

    [Test]
    public void Reload_WhatWasObservedAndForgotten_GoesOn()
    {
        using ReloadingRecommender recommender = new(_ml, _file, _onDemand);
        recommender.Use(current => current.Observe("emil", "c") && current.Observe("emil", "f"));
        recommender.Use(current =>
        {
            current.Forget("anna");
            return 0;
        });
        Save(2);
        recommender.Reload();

        using DeviceCloudPredictionTransformer model = Create(2);
        using Recommender fresh = _ml.DeviceCloud().CreateRecommender(model);
        fresh.Observe("emil", "c");
        fresh.Observe("emil", "f");
        Assert.That(
            recommender.Use(current => current.Recommend("emil").Select(item => item.Score).ToArray()),
            Is.EqualTo(fresh.Recommend("emil").Select(item => item.Score)));
        Assert.That(recommender.Use(current => current.IsKnownUser("anna")), Is.False);
    }

    [Test]
    public void AddDeviceCloudRecommender_IsASingleton()
    {
        ServiceProvider services = new ServiceCollection().AddDeviceCloudRecommender(_file, _onDemand).BuildServiceProvider();
        ReloadingRecommender recommender = services.GetRequiredService<ReloadingRecommender>();

        Assert.That(services.GetRequiredService<ReloadingRecommender>(), Is.SameAs(recommender));
        Assert.That(recommender.Use(GetScores), Is.EqualTo(Expect(1)));
        services.Dispose();
        Assert.That(() => recommender.Use(GetScores), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void AddDeviceCloudRecommender_ALogger_GetsWhatHappens()
    {
        Logger logger = new();
        using ServiceProvider services = new ServiceCollection()
            .AddSingleton<ILogger<ReloadingRecommender>>(logger)
            .AddDeviceCloudRecommender(_file, new ReloadingRecommender.Options { PollingInterval = TimeSpan.FromMilliseconds(10) })
            .BuildServiceProvider();
        _ = services.GetRequiredService<ReloadingRecommender>();
        File.WriteAllText(_file, "no model");

        Assert.That(
            () => logger.Entries,
            Has.Some.Matches<(LogLevel Level, string Text)>(entry =>
                entry.Level == LogLevel.Error && entry.Text.Contains("cannot be loaded", StringComparison.Ordinal)).After(30_000, 5));
    }

    [Test]
    public void Options_OutOfRange_SaysWhat()
    {
        Assert.That(
            () => new ReloadingRecommender(_ml, _file, new ReloadingRecommender.Options { PollingInterval = TimeSpan.Zero }),
            Throws.ArgumentException.With.Message.EqualTo(
                "ReloadingRecommender.Options: PollingInterval must be above zero or infinite, but is 00:00:00."));
    }

    private ConcurrentQueue<string> Listen()
    {
        ConcurrentQueue<string> messages = [];
        _ml.Log += (_, message) => messages.Enqueue(message.RawMessage);
        return messages;
    }

    private static float[] GetScores(Recommender recommender) =>
        [.. recommender.Recommend("bob", 10, new RecommendationOptions { ExcludesSeen = false }).Select(item => item.Score)];

    private static DeviceCloudPredictionTransformer Create(int seed)
    {
        using DeviceCloudPredictionTransformer model = SmallModel.Create();
        return model.WithModel(
            RandomModel.Create(new SeededRandom(seed), SmallModel.Architecture(), model.Parameters.Patch), model.Patches);
    }

    private float[] Expect(int seed)
    {
        using DeviceCloudPredictionTransformer model = Create(seed);
        using Recommender recommender = _ml.DeviceCloud().CreateRecommender(model);
        return GetScores(recommender);
    }

    /// <summary>Saves a model of a seed, in a file that is there whole from the first moment on, with a time of its own.</summary>
    private void Save(int seed)
    {
        using DeviceCloudPredictionTransformer model = Create(seed);
        string part = _file + ".part";
        _ml.Model.Save(model, _ml.Data.LoadFromEnumerable<SmallModel.Pair>([]).Schema, part);
        File.SetLastWriteTimeUtc(part, new DateTime(2026, 1, seed, 0, 0, 0, DateTimeKind.Utc));
        File.Move(part, _file, overwrite: true);
    }

    private sealed class Logger : ILogger<ReloadingRecommender>
    {
        public ConcurrentQueue<(LogLevel Level, string Text)> Entries { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Entries.Enqueue((logLevel, formatter(state, exception)));
    }
}
