using System.Globalization;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Recommendation;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace OnDevice;

/// <summary>From a model in the cloud to a person's device and back: export, load, learn, save, upload. References DCCL.ML alone.</summary>
internal static class Program
{
    private const double ScoreTolerance = 1e-5;

    public static async Task<int> Main(string[] args)
    {
        if (args.Any(argument => argument != "--quick"))
        {
            await Console.Error.WriteLineAsync("error: the example takes no arguments (--quick, which changes nothing, aside).");
            return 2;
        }

        string folder = Directory.CreateTempSubdirectory("dccl-ondevice-").FullName;
        try
        {
            return await RunAsync(Path.Combine(folder, "model"), Path.Combine(folder, "owner"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<int> RunAsync(string modelFolder, string ownerFolder)
    {
        // In the cloud: a model that was trained with DCCL.Trainers becomes a handful of files, the same for everybody.
        MLContext ml = new(seed: 1);
        ITransformer fleet = ml.Model.Load(Path.Combine(AppContext.BaseDirectory, "fleet.zip"), out _);
        fleet.ExportForDevice(modelFolder);
        Console.WriteLine("Exported for all devices:");
        foreach (FileInfo file in new DirectoryInfo(modelFolder).GetFiles().OrderBy(file => file.Name, StringComparer.Ordinal))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {file.Name,-22} {file.Length,8:N0} bytes"));
        }

        // On the device of one person: what the cloud model was trained with is history; what has happened since is to be learnt from.
        (string owner, SyntheticEvent[] known, SyntheticEvent[] since, SyntheticEvent[] later) = GetOwner();
        DevicePersonalizerOptions options = new();
        using DevicePersonalizer device = new(modelFolder, ownerFolder, options);
        foreach (SyntheticEvent row in known)
        {
            device.Record(row.ItemId, row.Timestamp, row.Label, isKnownToCloud: true);
        }

        foreach (SyntheticEvent row in since)
        {
            device.Record(row.ItemId, row.Timestamp, row.Label);
        }

        double before = GetLoss(device, later);
        IReadOnlyList<RecommendedItem> topBefore = device.Recommend(5);
        PersonalizationResult result = await device.LearnAsync();
        Console.WriteLine();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{owner} has {known.Length} events that the cloud knows and {result.NumberOfEvents} new ones. Learning: {result.Status}."));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"Loss on the {later.Length} events that came later: {before:F4} before, {GetLoss(device, later):F4} after."));
        Console.WriteLine($"Top five before: {string.Join(' ', topBefore.Select(item => item.ItemId))}");
        Console.WriteLine($"Top five after:  {string.Join(' ', device.Recommend(5).Select(item => item.ItemId))}");
        if (device.Patch is null)
        {
            Console.WriteLine("The gate kept no patch: the cloud model serves.");
            return 1;
        }

        // Upload: the patch's file is all that leaves the device.
        string path = Path.Combine(ownerFolder, DeviceFiles.Patch);
        Console.WriteLine($"Uploaded: {DeviceFiles.Patch}, {new FileInfo(path).Length} bytes.");
        ITransformer updated = fleet.WithUserPatches(
            new Dictionary<string, UserPatch> { [owner] = UserPatch.Load(path) }, out IReadOnlyList<string> refusals);
        float[] inCloud = Score(ml, updated, later);
        float[] onDevice = [.. device.Score([.. later.Select(row => row.ItemId)])];
        double difference = inCloud.Zip(onDevice, (x, y) => Math.Abs((double)x - y)).Max();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"In the cloud the patch is {updated.DeviceCloudModel().Patches!.GetStatus(GetKey(updated, owner))}, its scores differ from the device's by at most {difference:E0}."));
        Console.WriteLine("What all devices learnt goes back into the cloud model with DCCL.Trainers' MoMoDistill.");
        return refusals.Count == 0 && difference < ScoreTolerance ? 0 : 1;
    }

    // The person with the most events since the cloud model was trained; the latest tenth of the time is for looking at what was learnt.
    private static (string Owner, SyntheticEvent[] Known, SyntheticEvent[] Since, SyntheticEvent[] Later) GetOwner()
    {
        SyntheticDeviceCloud data = ExampleData.Create();
        long test = data.Events[(int)(0.9 * data.Events.Count)].Timestamp;
        string owner = data.Events.Where(row => row.Timestamp >= data.DeviceStart && row.Timestamp < test)
            .GroupBy(row => row.UserId).OrderByDescending(user => user.Count()).ThenBy(user => user.Key, StringComparer.Ordinal).First().Key;
        SyntheticEvent[] own = [.. data.Events.Where(row => row.UserId == owner)];
        return (
            owner,
            [.. own.Where(row => row.Timestamp < data.DeviceStart)],
            [.. own.Where(row => row.Timestamp >= data.DeviceStart && row.Timestamp < test)],
            [.. own.Where(row => row.Timestamp >= test)]);
    }

    // The mean cross-entropy, each event scored on the history up to now.
    private static double GetLoss(DevicePersonalizer device, SyntheticEvent[] events)
    {
        IReadOnlyList<float> scores = device.Score([.. events.Select(row => row.ItemId)]);
        return events.Select((row, i) => Math.Log(1 + Math.Exp(row.Label ? -scores[i] : scores[i]))).Average();
    }

    private static float[] Score(MLContext ml, ITransformer model, SyntheticEvent[] events) =>
        [.. model.Transform(ml.Data.LoadFromEnumerable(events.Select(row => new Pair { UserId = row.UserId, ItemId = row.ItemId }))).GetColumn<float>("Score")];

    private static int GetKey(ITransformer model, string user) => 1 + model.DeviceCloudModel().UserIds!.ToList().IndexOf(user);

    private sealed class Pair
    {
        public string UserId { get; set; } = "";

        public string ItemId { get; set; } = "";
    }
}
