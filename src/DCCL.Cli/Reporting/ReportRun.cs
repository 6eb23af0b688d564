using System.Diagnostics;
using System.Globalization;
using DCCL.Cli.Logs;
using DCCL.Cli.Models;
using DCCL.Cli.Training;
using DCCL.Cli.Verbs;
using DCCL.ML;
using DCCL.ML.Device;
using DCCL.ML.Evaluation;
using DCCL.ML.Model;
using DCCL.ML.Recommendation;
using DCCL.ML.Scoring;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace DCCL.Cli.Reporting;

/// <summary>Takes a model through device-cloud learning, evaluates each stage, and collects what the report shows.</summary>
internal sealed class ReportRun(MLContext ml, ModelTraining training, ProgressView progress, CancellationToken cancellation)
{
    private const int NumberOfItems = 10;
    private const int NumberOfTimings = 30;

    /// <summary>Runs the stages.</summary>
    /// <param name="files">The model's files.</param>
    /// <param name="model">The model.</param>
    /// <param name="log">The events that devices learn from, and those of the test.</param>
    public ModelReport Run(ModelFiles files, ITransformer model, ModelLog log)
    {
        IDataView test = log.Test!;
        bool hasPatches = model.DeviceCloudModel().Patches is { NumberOfPatchedUsers: > 0 };
        if (!hasPatches)
        {
            progress.Begin("Learning patches ...");
        }

        (ITransformer fleet, double learning) = Time(() => hasPatches ? model : training.Personalize(model, log.Device));
        progress.Begin("Distilling ...");
        (ITransformer distilled, double distilling) = Time(() => training.Distill(fleet, log.Cloud?.Value, log.Device));
        ITransformer cloud = WithoutPatches(fleet); // the model, and it remembers the same events as with patches
        ReportStage[] stages =
        [
            new("cloud", "the model as it is, without patches", Palette.Cloud, Evaluate(cloud, log)),
            new("patched", hasPatches ? "the model with its patches" : "with a patch for every user, learnt from the device period", Palette.Personal, Evaluate(fleet, log)),
            new("distilled", "the cloud model that MoMoDistill makes of model and patches, without patches", Palette.Baseline, Evaluate(WithoutPatches(distilled), log)),
            new("loop", "the distilled model with the patches that came along", Palette.DeviceCloud, Evaluate(distilled, log)),
        ];
        return new ModelReport(
            files.Name,
            GetFacts(files, cloud.DeviceCloudModel(), log, stages[0].Report),
            log.Description,
            Figures.GetMainMetric(stages[0].Report),
            Figures.GetMainMetricName(stages[0].Report),
            stages,
            [.. GetCurves(files)],
            GetCosts(files, fleet, hasPatches ? null : learning, distilling),
            [.. GetLists(cloud, fleet, stages[0].Report, test)]);
    }

    private static ITransformer WithoutPatches(ITransformer model) =>
        model.ReplaceDeviceCloudModel(model.DeviceCloudModel().WithoutPatches());

    private (ITransformer Model, double Seconds) Time(Func<ITransformer> work)
    {
        Stopwatch watch = Stopwatch.StartNew();
        ITransformer model = work();
        cancellation.ThrowIfCancellationRequested(); // half a stage says nothing about it
        return (model, watch.Elapsed.TotalSeconds);
    }

    private RankingReport Evaluate(ITransformer model, ModelLog log)
    {
        cancellation.ThrowIfCancellationRequested();
        progress.Begin("Evaluating ...");
        return training.Evaluate(model, log.Test!, log.BeforeTest?.Value, log.Description);
    }

    private static (string, string)[] GetFacts(ModelFiles files, DeviceCloudPredictionTransformer model, ModelLog log, RankingReport report) =>
    [
        ("log", Path.GetFileName(log.Layout.Path)),
        ("cloud model", files.GetConfig().Backbone),
        ("users", Count(model.History.NumberOfUsers)),
        ("items", Count(model.Parameters.Architecture.NumberOfItems)),
        ("users in the test", Count(report.Users.Count)),
        ("ranked test events", Count(report.Overall.NumberOfRankedEvents)),
    ];

    private IEnumerable<LearningCurve> GetCurves(ModelFiles files) => files.GetConfig().LearningCurves.Concat(progress.Curves);

