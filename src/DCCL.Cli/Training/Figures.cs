using System.Text.Json.Nodes;
using DCCL.ML.Evaluation;
using Spectre.Console;

namespace DCCL.Cli.Training;

/// <summary>Shows how good a model is.</summary>
internal static class Figures
{
    /// <summary>The metric that models are compared by: NDCG@10, or AUC per user where events have labels of both classes.</summary>
    public static EvaluationMetric GetMainMetric(RankingReport report) => report.Overall.NumberOfUsersWithBothClasses > 0
        ? EvaluationMetric.AreaUnderRocCurvePerUser
        : EvaluationMetric.Ndcg(10);

    /// <summary>Gets the name of the metric that models are compared by.</summary>
    public static string GetMainMetricName(RankingReport report) => report.Overall.NumberOfUsersWithBothClasses > 0 ? "AUC per user" : "NDCG@10";

    /// <summary>Describes a figure and its interval as JSON.</summary>
    /// <param name="metric">The name of the figure.</param>
    /// <param name="interval">The interval.</param>
    public static JsonObject ToJson(string metric, ConfidenceInterval interval) => new()
    {
        ["metric"] = metric,
        ["estimate"] = Finite(interval.Estimate),
        ["lower"] = Finite(interval.Lower),
        ["upper"] = Finite(interval.Upper),
    };

    /// <summary>A number, or null where there is none: JSON has no NaN.</summary>
    public static double? Finite(double value) => double.IsFinite(value) ? value : null;

    /// <summary>Prints the figures of a report, over all users and by activity.</summary>
    public static void Print(ToolConsole console, RankingReport report)
    {
        bool hasLabels = report.HasLabels;
        Table table = Tables.Create(console, ["Users", "", "HR@10", "NDCG@10", "MRR", .. hasLabels ? ["AUC per user"] : Array.Empty<string>()]);
        AddRow(table, "all", report.Overall, hasLabels);
        for (int i = 0; i < report.Quintiles.Count; i++)
        {
            string name = i == 0 ? "least active fifth" : i == report.Quintiles.Count - 1 ? "most active fifth" : FormattableString.Invariant($"fifth {i + 1}");
            AddRow(table, name, report.Quintiles[i], hasLabels);
        }

        Tables.Print(console, table);
        EvaluationMetric metric = GetMainMetric(report);
        ConfidenceInterval interval = Bootstrap.Mean(report, metric);
        console.WriteLine($"{GetMainMetricName(report)} {interval.Estimate:F4}, 95 % interval over users {interval.Lower:F4} to {interval.Upper:F4}.");
        console.WriteLine($"{report.Overall.NumberOfRankedEvents:N0} positive test events, each ranked among all items that its user has not had before.");
        if (report.IsSampled)
        {
            console.WriteLine($"The figures are those of a random sample of {report.Users.Count:N0} of the {report.NumberOfTestUsers:N0} users in the test.");
        }

        if (report.NumberOfUnknownUserEvents + report.NumberOfUnknownItemEvents > 0)
        {
            console.WriteLine($"Left out: {report.NumberOfUnknownUserEvents:N0} test events of users, and {report.NumberOfUnknownItemEvents:N0} of items, that the model does not know.");
        }
    }

    private static void AddRow(Table table, string name, RankingFigures figures, bool hasLabels)
    {
        double[] values = [figures.HitRate(10), figures.Ndcg(10), figures.MeanReciprocalRank, .. hasLabels ? [figures.AreaUnderRocCurvePerUser] : Array.Empty<double>()];
        table.AddRow([name, FormattableString.Invariant($"{figures.NumberOfUsers:N0}"), .. values.Select(value => double.IsFinite(value) ? FormattableString.Invariant($"{value:F4}") : "")]);
    }
}
