using System.Globalization;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Device;
using DCCL.ML.Evaluation;
using DCCL.Trainers;
using Microsoft.ML;
using Microsoft.ML.Data;
using OnDevice;

// The way back, and down again: devices upload their patches, the cloud distils them into a better model, devices go on with it.
// It begins where examples/OnDevice ends. There the device is looked at, here the cloud.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
bool isQuick = args.Contains("--quick");
MLContext ml = new(seed: 1);
ITransformer fleet = ml.Model.Load(Path.Combine(AppContext.BaseDirectory, "fleet.zip"), out _);
SyntheticDeviceCloud data = ExampleData.Create();
PeriodSplit periods = InteractionSplit.ByPeriods(data.CreateLog(ml), data.Columns);
SyntheticEvent[] before = Read(periods.Cloud);
SyntheticEvent[] since = Read(periods.Device);
string folder = Directory.CreateTempSubdirectory("dccl-distil-").FullName;
try
{
    // On the devices of some people: each learns from its owner's events, and uploads the patch's file, if one helps.
    string model = Path.Combine(folder, "model");
    fleet.ExportForDevice(model);
    Dictionary<string, UserPatch> uploads = [];
    int numberOfDevices = isQuick ? 5 : 40;
    foreach (string person in since.GroupBy(row => row.UserId).OrderByDescending(own => own.Count()).Take(numberOfDevices).Select(own => own.Key))
    {
        using DevicePersonalizer device = new(model, Path.Combine(folder, person));
        Record(device, before, person, isKnownToCloud: true);
        Record(device, since, person, isKnownToCloud: false);
        if ((await device.LearnAsync()).Status == PersonalizationStatus.Learnt)
        {
            uploads.Add(person, UserPatch.Load(Path.Combine(folder, person, DeviceFiles.Patch)));
        }
    }

    ITransformer updated = fleet.WithUserPatches(uploads, out IReadOnlyList<string> refusals);
    Console.WriteLine($"{uploads.Count} of {numberOfDevices} devices upload a patch, {refusals.Count} are refused.");

    // In the cloud: all patches teach the next model, and are migrated to it.
    MoMoDistillEstimator.Options defaults = new();
    ITransformer distilled = ml.DeviceCloud().Trainers.MoMoDistill(updated, new MoMoDistillEstimator.Options
    {
        NumberOfEpochs = isQuick ? 1 : defaults.NumberOfEpochs,
        NumberOfFolds = isQuick ? 2 : defaults.NumberOfFolds,
        NumberOfPatchEpochs = isQuick ? 2 : defaults.NumberOfPatchEpochs,
    }).Fit(periods.Cloud, periods.Device);
    Print("with the devices' patches", updated);
    Print("distilled, patches migrated", distilled);

    // Down again: the new files and the person's new patch. What the model has been trained with is history now.
    string next = Path.Combine(folder, "next");
    distilled.ExportForDevice(next);
    IReadOnlyDictionary<string, UserPatch> migrated = distilled.GetUserPatches();
    SyntheticEvent[] tests = Read(periods.Test);
    if (tests.Select(row => row.UserId).FirstOrDefault(person => uploads.ContainsKey(person) && migrated.ContainsKey(person)) is not string owner)
    {
        Console.Error.WriteLine("error: nobody who uploaded a patch has one on the new model and later events.");
        return 1;
    }

    string ownerFolder = Directory.CreateDirectory(Path.Combine(folder, "next owner")).FullName;
    migrated[owner].Save(Path.Combine(ownerFolder, DeviceFiles.Patch));
    using DevicePersonalizer renewed = new(next, ownerFolder);
    Record(renewed, before, owner, isKnownToCloud: true);
    Record(renewed, since, owner, isKnownToCloud: true);
    SyntheticEvent[] later = [.. tests.Where(row => row.UserId == owner)];
    float[] inCloud = [.. distilled.Transform(ml.Data.LoadFromEnumerable(later)).GetColumn<float>("Score")];
    double difference = inCloud.Zip(renewed.Score([.. later.Select(row => row.ItemId)]), (x, y) => Math.Abs((double)x - y)).Max();
    Console.WriteLine($"The new model and patch on the device of {owner}: scores differ from the cloud's by at most {difference:E0}.");
    return refusals.Count == 0 && renewed.Patch is not null && difference < 1e-5 ? 0 : 1;
}
finally
{
    Directory.Delete(folder, recursive: true);
}

SyntheticEvent[] Read(IDataView log) => [.. ml.Data.CreateEnumerable<SyntheticEvent>(log, reuseRowObject: false, ignoreMissingColumns: true)];

static void Record(DevicePersonalizer device, SyntheticEvent[] events, string person, bool isKnownToCloud)
{
    foreach (SyntheticEvent row in events.Where(row => row.UserId == person))
    {
        device.Record(row.ItemId, row.Timestamp, row.Label, isKnownToCloud);
    }
}

void Print(string name, ITransformer current)
{
    RankingFigures report = ml.DeviceCloud().EvaluateRanking(current, periods.Test).Overall;
    Console.WriteLine($"{name,-28} AUC {report.AreaUnderRocCurve:F3}, log loss {report.LogLoss:F3} on {report.NumberOfLabelledEvents} later events");
}