    private (string, string)[] GetCosts(ModelFiles files, ITransformer fleet, double? learning, double distilling)
    {
        using MemoryStream onnx = new();
        fleet.ExportToOnnx(onnx);
        IReadOnlyDictionary<string, UserPatch> patches = fleet.GetUserPatches();
        int users = fleet.DeviceCloudModel().Patches?.NumberOfUsers ?? 0;
        List<(string, string)> costs =
        [
            ("The model for .NET, with everybody's history", Size(new FileInfo(files.ModelPath).Length)),
            ("The model for devices, one ONNX file for all", Size(onnx.Length)),
            ("A person's patch, an ONNX Runtime adapter", patches.Count == 0 ? "\u2013" : $"{patches.Values.First().ToAdapter().Length} bytes"),
            ("Users with a patch", $"{Count(patches.Count)} of {Count(users)}"),
            ("Distilling", Seconds(distilling)),
            ("The ten best of all items for one user, median", FormattableString.Invariant($"{MeasureRecommending(fleet):0.00} ms")),
        ];
        if (learning is double seconds)
        {
            costs.Insert(4, ("Making the patches", FormattableString.Invariant($"{Seconds(seconds)}, {users / seconds:0} users a second")));
        }

        return [.. costs];
    }

    private double MeasureRecommending(ITransformer model)
    {
        using Recommender recommender = ml.DeviceCloud().CreateRecommender(model);
        IReadOnlyList<string> users = model.DeviceCloudModel().UserIds ?? [];
        double[] times =
        [
            .. Enumerable.Range(0, NumberOfTimings).Select(i =>
            {
                long start = Stopwatch.GetTimestamp();
                recommender.Recommend(users[(int)((long)i * users.Count / NumberOfTimings)], NumberOfItems);
                return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }).Order(),
        ];
        return times[times.Length / 2];
    }

    /// <summary>Lists the first user, by key, of the least active, the middle and the most active fifth whose list a patch changes.</summary>
    private IEnumerable<UserLists> GetLists(ITransformer cloud, ITransformer fleet, RankingReport report, IDataView test)
    {
        DeviceCloudPredictionTransformer model = fleet.DeviceCloudModel();
        if (model.Patches is null || model.UserIds is null)
        {
            yield break;
        }

        ILookup<string, string> taken = test.GetColumn<string>(LogLayout.UserColumnName).Zip(GetTakenItems(test)).Where(row => row.Second is not null)
            .ToLookup(row => row.First, row => row.Second!);
        using Recommender before = ml.DeviceCloud().CreateRecommender(cloud);
        using Recommender after = ml.DeviceCloud().CreateRecommender(fleet);
        foreach ((int quintile, string activity) in new[] { (1, "least active fifth"), (3, "middle fifth"), (5, "most active fifth") })
        {
            foreach (int user in report.Users.Where(user => user.Quintile == quintile).Select(user => user.User).Where(user => model.Patches.GetStatus(user) == PatchStatus.Patched).Order())
            {
                cancellation.ThrowIfCancellationRequested();
                string id = model.UserIds[user - 1];
                string[] old = [.. before.Recommend(id, NumberOfItems).Select(item => item.ItemId)];
                string[] own = [.. after.Recommend(id, NumberOfItems).Select(item => item.ItemId)];
                if (!old.SequenceEqual(own))
                {
                    yield return new UserLists(id, activity, old, own, taken[id].ToHashSet());
                    break;
                }
            }
        }
    }

    private static IEnumerable<string?> GetTakenItems(IDataView test)
    {
        IEnumerable<string> items = test.GetColumn<string>(LogLayout.ItemColumnName);
        return test.Schema.GetColumnOrNull(LogLayout.LabelColumnName) is null
            ? items
            : items.Zip(test.GetColumn<bool>(LogLayout.LabelColumnName), (item, label) => label ? item : null);
    }

    private static string Count(long number) => number.ToString("#,0", CultureInfo.InvariantCulture);

    private static string Size(long bytes) => bytes < 1 << 20 ? FormattableString.Invariant($"{bytes / 1024.0:0} KB") : FormattableString.Invariant($"{bytes / 1048576.0:0.0} MB");

    private static string Seconds(double seconds) => FormattableString.Invariant($"{seconds:0.0} s");
}
