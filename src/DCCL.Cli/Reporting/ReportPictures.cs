using DCCL.Cli.Training;
using DCCL.ML.Evaluation;
using OxyPlot;
using OxyPlot.Axes;

namespace DCCL.Cli.Reporting;

/// <summary>The pictures of a model's report.</summary>
internal static class ReportPictures
{
    private const double Width = 980;
    private const double Half = 520;
    private const string SignedNumbers = "+0.###;\u22120.###;0";

    /// <summary>The main figure of each stage, with its interval.</summary>
    public static string DrawStages(ModelReport report)
    {
        Chart chart = new Chart()
            .WithNames(AxisPosition.Left, report.Stages.Select(stage => stage.Name))
            .WithNumbers(AxisPosition.Bottom, report.MetricTitle, "0.###");
        for (int i = 0; i < report.Stages.Count; i++)
        {
            chart.Add(Convert(Bootstrap.Mean(report.Stages[i].Report, report.Metric)), i, report.Stages[i].Color);
        }

        return chart.Draw($"{report.MetricTitle} of each stage with its 95 % interval", Width, 70 + (34 * report.Stages.Count));
    }

    /// <summary>The main figure of each stage by activity.</summary>
    public static string DrawActivity(ModelReport report)
    {
        Chart chart = CreateActivityChart("0.###");
        foreach (ReportStage stage in report.Stages)
        {
            DataPoint[] points = [.. stage.Report.Quintiles.Select((figures, i) => new DataPoint(i, figures[report.Metric])).Where(point => double.IsFinite(point.Y))];
            chart.AddLine(points, stage.Color, thickness: 2, withMarkers: true);
        }

        return chart.Draw($"{report.MetricTitle} of each stage by activity", Half, 300);
    }

    /// <summary>By how much stages are above the model without patches, by activity.</summary>
    public static string DrawGains(ModelReport report)
    {
        Chart chart = CreateActivityChart(SignedNumbers).AddLine([new DataPoint(-0.5, 0), new DataPoint(4.5, 0)], Palette.Soft, thickness: 1);
        ReportStage[] others = [.. report.Stages.Skip(1)];
        for (int stage = 0; stage < others.Length; stage++)
        {
            for (int quintile = 1; quintile <= report.Stages[0].Report.Quintiles.Count; quintile++)
            {
                ConfidenceInterval gain = Bootstrap.Difference(
                    others[stage].Report, report.Stages[0].Report, report.Metric, new BootstrapOptions { Quintile = quintile });
                chart.Add(Convert(gain), quintile - 1 + (0.16 * (stage - 1)), others[stage].Color, isHorizontal: false);
            }
        }

        return chart.Draw($"Difference in {report.MetricTitle} from the model without patches, by activity", Half, 300);
    }

    /// <summary>The validation metric of each epoch, or the loss where there was none.</summary>
    public static string DrawCurve(LearningCurve curve)
    {
        bool hasMetrics = curve.Metrics.Count > 0;
        IReadOnlyList<double> values = hasMetrics ? curve.Metrics : curve.Losses;
        DataPoint[] points = [.. values.Select((value, i) => new DataPoint(i + 1, value)).Where(point => double.IsFinite(point.Y))];
        Chart chart = new Chart()
            .WithNumbers(AxisPosition.Bottom, "epoch", "0", 0.5, values.Count + 0.5)
            .WithNumbers(AxisPosition.Left, "", "0.####")
            .AddLine(points, Palette.Cloud, thickness: 2.5, withMarkers: true);
        if (hasMetrics && points.Length > 0)
        {
            DataPoint best = points.MaxBy(point => point.Y);
            chart.Add((best.Y, null, null), best.X, Palette.Good, isHorizontal: false);
        }

        return chart.Draw($"{curve.Stage}: {(hasMetrics ? "validation metric" : "loss")} by epoch", Half, 260);
    }

    /// <summary>An interval whose numbers are null where there is no figure.</summary>
    public static (double? Estimate, double? Lower, double? Upper) Convert(ConfidenceInterval interval) =>
        (Figures.Finite(interval.Estimate), Figures.Finite(interval.Lower), Figures.Finite(interval.Upper));

    private static Chart CreateActivityChart(string format) => new Chart()
        .WithNames(AxisPosition.Bottom, ["least active", "2", "3", "4", "most active"])
        .WithNumbers(AxisPosition.Left, "", format);
}
