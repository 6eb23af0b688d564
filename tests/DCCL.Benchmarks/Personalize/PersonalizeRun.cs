using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using DCCL.Benchmarks.Evidence;
using DCCL.Benchmarks.Evidence.Metrics;
using DCCL.Benchmarks.Evidence.Outcomes;
using DCCL.Benchmarks.Evidence.Personal;
using DCCL.Benchmarks.Evidence.Reporting;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Model;
using DCCL.Trainers;
using Microsoft.ML;
using QuickStart;

namespace DCCL.Benchmarks.Personalize;

/// <summary>Trains a cloud model and a basis, then times both ways of personalising it, on the same events of the same users.</summary>
internal sealed class PersonalizeRun(PersonalizeOptions options, CancellationToken cancellation)
{
    private const int Seed = 1;
    private const int NumberOfTimedUsers = 400;
    private readonly MLContext _ml = new(seed: 1);

    public int Run()
    {
        options.Validate();
        EvidenceOptions evidence = new()
        {
            DataFile = options.DataFile,
            PositiveRating = options.PositiveRating,
            NumberOfThreads = options.NumberOfThreads,
            MaximumNumberOfTunedUsers = options.MaximumNumberOfTunedUsers,
            IsQuick = options.IsQuick,
        };
        EventData data = EvidenceData.Load(_ml, evidence);
        EvidenceStudy study = Protocols.Cut(_ml, data, evidence).Single();
        RankingEvaluationOptions evaluation = new()
        {
            Cutoffs = MethodEvaluator.Cutoffs,
            MaximumNumberOfPairs = options.IsQuick ? 1_000_000 : 20_000_000,
            NumberOfThreads = options.NumberOfThreads,
            CancellationToken = cancellation,
        };
        TestFacts facts = TestFacts.Create(study, evaluation);
        using StageModels models = new(
            _ml, study.Training, evidence, Seed, options.ModelFolder, cancellation);
        MethodContext context = new(
            _ml, study.Training, models, evidence, Seed, [.. facts.Plan.Timelines.Select(timeline => timeline.User)], cancellation);
        Say($"{data.Name}: {study.Description}");
        ITransformer cloud = models.Cloud;
        Stopwatch watch = Stopwatch.StartNew();
        ITransformer basis = models.Patched;
        Say($"a basis was learnt in {watch.Elapsed.TotalSeconds:F1} s");
        _ml.Log += (_, message) =>
        {
            if (message.Message.StartsWith("[Source=MetaPatchTrainer", StringComparison.Ordinal) && message.Message.Contains("metapatch:"))
            {
                Console.Error.WriteLine(message.Message);
            }
        };

        ITransformer model = TimedFleet.CreateModel(basis, cloud);
        TrainingRunOptions run = new() { Seed = Seed, NumberOfThreads = options.NumberOfThreads, CancellationToken = cancellation };
        if (options.IsChoosing)
        {
            Choose(context, data, model, run);
            return 0;
        }

        (double strength, _) = StrengthChoice.Choose(_ml, context, data, model, options.CreatePatchOptions(run, strength: 1), StrengthChoice.Strengths);
        Say($"patches are kept at strength {strength}");
        MetaPatchTrainer.Options patches = options.CreatePatchOptions(run, strength);

        // The log's own users are ranked, and are for the compiler; many are timed.
        (ITransformer fleet, _, _) = TimedFleet.Run(_ml, model, study.Training.Device, patches);
        int users = options.NumberOfUsers;
        (ITransformer many, IDataView device) = TimedFleet.Repeat(_ml, model, study.Training, users);
        (_, double seconds, double processor) = TimedFleet.Run(_ml, many, device, patches);
        Say($"MetaPatch: {users} users in {seconds:F3} s, {processor / users * 1e6:F0} us of a core each, {PeakMegabytes} MB at most");
        if (options.IsTimingOnly)
        {
            return 0;
        }

        (ITransformer gatedFleet, double gatedSeconds, _) = TimedFleet.Run(_ml, model, study.Training.Device, options.CreatePatchOptions(run));
        double gatedRate = study.Training.DeviceLog.NumberOfUsersWithEvents / gatedSeconds;
        Say($"MetaPatch with its gate: {gatedRate:F1} users/s");
        DeviceCloudModelParameters parameters = cloud.DeviceCloudModel().Parameters;
        using FineTuner tuner = new(context, parameters);
        double rate = UserModels.ChooseStrength(context, tuner);
        (double fineTuned, double spent) = TimeFineTuning(context, parameters, rate);
        Say($"fine-tuning: {fineTuned:F1} users/s at step size {rate}, {spent * 1e6:F0} us of a core each, {spent * users / processor:F1} times as much");

        AdapterBatch.Time(context, parameters); // for the compiler
        double adapters = AdapterBatch.Time(context, parameters);
        Say($"adapters, many users batched: {adapters:F1} users/s");

        List<MethodOutcome> outcomes = [];
        Evaluate("cloud", Contender.Of(cloud.DeviceCloudModel().WithoutPatches(), owns: true));
        Evaluate("patched", Contender.Of(fleet.DeviceCloudModel(), owns: true));
        Evaluate("gated", Contender.Of(gatedFleet.DeviceCloudModel(), owns: true));
        Evaluate("fineTuned", UserModels.Create(context, parameters, new FineTuner(context, parameters)));
        OutcomeTable table = new(outcomes, [facts]);
        bool hasLabels = study.Training.HasLabels;
        JsonObject json = new()
        {
            ["users"] = users,
            ["cores"] = options.NumberOfThreads,
            ["usersPerSecond"] = Math.Round(users / seconds, 1),
            ["fineTuneUsersPerSecond"] = Math.Round(fineTuned, 1),
            ["ratio"] = Math.Round(users / seconds / fineTuned, 1),
            ["adapterUsersPerSecond"] = Math.Round(adapters, 1),
            ["gatedUsersPerSecond"] = Math.Round(gatedRate, 1),
        };
        foreach (EvidenceMetric metric in MetricCatalog.Compared(hasLabels))
        {
            json[metric.Name] = new JsonObject(outcomes.Select(outcome => KeyValuePair.Create(
                outcome.Method, (JsonNode?)Math.Round(metric.Compute(table.Get(outcome.Method, among: "fineTuned")[0]), 4))));
            Figure difference = Figure.Compare(metric, table.Get("patched", among: "fineTuned"), table.Get("fineTuned", among: "patched"), relative: false);
            json[metric.Name]!["patchedLessFineTuned"] = JsonValue.Create($"{difference.Estimate:F4} [{difference.Lower:F4}, {difference.Upper:F4}]");
        }

        Console.WriteLine(json.ToJsonString());
        return 0;

        void Evaluate(string name, Contender contender)
        {
            using (contender)
            {
                outcomes.Add(new MethodOutcome(
                    "", name, study.Fold, Seed, contender.IsProbabilistic, contender.NumberOfPersonalizedUsers, 0, contender.Evaluate(study, facts, evaluation)));
            }

            Say($"{name}: evaluated");
        }
    }

