using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using DCCL.Benchmarks.Evidence.Metrics;
using DCCL.Benchmarks.Evidence.Outcomes;
using DCCL.Benchmarks.Evidence.Reporting;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using Microsoft.ML;
using QuickStart;

namespace DCCL.Benchmarks.Evidence;

/// <summary>Runs all methods, as far as they have not been run, and writes the report.</summary>
internal sealed class EvidenceRun(EvidenceOptions options, string folder, EvidenceManifest? earlier, CancellationToken cancellation)
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly MLContext _ml = new(seed: 1);
    private int _computed;
    private int _found;

    public int Run()
    {
        options.Validate();
        Directory.CreateDirectory(folder);
        EventData data = EvidenceData.Load(_ml, options);
        EvidenceStudy[] studies = [.. Protocols.Cut(_ml, data, options)];
        Array.ForEach(studies, study => LeakDetector.Check(data, study, isUnseen: options.Protocol == EvidenceOptions.SupportQuery));
        EvidenceManifest manifest = EvidenceManifest.Create(options, studies);
        CheckData(manifest);
        OutcomeStore store = new(folder, manifest.GetRun());
        RankingEvaluationOptions evaluation = new()
        {
            Cutoffs = MethodEvaluator.Cutoffs,
            MaximumNumberOfPairs = options.IsQuick ? 1_000_000 : new RankingEvaluationOptions().MaximumNumberOfPairs,
            NumberOfThreads = options.NumberOfThreads,
            CancellationToken = cancellation,
        };
        TestFacts[] facts = [.. studies.Select(study => TestFacts.Create(study, evaluation))];
        List<MethodOutcome> outcomes = [];
        for (int fold = 0; fold < studies.Length; fold++)
        {
            outcomes.AddRange(RunFold(studies[fold], facts[fold], store, evaluation));
        }

        WriteReport(data, studies, facts, manifest, outcomes);
        return 0;
    }

    private IEnumerable<MethodOutcome> RunFold(EvidenceStudy study, TestFacts facts, OutcomeStore store, RankingEvaluationOptions evaluation)
    {
        EvidenceMethod[] methods =
        [
            .. MethodCatalog.All.Where(method => options.Only.Count > 0
                ? options.Only.Contains(method.Name)
                : !(method.IsSlow && options.IsQuick) && (study.Training.HasLabels || !method.NeedsLabels)
                    && (options.Backbone == EvidenceOptions.Din || !method.NeedsDin) && (options.KnowsTruth || !method.NeedsTruth)),
        ];
        for (int seed = 1; seed <= options.NumberOfSeeds; seed++)
        {
            using StageModels models = new(
                _ml, study.Training, options, seed, store.GetModelFolder(study.Fold, seed), cancellation);
            MethodContext context = new(
                _ml, study.Training, models, options, seed, [.. facts.Plan.Timelines.Select(timeline => timeline.User)], cancellation);
            LeakDetector.CheckContext(context, study.Test);
            foreach (EvidenceMethod method in methods.Where(method => seed == 1 || !method.IsDeterministic))
            {
                cancellation.ThrowIfCancellationRequested();
                MethodOutcome? outcome = store.Find(method.Name, study.Fold, seed);
                _found += outcome is null ? 0 : 1;
                if (outcome is null)
                {
                    outcome = RunMethod(method, context, study, facts, evaluation, store.Run);
                    store.Add(outcome);
                    _computed++;
                }

                yield return outcome;
            }
        }
    }

    private MethodOutcome RunMethod(
        EvidenceMethod method, MethodContext context, EvidenceStudy study, TestFacts facts, RankingEvaluationOptions evaluation, string run)
    {
        Stopwatch watch = Stopwatch.StartNew();
        using Contender contender = method.Train(context);
        double seconds = watch.Elapsed.TotalSeconds;
        UserOutcome[] users = contender.Evaluate(study, facts, evaluation);
        Console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{_watch.Elapsed:hh\\:mm\\:ss} {method.Name}, fold {study.Fold}, seed {context.Seed}: trained in {seconds:F1} s, "
            + $"evaluated in {watch.Elapsed.TotalSeconds - seconds:F1} s"));
        return new MethodOutcome(
            run, method.Name, study.Fold, context.Seed, contender.IsProbabilistic, contender.NumberOfPersonalizedUsers, seconds, users);
    }

    private void CheckData(EvidenceManifest manifest)
    {
        if (earlier is not null && earlier.DataFingerprint != manifest.DataFingerprint)
        {
            throw new InvalidDataException(
                $"The log must be that of the manifest, whose events have the SHA-256 {earlier.DataFingerprint[..16]}..., but has "
                + $"{manifest.DataFingerprint[..16]}.... Name the right file with --data.");
        }
    }

    private void WriteReport(
        EventData data, EvidenceStudy[] studies, TestFacts[] facts, EvidenceManifest manifest, List<MethodOutcome> outcomes)
    {
        bool hasLabels = studies[0].Training.HasLabels;
        OutcomeTable table = new(outcomes, facts);
        EvidenceReport report = new()
        {
            Data = data.Name,
            Protocol = options.Protocol,
            Backbone = options.Backbone,
            Splits = [.. studies.Select(study => study.Description).Distinct()],
            HasLabels = hasLabels,
            IsQuick = options.IsQuick,
            NumberOfSeeds = options.NumberOfSeeds,
            Facts = GetFacts(studies, facts),
            MainMetric = MetricCatalog.GetMain(hasLabels).Name,
            Metrics = EvidenceReport.GetTexts(hasLabels),
            Methods = [.. MethodCatalog.All.Where(method => table.Has(method.Name)).Select(method => MethodFigures.Create(method, table, hasLabels))],
            Comparisons = [.. EvidenceReport.GetPairs(table).Select(pair => Comparison.Create(pair.Method, pair.Baseline, table, hasLabels))],
        };
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(report, EvidenceOptions.Json);
        manifest = manifest with { ReportFingerprint = EvidenceManifest.Hash(json) };
        AtomicFile.WriteAll(
        [
            (Path.Combine(folder, "report.json"), json),
            (Path.Combine(folder, "report.html"), HtmlReport.Write(report, manifest)),
            (Path.Combine(folder, "manifest.json"), JsonSerializer.SerializeToUtf8Bytes(manifest, EvidenceOptions.Json)),
        ]);
        Console.WriteLine(GetSummary(report, manifest).ToJsonString());
    }

    private static DataFacts GetFacts(EvidenceStudy[] studies, TestFacts[] facts)
    {
        TrainingData first = studies[0].Training;
        double events = facts.Sum(test => (double)test.Plan.RankedEvents.Length);
        UserFacts[] users = [.. facts.SelectMany(test => test.Plan.Timelines.Select(timeline => test[timeline.User]))];
        return new DataFacts(
            first.History.NumberOfUsersWithEvents,
            first.NumberOfItems,
            first.CloudLog.NumberOfEvents,
            first.DeviceLog.NumberOfEvents,
            studies.Sum(study => study.Test.NumberOfEvents),
            facts.Sum(test => test.Plan.NumberOfTestUsers),
            users.Length,
            (int)events,
            users.Count(user => user.IsCold),
            users.Sum(user => user.Candidates.Sum(count => (double)count)) / Math.Max(1, events));
    }

    private JsonObject GetSummary(EvidenceReport report, EvidenceManifest manifest)
    {
        JsonObject main = [];
        foreach (MethodFigures method in report.Methods)
        {
            main[method.Name] = method.Overall[report.MainMetric].Estimate;
        }

        JsonObject json = new()
        {
            ["report"] = Path.Combine(folder, "report.html"),
            ["run"] = manifest.GetRun(),
            ["reportFingerprint"] = manifest.ReportFingerprint,
            ["computed"] = _computed,
            ["resumed"] = _found,
            ["seconds"] = Math.Round(_watch.Elapsed.TotalSeconds, 1),
            [report.MainMetric] = main,
        };
        if (earlier is not null)
        {
            json["identical"] = earlier.ReportFingerprint == manifest.ReportFingerprint;
        }

        return json;
    }
}
