using System.Globalization;
using DCCL.ML.Device;
using NUnit.Framework;

namespace DCCL.ML.Tests.Device;

/// <summary>Exported models, vocabularies, patches and events of earlier versions go on working; KeptModels/README.md says how they are made.</summary>
public sealed class KeptDeviceTests
{
    private const int FormatVersion = 1;

    public static IEnumerable<int> Versions => Enumerable.Range(1, FormatVersion);

    [TestCaseSource(nameof(Versions))]
    public async Task Open_AKeptDevice_ScoresAsRecordedAndLearnsOn(int version) =>
        await CheckAsync(Path.Combine(TestContext.CurrentContext.TestDirectory, "KeptModels", $"device-v{version}")).ConfigureAwait(false);

    [Test]
    public async Task Write_TheCurrentVersionOfADevice_ScoresAsRecordedAndLearnsOn()
    {
        string folder = Path.Combine(TestContext.CurrentContext.TestDirectory, "NewKeptModels", $"device-v{FormatVersion}");
        using PersonalDevice owner = new(seed: 2, strength: 3, servesColdStart: true);
        using (DevicePersonalizer device = owner.Open())
        {
            owner.Act(device, count: 60);
            await device.LearnAsync().ConfigureAwait(false);
            owner.Act(device, count: 12, time: 100); // not learnt yet
            await device.SaveAsync().ConfigureAwait(false);
            Copy(owner.Folder, folder);
            File.WriteAllLines(Path.Combine(folder, "scores.csv"), ["item,score", .. Score(device)]);
        }

        await CheckAsync(folder).ConfigureAwait(false);
    }

    private static async Task CheckAsync(string kept)
    {
        string folder = Directory.CreateTempSubdirectory("dccl-kept-").FullName;
        Copy(kept, folder);
        string[] recorded = File.ReadAllLines(Path.Combine(folder, "scores.csv"))[1..];

        using (DevicePersonalizer device = new(Path.Combine(folder, "model"), Path.Combine(folder, "owner"), PersonalDevice.Options))
        {
            string[] scores = Score(device);

            Assert.That(device.Patch, Is.Not.Null);
            Assert.That(device.Patch!.Values.ToArray(), Has.Some.Not.Zero);
            Assert.That(device.Events.Count(action => !action.IsLearnt), Is.EqualTo(12));
            Assert.That(scores, Has.Length.EqualTo(recorded.Length).And.Length.EqualTo(25));
            for (int i = 0; i < scores.Length; i++)
            {
                string[] expected = recorded[i].Split(',');
                string[] actual = scores[i].Split(',');
                Assert.That(actual[0], Is.EqualTo(expected[0]));
                Assert.That(Parse(actual[1]), Is.EqualTo(Parse(expected[1])).Within(1e-5), recorded[i]); // another processor may add up otherwise
            }

            PersonalizationResult result = await device.LearnAsync().ConfigureAwait(false);
            Assert.That(result.NumberOfEvents, Is.Positive);
            Assert.That(result.Status, Is.Not.EqualTo(PersonalizationStatus.TooFewEvents));
        }

        Assert.That(Directory.EnumerateFiles(folder, "*.refused*", SearchOption.AllDirectories), Is.Empty);
        Directory.Delete(folder, recursive: true);
    }

    private static string[] Score(DevicePersonalizer device)
    {
        string[] items = [.. Enumerable.Range(1, 25).Select(n => $"i{n}")];
        return [.. items.Zip(device.Score(items), (item, score) => $"{item},{score.ToString("R", CultureInfo.InvariantCulture)}")];
    }

    private static float Parse(string number) => float.Parse(number, CultureInfo.InvariantCulture);

    private static void Copy(string source, string target)
    {
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy, overwrite: true);
        }
    }
}
