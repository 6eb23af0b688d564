using System.Text;
using System.Text.Json;
using DCCL.Benchmarks.Evidence.Metrics;
using DCCL.Cli.Reporting;

namespace DCCL.Benchmarks.Evidence.Reporting;

/// <summary>The page: one file, pictures inside, no network.</summary>
internal static class HtmlReport
{
    public static byte[] Write(EvidenceReport report, EvidenceManifest manifest)
    {
        StringBuilder html = new();
        html.Append("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">")
            .Append($"<title>Evidence: {Html.Encode(report.Data)}</title><style>{Html.ReadStyle()}</style></head><body><main>");
        AppendHead(html, report);
        AppendClaims(html, report);
        AppendPictures(html, report);
        AppendTables(html, report);
        AppendMethod(html, report, manifest);
        return Encoding.UTF8.GetBytes(html.Append("</main></body></html>\n").ToString());
    }

    private static void AppendHead(StringBuilder html, EvidenceReport report)
    {
        DataFacts facts = report.Facts;
        html.Append($"<h1>Evidence: {Html.Encode(report.Data)}</h1>")
            .Append("<p class=\"note\">Device-cloud collaborative learning against what else could be done with the same data: ")
            .Append("the same test events, histories and masks for every method, one evaluator.</p><ul class=\"chips\">");
        (string, string)[] chips =
        [
            ("protocol", report.Protocol),
            ("task", report.HasLabels ? "clicks, explicit negatives" : "next item, all unseen items ranked"),
            ("cloud model", report.Backbone),
            ("seeds", Html.Number(report.NumberOfSeeds, "0")),
            ("users", Html.Number(facts.Users, "#,0")),
            ("items", Html.Number(facts.Items, "#,0")),
            ("cloud events", Html.Number(facts.CloudEvents, "#,0")),
            ("device events", Html.Number(facts.DeviceEvents, "#,0")),
            ("ranked test events", Html.Number(facts.RankedEvents, "#,0")),
            ("tested users", Html.Number(facts.TestedUsers, "#,0")),
            ("cold users", Html.Number(facts.ColdUsers, "#,0")),
        ];
        foreach ((string name, string value) in chips)
        {
            html.Append($"<li>{Html.Encode(name)} <b>{Html.Encode(value)}</b></li>");
        }

        html.Append("</ul>");
        if (facts.TestedUsers < facts.UsersOfTheTest)
        {
            html.Append($"<p class=\"warning\">All figures are those of a seeded sample: {facts.TestedUsers} of the {facts.UsersOfTheTest} users of the ")
                .Append("test, the same for every method.</p>");
        }

        if (report.IsQuick)
        {
            html.Append("<p class=\"warning\"><b>A quick run.</b> Few users, few epochs: it shows that everything works and proves nothing.</p>");
        }
    }

    private static void AppendClaims(StringBuilder html, EvidenceReport report)
    {
        Comparison[] rows =
        [
            .. report.Comparisons.Where(row => row.Baseline != MethodCatalog.Cloud || row.Method is "dccl-e" or "distilled" or "dccl-m-1"),
        ];
        if (rows.Length == 0)
        {
            return;
        }

        string title = GetTitle(report);
        html.Append($"<h2>The claims</h2><p class=\"note\">Relative change of {Html.Encode(title)} with its 95 % interval over users. Green: the whole ")
            .Append("interval is above zero; red: below; grey: undecided.</p><div class=\"cards\">");
        foreach (Comparison row in rows)
        {
            Figure relative = row.Relative[report.MainMetric];
            string verdict = Comparison.GetVerdict(row.Differences[report.MainMetric]);
            html.Append($"<div class=\"card {(verdict == "the same" ? "same" : verdict)}\"><div class=\"what\">{Html.Encode(row.Method)} against ")
                .Append($"{Html.Encode(row.Baseline)}</div><div class=\"much\">{Html.SignedPercent(relative.Estimate)}</div>")
                .Append($"<div class=\"range\">{Html.SignedPercent(relative.Lower)} to {Html.SignedPercent(relative.Upper)}: {verdict}</div></div>");
        }

        html.Append("</div>");
    }

    private static void AppendPictures(StringBuilder html, EvidenceReport report)
    {
        string title = GetTitle(report);
        html.Append("<h2>The methods</h2>");
        AppendFigure(html, Pictures.DrawMethods(report), $"{title}, mean over seeds, 95 % interval over users.");
        if (!report.Comparisons.Any(row => row.Baseline == MethodCatalog.Cloud))
        {
            return;
        }

        AppendFigure(
            html, Pictures.DrawDifferences(report), $"{title} above the cloud model's, user by user. What lies on the line is no difference.");
        html.Append("<h2>Who gains</h2><div class=\"pair\">");
        foreach (string method in (string[])["dccl-e", "dccl-m-1"])
        {
            if (report.Comparisons.Any(row => row.Method == method && row.Baseline == MethodCatalog.Cloud))
            {
                AppendFigure(html, Pictures.DrawQuintiles(report, method), $"{method} against the cloud model: {title} by activity before the test.");
            }
        }

        html.Append("</div>");
        AppendFigure(
            html, Pictures.DrawHarm(report),
            $"Users whose own {title} is lower (red) or higher (green) than with the cloud model. Users without a change make up the rest.");
        MethodFigures[] curves = [.. report.Methods.Where(method => method.Reliability is not null && method.Name is "cloud" or "intercept" or "dccl-e" or "dccl-m-1")];
        if (report.HasLabels && curves.Length > 0)
        {
            html.Append("<h2>Are the probabilities true?</h2><div class=\"pair\">");
            foreach (MethodFigures method in curves)
            {
                AppendFigure(
                    html, Pictures.DrawReliability(method),
                    $"{method.Name}: expected calibration error {Html.Number(method.Overall["ece"].Estimate)}. On the dashed line they are.");
            }

            html.Append("</div>");
        }
    }

    private static void AppendTables(StringBuilder html, EvidenceReport report)
    {
        html.Append("<h2>All figures</h2>")
            .Append(HtmlTables.Methods(report, metric => metric.IsQuality))
            .Append("<h2>Comparisons</h2>").Append(HtmlTables.Comparisons(report))
            .Append("<h2>Groups of users</h2>").Append(HtmlTables.Groups(report))
            .Append("<h2>What the lists are like</h2>")
            .Append(HtmlTables.Methods(report, metric => metric.Name is "coverage10" or "popularity10" or "popularityLift10"))
            .Append("<h2>Sampled candidates</h2><p class=\"warning\">For comparison with the literature only. ")
            .Append($"Figures among {MetricCatalog.NumberOfSampledCandidates} sampled candidates do not tell which method is better (Krichene and ")
            .Append("Rendle, KDD 2020); the corrected ones estimate the figures among all items, which stand above.</p>")
            .Append(HtmlTables.Methods(report, metric => metric.Name.StartsWith("sampled", StringComparison.Ordinal)
                || metric.Name.StartsWith("corrected", StringComparison.Ordinal)));
    }

    private static void AppendMethod(StringBuilder html, EvidenceReport report, EvidenceManifest manifest)
    {
        html.Append("<h2>What was compared</h2>").Append(HtmlTables.Descriptions(report)).Append("<h2>How it was measured</h2>");
        foreach (string split in report.Splits)
        {
            html.Append($"<p>{Html.Encode(split)}.</p>");
        }

        html.Append("<p>No method gets to see an event of the test before it is asked about later ones. Each positive test event is ranked by itself ")
            .Append("among all items that its user has not had; equal scores share their mean rank. Every method gets the same history, the device ")
            .Append("period included. Intervals: 1,000 paired bootstraps over users, each user with all events and seeds.</p>")
            .Append(HtmlTables.Metrics(report))
            .Append("<details><summary>Manifest</summary><pre>")
            .Append(Html.Encode(JsonSerializer.Serialize(manifest, EvidenceOptions.Json)))
            .Append("</pre><p>Run again with <code>evidence --again manifest.json --out again/</code>.</p></details>");
    }

    private static void AppendFigure(StringBuilder html, string svg, string caption) =>
        html.Append($"<figure>{svg}<figcaption>{Html.Encode(caption)}</figcaption></figure>");

    private static string GetTitle(EvidenceReport report) => report.Metrics.First(metric => metric.Name == report.MainMetric).Title;
}