    private void Choose(MethodContext context, EventData data, ITransformer model, TrainingRunOptions run)
    {
        int[] numbersOfNegatives = context.Data.HasLabels ? [1] : [8, 4, 2];
        foreach (int lastEvents in (int[])[0, 20, 10, 5, 3])
        {
            foreach (int negatives in numbersOfNegatives)
            {
                (double strength, double value) = StrengthChoice.Choose(
                    _ml, context, data, model, options.CreatePatchOptions(run, strength: 1, lastEvents, negatives), [1]);
                Say($"last {lastEvents} events, {negatives} negatives: {(context.Data.HasLabels ? "-log loss" : "NDCG@10")} {value:F5} at strength {strength}");
            }
        }
    }

    private static long PeakMegabytes => Process.GetCurrentProcess().PeakWorkingSet64 >> 20;

    // Each thread tunes one user after the other, the first ones for the compiler alone.
    private (double UsersPerSecond, double ProcessorSecondsPerUser) TimeFineTuning(MethodContext context, DeviceCloudModelParameters cloud, double rate)
    {
        int[] users = [.. Enumerable.Range(1, context.Data.DeviceLog.NumberOfUsers).Where(user => context.Data.DeviceLog.GetItems(user).Length > 0)];
        new SeededRandom(Seed).Shuffle<int>(users);
        FineTuner[] workers = [.. Enumerable.Range(0, options.NumberOfThreads).Select(_ => new FineTuner(context, cloud))];
        int[] timed = [.. Enumerable.Range(0, options.IsQuick ? NumberOfTimedUsers / 4 : NumberOfTimedUsers).Select(i => users[i % users.Length])];
        Tune(timed[..(timed.Length / 4)]);
        TimeSpan before = Environment.CpuUsage.TotalTime;
        Stopwatch watch = Stopwatch.StartNew();
        Tune(timed);
        double seconds = watch.Elapsed.TotalSeconds;
        Array.ForEach(workers, worker => worker.Dispose());
        return (timed.Length / seconds, (Environment.CpuUsage.TotalTime - before).TotalSeconds / timed.Length);

        void Tune(int[] chosen)
        {
            int next = -1;
            Parallel.For(0, workers.Length, new ParallelOptions { MaxDegreeOfParallelism = workers.Length }, worker =>
            {
                for (int i = Interlocked.Increment(ref next); i < chosen.Length; i = Interlocked.Increment(ref next))
                {
                    cancellation.ThrowIfCancellationRequested();
                    workers[worker].Train(chosen[i], rate);
                }
            });
        }
    }

    private static void Say(FormattableString text) => Console.Error.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
