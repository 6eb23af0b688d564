using System.Text;
using DCCL.Benchmarks.Evidence.Metrics;
using DCCL.Cli.Reporting;

namespace DCCL.Benchmarks.Evidence.Reporting;

/// <summary>The tables of the page.</summary>
internal static class HtmlTables
{
    public static string Methods(EvidenceReport report, Func<MetricText, bool> select)
    {
        MetricText[] metrics = [.. report.Metrics.Where(select)];
        StringBuilder html = Begin(
            "",
            ["method", .. report.Methods.Any(method => method.Users != report.Methods[0].Users) ? ["users"] : Array.Empty<string>(), .. metrics.Select(metric => metric.Title)]);
        bool withUsers = report.Methods.Any(method => method.Users != report.Methods[0].Users);
        foreach (MethodFigures method in report.Methods)
        {
            html.Append($"<tr>{Name(method)}{(withUsers ? $"<td>{method.Users}</td>" : "")}");
            foreach (MetricText metric in metrics)
            {
                double? value = method.Overall.GetValueOrDefault(metric.Name)?.Estimate;
                bool isBest = metric.IsQuality && value is not null && value == GetBest(report, metric);
                html.Append($"<td{(isBest ? " class=\"best\"" : "")}>{Html.Number(value)}</td>");
            }

            html.Append("</tr>");
        }

        return End(html);
    }

    public static string Comparisons(EvidenceReport report)
    {
        string[] metrics = [.. MetricCatalog.Compared(report.HasLabels).Select(metric => metric.Name)];
        bool isReachKnown = report.Comparisons.Any(row => row.Reached is not null);
        StringBuilder html = Begin(
            "Differences with 95 % intervals: paired bootstrap over users, each drawn with all seeds.",
            [
                "compared", "users", .. metrics.Select(name => report.Metrics.First(metric => metric.Name == name).Title), "worse off", "better off",
                "worst tenth", .. isReachKnown ? ["of the gain that can be reached"] : Array.Empty<string>(),
            ]);
        foreach (Comparison row in report.Comparisons)
        {
            html.Append($"<tr><th>{Html.Encode(row.Method)} against {Html.Encode(row.Baseline)}</th><td>{row.Users}</td>");
            foreach (string name in metrics)
            {
                Figure? figure = row.Differences.GetValueOrDefault(name);
                bool lessIsBetter = report.Metrics.First(metric => metric.Name == name).LessIsBetter;
                html.Append(figure is null
                    ? "<td>\u2013</td>"
                    : $"<td class=\"{GetClass(figure, lessIsBetter)}\">{Html.Range(figure.Interval, value => Html.Signed(value))}</td>");
            }

            html.Append(
                $"<td>{Html.Percent(row.Harm.Harmed)}</td><td>{Html.Percent(row.Harm.Helped)}</td><td>{Html.Signed(row.Harm.WorstDecile)}</td>");
            html.Append(isReachKnown ? $"<td>{Html.Range(row.Reached?.Interval ?? default, value => Html.Percent(value))}</td></tr>" : "</tr>");
        }

        return End(html);
    }

    public static string Groups(EvidenceReport report)
    {
        StringBuilder html = Begin(
            $"{report.Metrics.First(metric => metric.Name == report.MainMetric).Title} by group of users; quintile 1 is the least active fifth.",
            ["method", .. report.Methods[0].Groups.Select(group => $"{group.Name} ({group.Users})")]);
        foreach (MethodFigures method in report.Methods)
        {
            html.Append($"<tr>{Name(method)}");
            foreach (GroupFigures group in method.Groups)
            {
                html.Append($"<td>{Html.Number(group.Figures.GetValueOrDefault(report.MainMetric))}</td>");
            }

            html.Append("</tr>");
        }

        return End(html);
    }

    public static string Descriptions(EvidenceReport report)
    {
        StringBuilder html = Begin("", ["method", "group", "users with a patch or model of their own", "what it is"]);
        foreach (MethodFigures method in report.Methods)
        {
            html.Append(
                $"<tr>{Name(method)}<td>{Html.Encode(method.Group)}</td><td>{Html.Number(method.PersonalizedUsers, "0.#")}</td>"
                + $"<td class=\"text\">{Html.Encode(method.Description)}</td></tr>");
        }

        return End(html);
    }

    public static string Metrics(EvidenceReport report)
    {
        StringBuilder html = Begin("", ["figure", "what it is"]);
        foreach (MetricText metric in report.Metrics)
        {
            html.Append($"<tr><th>{Html.Encode(metric.Title)}</th><td class=\"text\">{Html.Encode(metric.Description)}</td></tr>");
        }

        return End(html);
    }

    private static string GetClass(Figure figure, bool lessIsBetter) => (Comparison.GetVerdict(figure), lessIsBetter) switch
    {
        ("better", false) or ("worse", true) => "better",
        ("worse", false) or ("better", true) => "worse",
        _ => "",
    };

    private static double? GetBest(EvidenceReport report, MetricText metric)
    {
        // What knows the truth is no method to take.
        IEnumerable<double> values = report.Methods.Where(method => !MethodCatalog.All.Any(other => other.Name == method.Name && other.NeedsTruth))
            .Select(method => method.Overall.GetValueOrDefault(metric.Name)?.Estimate).OfType<double>();
        return metric.LessIsBetter ? values.Min() : values.Max();
    }

    private static string Name(MethodFigures method) =>
        $"<th><span class=\"dot\" style=\"background:var({Palette.GetVariable(GroupColors.Of(method.Group))})\"></span>{Html.Encode(method.Name)}</th>";

    private static StringBuilder Begin(string caption, IEnumerable<string> titles)
    {
        StringBuilder html = new("<div class=\"scroll\"><table>");
        html.Append(caption.Length == 0 ? "" : $"<caption>{Html.Encode(caption)}</caption>").Append("<thead><tr>");
        foreach (string title in titles)
        {
            html.Append($"<th>{Html.Encode(title)}</th>");
        }

        return html.Append("</tr></thead><tbody>");
    }

    private static string End(StringBuilder html) => html.Append("</tbody></table></div>").ToString();
}
