using System.Globalization;
using DCCL.ML.Evaluation;
using Microsoft.ML.Data;
using Spectre.Console;

namespace QuickStart;

/// <summary>Prints the figures.</summary>
internal static class Report
{
    private const int WidthOfFiles = 160;
    private const string PercentFormat = "+0.0 %;-0.0 %;0.0 %";
    private const string DifferenceFormat = "+0.0000;-0.0000;0.0000";

    private static readonly EvaluationMetric _ndcg = EvaluationMetric.Ndcg(10);
    private static readonly EvaluationMetric _areaPerUser = EvaluationMetric.AreaUnderRocCurvePerUser;

    public static void PrintData(EventData data, Periods periods)
    {
        int users = data.Log.GetColumn<string>("UserId").Distinct().Count();
        List<string> items = [.. data.Log.GetColumn<string>("ItemId")];
        string kind = data.HasLabels
            ? Format($"{data.Log.GetColumn<bool>("Label").Average(label => label ? 1.0 : 0.0):P0} of the events are positive")
            : "every event is positive";
        PrintLine($"{data.Name}: {users:N0} users, {items.Distinct().Count():N0} items, {items.Count:N0} events; {kind}");
        PrintLine($"{periods.Description}");
    }

    public static void PrintStages(IReadOnlyList<StageResult> stages, bool hasLabels, TimeSpan elapsed)
    {
        Console.WriteLine();
        PrintFigures(stages, hasLabels);
        PrintChanges(stages);
        PrintActivity(stages);
        PrintLine($"{elapsed.TotalSeconds:F0} seconds in all.");
    }

    private static void PrintFigures(IReadOnlyList<StageResult> stages, bool hasLabels)
    {
        RankingReport first = stages[0].Report;
        string[] labelledNames = hasLabels ? ["AUC", "AUC per user", "Log loss"] : [];
        Table table = CreateTable("Stage", ["Users", "HR@10", "NDCG@10", "MRR", .. labelledNames, "Patches", "Training"]);
        foreach (StageResult stage in stages)
        {
            RankingFigures figures = stage.Report.Overall;
            double[] values = [figures.HitRate(10), figures.Ndcg(10), figures.MeanReciprocalRank];
            double[] labelled = hasLabels ? [figures.AreaUnderRocCurve, figures.AreaUnderRocCurvePerUser, figures.LogLoss] : [];
            table.AddRow([
                stage.Name, Format($"{figures.NumberOfUsers}"), .. values.Concat(labelled).Select(Figure),
                Format($"{stage.NumberOfPatches}"), Format($"{stage.Training.TotalSeconds:F1} s"),
            ]);
        }

        PrintTable(table);
        PrintLine($"{first.Overall.NumberOfRankedEvents:N0} positive test events, each ranked among all items that its user has not had before.");
        if (first.IsSampled)
        {
            PrintLine($"The figures are those of a random sample of {first.Users.Count:N0} of the {first.NumberOfTestUsers:N0} users in the test.");
        }

        if (hasLabels)
        {
            PrintLine($"AUC per user is the mean over {first.Overall.NumberOfUsersWithBothClasses:N0} users with test events of both classes.");
        }

        if (first.NumberOfUnknownUserEvents + first.NumberOfUnknownItemEvents > 0)
        {
            int users = first.NumberOfUnknownUserEvents;
            int items = first.NumberOfUnknownItemEvents;
            PrintLine($"Left out: {users:N0} test events of users, and {items:N0} of items, that had no event before the test.");
        }

        Console.WriteLine();
    }

    private static void PrintChanges(IReadOnlyList<StageResult> stages)
    {
        bool hasArea = HasAreaPerUser(stages[0].Report);
        string[] names = hasArea ? ["NDCG@10", "AUC per user"] : ["NDCG@10"];
        Table table = CreateTable("Change, with 95 % interval over users", names);
        foreach ((string stage, string baseline) in GetComparisons(stages))
        {
            RankingReport report = stages.Single(other => other.Name == stage).Report;
            RankingReport other = stages.Single(other => other.Name == baseline).Report;
            ConfidenceInterval ndcg = Bootstrap.Difference(report, other, _ndcg, new BootstrapOptions { Relative = true });
            ConfidenceInterval area = Bootstrap.Difference(report, other, _areaPerUser);
            string[] changes = [Change(ndcg, PercentFormat), Change(area, DifferenceFormat)];
            table.AddRow([$"{stage} against {baseline}", .. changes.Take(names.Length)]);
        }

        PrintTable(table);
    }

    private static IEnumerable<(string Stage, string Baseline)> GetComparisons(IReadOnlyList<StageResult> stages)
    {
        (string, string)[] further = [("patched", "intercept"), ("distilled", "retrained"), ("loop", "distilled")];
        return stages.Skip(1).Select(stage => (stage.Name, stages[0].Name))
            .Concat(further.Where(pair => stages.Any(stage => stage.Name == pair.Item1) && stages.Any(stage => stage.Name == pair.Item2)));
    }

    private static void PrintActivity(IReadOnlyList<StageResult> stages)
    {
        bool hasArea = HasAreaPerUser(stages[0].Report);
        EvaluationMetric metric = hasArea ? _areaPerUser : _ndcg;
        Table table = CreateTable($"{(hasArea ? "AUC per user" : "NDCG@10")} by activity", ["Users", .. stages.Select(stage => stage.Name)]);
        for (int i = 0; i < stages[0].Report.Quintiles.Count; i++)
        {
            string name = i switch { 0 => "1 (least active)", 4 => "5 (most active)", _ => $"{i + 1}" };
            RankingFigures first = stages[0].Report.Quintiles[i];
            int users = hasArea ? first.NumberOfUsersWithBothClasses : first.NumberOfUsers;
            table.AddRow(
                [name, Format($"{users}"), .. stages.Select(stage => Figure(stage.Report.Quintiles[i][metric]))]);
        }

        PrintTable(table);
    }

    private static bool HasAreaPerUser(RankingReport report) => report.Overall.NumberOfUsersWithBothClasses > 0;

    private static Table CreateTable(string first, string[] others)
    {
        Table table = new Table().Border(Console.IsOutputRedirected ? TableBorder.Markdown : TableBorder.Simple).AddColumn(first);
        foreach (string name in others)
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        return table;
    }

    private static void PrintTable(Table table)
    {
        if (!Console.IsOutputRedirected)
        {
            AnsiConsole.Write(table);
            return;
        }

        using StringWriter text = new();
        IAnsiConsole plain = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(text) });
        plain.Profile.Width = WidthOfFiles;
        plain.Write(table);
        Console.WriteLine(text.ToString().Trim());
        Console.WriteLine();
    }

    private static void PrintLine(FormattableString text) => Console.WriteLine(FormattableString.Invariant(text));

    private static string Format(FormattableString text) => FormattableString.Invariant(text);

    private static string Figure(double value) => double.IsNaN(value) ? "-" : Format($"{value:0.0000}");

    private static string Change(ConfidenceInterval change, string format)
    {
        string Text(double value) => value.ToString(format, CultureInfo.InvariantCulture);
        return double.IsNaN(change.Estimate) ? "-" : $"{Text(change.Estimate)} ({Text(change.Lower)} to {Text(change.Upper)})";
    }
}
