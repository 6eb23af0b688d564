using DCCL.Cli.Reporting;
using OxyPlot;
using OxyPlot.Axes;

namespace DCCL.Benchmarks.Evidence.Reporting;

/// <summary>The pictures of a report.</summary>
internal static class Pictures
{
    private const double Width = 980;
    private const double Half = 520;

    /// <summary>The main figure of each method, with its interval.</summary>
    public static string DrawMethods(EvidenceReport report)
    {
        Chart chart = new Chart()
            .WithNames(AxisPosition.Left, report.Methods.Select(method => method.Name))
            .WithNumbers(AxisPosition.Bottom, GetTitle(report), "0.###");
        for (int i = 0; i < report.Methods.Count; i++)
        {
            chart.Add(report.Methods[i].Overall[report.MainMetric].Interval, i, GroupColors.Of(report.Methods[i].Group));
        }

        return chart.Draw($"{GetTitle(report)} of each method with its 95 % interval", Width, GetHeight(report.Methods.Count));
    }

    /// <summary>By how much each method is above the cloud model, user by user.</summary>
    public static string DrawDifferences(EvidenceReport report)
    {
        Comparison[] rows = [.. report.Comparisons.Where(comparison => comparison.Baseline == MethodCatalog.Cloud)];
        Chart chart = new Chart()
            .WithNames(AxisPosition.Left, rows.Select(row => row.Method))
            .WithNumbers(AxisPosition.Bottom, $"{GetTitle(report)} against the cloud model", "+0.###;\u22120.###;0")
            .AddLine([new DataPoint(0, -0.5), new DataPoint(0, rows.Length - 0.5)], Palette.Soft, thickness: 1);
        for (int i = 0; i < rows.Length; i++)
        {
            Figure figure = rows[i].Differences[report.MainMetric];
            chart.Add(figure.Interval, i, Comparison.GetVerdict(figure) switch
            {
                "better" => Palette.Good,
                "worse" => Palette.Bad,
                _ => Palette.Soft,
            });
        }

        return chart.Draw($"Difference in {GetTitle(report)} from the cloud model, with its 95 % interval", Width, GetHeight(rows.Length));
    }

    /// <summary>Where the gain is: the difference from the cloud model by activity.</summary>
    public static string DrawQuintiles(EvidenceReport report, string method)
    {
        Comparison row = report.Comparisons.First(comparison => comparison.Method == method && comparison.Baseline == MethodCatalog.Cloud);
        MethodFigures figures = report.Methods.First(other => other.Name == method);
        Chart chart = new Chart()
            .WithNames(AxisPosition.Bottom, ["least active", "2", "3", "4", "most active"])
            .WithNumbers(AxisPosition.Left, "", "+0.###;\u22120.###;0")
            .AddLine([new DataPoint(-0.5, 0), new DataPoint(4.5, 0)], Palette.Soft, thickness: 1);
        for (int quintile = 0; quintile < row.Quintiles.Count; quintile++)
        {
            chart.Add(row.Quintiles[quintile].Interval, quintile, GroupColors.Of(figures.Group), isHorizontal: false);
        }

        return chart.Draw($"{method} against the cloud model by activity", Half, 260);
    }

    /// <summary>The shares of users who are worse and better off than with the cloud model.</summary>
    public static string DrawHarm(EvidenceReport report)
    {
        Comparison[] rows = [.. report.Comparisons.Where(comparison => comparison.Baseline == MethodCatalog.Cloud)];
        Chart chart = new Chart()
            .WithNames(AxisPosition.Left, rows.Select(row => row.Method))
            .WithNumbers(AxisPosition.Bottom, "share of users worse off (left) and better off (right)", "0.#;0.#;0", -1, 1);
        for (int i = 0; i < rows.Length; i++)
        {
            chart.AddBar(i, -rows[i].Harm.Harmed, Palette.Bad)
                .AddBar(i, rows[i].Harm.Helped, Palette.Good)
                .AddText(-0.98, i, Html.Percent(rows[i].Harm.Harmed, "0"), Palette.Soft)
                .AddText(0.98, i, Html.Percent(rows[i].Harm.Helped, "0"), Palette.Soft, HorizontalAlignment.Right);
        }

        return chart.Draw("Share of users worse and better off than with the cloud model", Width, GetHeight(rows.Length));
    }

    /// <summary>Predicted against observed shares of positive events.</summary>
    public static string DrawReliability(MethodFigures method)
    {
        Chart chart = new Chart()
            .WithNumbers(AxisPosition.Bottom, "predicted probability", "0.0", 0, 1)
            .WithNumbers(AxisPosition.Left, "share of positives", "0.0", 0, 1)
            .AddLine([new DataPoint(0, 0), new DataPoint(1, 1)], Palette.Soft, thickness: 1, LineStyle.Dash)
            .AddLine(
                method.Reliability!.Select(point => new DataPoint(point.Predicted, point.Observed)), GroupColors.Of(method.Group), thickness: 2.5,
                withMarkers: true);
        return chart.Draw($"Reliability of {method.Name}", Half, 320);
    }

    private static double GetHeight(int rows) => 70 + (28 * rows);

    private static string GetTitle(EvidenceReport report) => report.Metrics.First(metric => metric.Name == report.MainMetric).Title;
}
