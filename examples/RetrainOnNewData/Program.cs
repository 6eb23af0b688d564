using System.Globalization;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.Trainers;
using Microsoft.ML;
using Microsoft.ML.Data;

// A model goes on learning: new events, with users and items that it has never seen, without starting again.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
bool isQuick = args.Contains("--quick");
MLContext ml = new(seed: 1);
SyntheticDeviceCloud generator = new(new()
{
    NumberOfUsers = isQuick ? 80 : 400,
    NumberOfItems = isQuick ? 50 : 200,
    ProfileDimension = 0,
});
PeriodSplit periods = InteractionSplit.ByPeriods(generator.CreateLog(ml), generator.Columns);

// The first model knows only a part of the users, and nothing of what came later.
HashSet<string> early = [.. Enumerable.Range(1, isQuick ? 60 : 300).Select(SyntheticDeviceCloud.GetUserId)];
IDataView first = ml.Data.LoadFromEnumerable(generator.Events.Where(row => row.Timestamp < generator.DeviceStart && early.Contains(row.UserId)));
IDataView later = ml.Data.LoadFromEnumerable(generator.Events.Where(row => row.Timestamp < generator.DeviceStart && !early.Contains(row.UserId)));

DinTrainer din = ml.DeviceCloud().Trainers.Din(new DinTrainer.Options
{
    Columns = new InteractionColumns("User", "Item", "Timestamp"),
    NumberOfEpochs = isQuick ? 3 : 15,
});
ITransformer model = ml.Transforms.Conversion
    .MapValueToKey([new("User", "UserId"), new("Item", "ItemId")])
    .Append(din)
    .Fit(first);
Print("first", model);

// New users sign up. The raw log goes in, and the key mappings grow with the model: old keys and old rows stay.
ITransformer next = din.Fit(later, model);
Print("with new users", next);

// What has happened on the devices since: patches for everybody; and, some time later, patches that start from these.
long testStart = periods.Test.GetColumn<long>("Timestamp").Min();
long half = generator.DeviceStart + ((testStart - generator.DeviceStart) / 2);
MetaPatchTrainer.Options patches = new() { NumberOfBasisEpochs = isQuick ? 2 : 10 };
ITransformer fleet = ml.DeviceCloud().Trainers.MetaPatch(next, patches).Fit(Load(generator.DeviceStart, half));
Print("with patches", fleet);
ITransformer warmer = ml.DeviceCloud().Trainers.MetaPatch(fleet, patches).Fit(Load(half, testStart));
Print("patches go on", warmer);
return 0;

IDataView Load(long from, long to) =>
    ml.Data.LoadFromEnumerable(generator.Events.Where(row => row.Timestamp >= from && row.Timestamp < to));

void Print(string name, ITransformer current)
{
    RankingReport report = ml.DeviceCloud().EvaluateRanking(current, periods.Test);
    Console.WriteLine(
        $"{name,-18} {current.DeviceCloudModel().UserIds!.Count,3} users, {current.DeviceCloudModel().Patches?.NumberOfPatchedUsers ?? 0,3} patched; "
        + $"{report.Overall.NumberOfRankedEvents} test events of users that it knows, NDCG@10 {report.Overall.Ndcg(10):F3}");
}

// It prints, the figures as they come (with --quick there are too few people and events for patches to help):
//
//   first              300 users,   0 patched; 961 test events of users that it knows, NDCG@10 0.102
//   with new users     400 users,   0 patched; 1295 test events of users that it knows, NDCG@10 0.107
//   with patches       400 users, 135 patched; 1295 test events of users that it knows, NDCG@10 0.137
//   patches go on      400 users, 254 patched; 1295 test events of users that it knows, NDCG@10 0.167
