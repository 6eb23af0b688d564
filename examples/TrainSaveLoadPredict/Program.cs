using System.Globalization;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.Trainers;
using Microsoft.ML;
using Microsoft.ML.Data;
using TrainSaveLoadPredict;

// Trains a cloud model and a patch for every user, saves the model, loads it as another process would, and predicts.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
bool isQuick = args.Contains("--quick");
string modelFile = Path.Combine(Path.GetTempPath(), $"dccl-{Environment.ProcessId}.zip");

MLContext ml = new(seed: 1);
SyntheticDeviceCloud generator = new(new()
{
    NumberOfUsers = isQuick ? 60 : 400,
    NumberOfItems = isQuick ? 40 : 200,
    ProfileDimension = 0,
});
IDataView log = generator.CreateLog(ml); // UserId, ItemId, Timestamp: your own log, from wherever it comes
PeriodSplit periods = InteractionSplit.ByPeriods(log, generator.Columns);

// A cloud model for everybody, trained on what happened first.
IEstimator<ITransformer> pipeline = ml.Transforms.Conversion
    .MapValueToKey([new("User", "UserId"), new("Item", "ItemId")])
    .Append(ml.DeviceCloud().Trainers.Din(new DinTrainer.Options
    {
        Columns = new InteractionColumns("User", "Item", "Timestamp"),
        NumberOfEpochs = 10,
    }));
ITransformer cloud = pipeline.Fit(periods.Cloud);

// A patch for every user, learnt from what the users' devices have seen since. Raw log in, a model of the same form out.
ITransformer fleet = ml.DeviceCloud().Trainers
    .MetaPatch(cloud, new MetaPatchTrainer.Options { NumberOfBasisEpochs = 10 })
    .Fit(periods.Device);
Console.WriteLine($"{fleet.DeviceCloudModel().UserIds!.Count} users, {fleet.DeviceCloudModel().Patches!.NumberOfPatchedUsers} of them with a patch");

// Ordinary ML.NET persistence. Whoever loads the model needs DCCL.ML, but neither DCCL.Trainers nor torch.
ml.Model.Save(fleet, log.Schema, modelFile);
Console.WriteLine($"saved: {new FileInfo(modelFile).Length / 1024} KB");

MLContext fresh = new();
ITransformer model = fresh.Model.Load(modelFile, out _);
using PredictionEngine<Event, Prediction> engine = fresh.Model.CreatePredictionEngine<Event, Prediction>(model);
foreach ((string user, string item) in new[] { ("u1", "i1"), ("u1", "i2"), ("u2", "i1"), ("stranger", "i1"), ("u1", "no such item") })
{
    Prediction prediction = engine.Predict(new Event { UserId = user, ItemId = item });
    Console.WriteLine($"{user,-8} {item,-12} score {prediction.Score,7:F3} probability {prediction.Probability:F3}");
}

// Many rows at once, and how well the model ranks what users did next.
float[] scores = [.. model.Transform(periods.Test).GetColumn<float>("Score")];
Console.WriteLine($"{scores.Length} test events scored, NDCG@10 {fresh.DeviceCloud().EvaluateRanking(model, periods.Test).Overall.Ndcg(10):F3}");
File.Delete(modelFile);
return 0;

// It prints, the figures as they come (with --quick there are too few people and events for patches to help):
//
//   400 users, 334 of them with a patch
//   saved: 353 KB
//   u1       i1           score  -0.016 probability 0.496
//   u1       i2           score  -1.892 probability 0.131
//   u2       i1           score  -3.099 probability 0.043
//   stranger i1           score  -2.031 probability 0.116
//   u1       no such item score     NaN probability NaN
//   1295 test events scored, NDCG@10 0.176
