using System.Text;
using DCCL.ML.Evaluation;

namespace DCCL.Cli.Reporting;

/// <summary>The page of a model's report: one file, pictures inside, no network.</summary>
internal sealed class ReportPage
{
    private readonly StringBuilder _html = new();
    private readonly ModelReport _report;

    private ReportPage(ModelReport report) => _report = report;

    /// <summary>Writes the page.</summary>
    public static string Write(ModelReport report)
    {
        ReportPage page = new(report);
        page.AddHead();
        page.AddGains();
        page.AddPictures();
        page.AddFigures();
        page.AddCurves();
        page.AddCosts();
        page.AddLists();
        page.AddMethod();
        return page._html.Append("</main></body></html>\n").ToString();
    }

    private void AddHead()
    {
        _html.Append("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">")
            .Append($"<title>{Html.Encode(_report.Name)}</title><style>{Html.ReadStyle()}</style></head><body><main><h1>{Html.Encode(_report.Name)}</h1>")
            .Append("<p class=\"note\">What patches of their own do for people, and what the way back does for the model they share.</p><ul class=\"chips\">");
        foreach ((string name, string value) in _report.Facts)
        {
            _html.Append($"<li>{Html.Encode(name)} <b>{Html.Encode(value)}</b></li>");
        }

        _html.Append("</ul>");
        RankingReport first = _report.Stages[0].Report;
        if (first.IsSampled)
        {
            _html.Append($"<p class=\"warning\">All figures are those of a seeded sample: {first.Users.Count} of the {first.NumberOfTestUsers} users of the test.</p>");
        }
    }

    private void AddGains()
    {
        _html.Append($"<h2>Before and after</h2><p class=\"note\">Relative change of {Html.Encode(_report.MetricTitle)} with its 95 % interval over users. ")
            .Append("Green: the whole interval is above zero; red: below; grey: undecided.</p><div class=\"cards\">");
        ReportStage cloud = _report.Stages[0];
        ReportStage loop = _report.Stages[^1];
        IEnumerable<(ReportStage Stage, ReportStage Baseline)> pairs = _report.Stages.Skip(1).Select(stage => (stage, cloud)).Append((loop, _report.Stages[1]));
        foreach ((ReportStage stage, ReportStage baseline) in pairs)
        {
            ConfidenceInterval gain = Bootstrap.Difference(stage.Report, baseline.Report, _report.Metric, new BootstrapOptions { Relative = true });
            string verdict = gain.Lower > 0 ? "better" : gain.Upper < 0 ? "worse" : gain is { Lower: 0, Upper: 0 } ? "same" : "undecided";
            _html.Append($"<div class=\"card {verdict}\"><div class=\"what\">{Html.Encode(stage.Name)} against {Html.Encode(baseline.Name)}</div>")
                .Append($"<div class=\"much\">{Html.SignedPercent(gain.Estimate)}</div>")
                .Append($"<div class=\"range\">{Html.SignedPercent(gain.Lower)} to {Html.SignedPercent(gain.Upper)}: {(verdict == "same" ? "the same" : verdict)}</div></div>");
        }

        _html.Append("</div>");
    }

    private void AddPictures()
    {
        AddFigure(ReportPictures.DrawStages(_report), $"{_report.MetricTitle}, 95 % interval over users.");
        _html.Append("<h2>Who gains</h2>");
        AddLegend();
        _html.Append("<div class=\"pair\">");
        AddFigure(ReportPictures.DrawActivity(_report), $"{_report.MetricTitle} by activity before the test.");
        AddFigure(ReportPictures.DrawGains(_report), "Above the model without patches, with the 95 % interval. What lies on the line is no difference.");
        _html.Append("</div>");
    }

    private void AddLegend()
    {
        _html.Append("<ul class=\"chips\">");
        foreach (ReportStage stage in _report.Stages)
        {
            _html.Append($"<li>{GetDot(stage)}{Html.Encode(stage.Name)}: {Html.Encode(stage.Description)}</li>");
        }

        _html.Append("</ul>");
    }

    private static string GetDot(ReportStage stage) => $"<span class=\"dot\" style=\"background:var({Palette.GetVariable(stage.Color)})\"></span>";

    private void AddFigures()
    {
        (string Title, EvaluationMetric Metric)[] metrics =
        [
            ("HR@10", EvaluationMetric.HitRate(10)),
            ("NDCG@10", EvaluationMetric.Ndcg(10)),
            ("MRR", EvaluationMetric.MeanReciprocalRank),
            .. _report.Stages[0].Report.HasLabels
                ? [("AUC", EvaluationMetric.AreaUnderRocCurve), ("AUC per user", EvaluationMetric.AreaUnderRocCurvePerUser), ("log loss", EvaluationMetric.LogLoss)]
                : Array.Empty<(string, EvaluationMetric)>(),
        ];
        _html.Append("<h2>All figures</h2><div class=\"scroll\"><table><thead><tr><th>stage</th>");
        foreach ((string title, _) in metrics)
        {
            _html.Append($"<th>{title}</th>");
        }

        _html.Append("</tr></thead><tbody>");
        foreach (ReportStage stage in _report.Stages)
        {
            _html.Append($"<tr><th>{GetDot(stage)}{Html.Encode(stage.Name)}</th>");
            foreach ((_, EvaluationMetric metric) in metrics)
            {
                (double? estimate, double? lower, double? upper) = ReportPictures.Convert(Bootstrap.Mean(stage.Report, metric));
                _html.Append($"<td>{Html.Number(estimate)}<div class=\"range\">{Html.Number(lower)} to {Html.Number(upper)}</div></td>");
            }

            _html.Append("</tr>");
        }

        _html.Append("</tbody></table></div>");
    }

    private void AddCurves()
    {
        LearningCurve[] curves = [.. _report.Curves.Where(curve => curve.Losses.Count > 1)];
        if (curves.Length == 0)
        {
            return;
        }

        _html.Append("<h2>How it learnt</h2><div class=\"pair\">");
        foreach (LearningCurve curve in curves)
        {
            AddFigure(
                ReportPictures.DrawCurve(curve),
                curve.Metrics.Count > 0 ? $"{curve.Stage}: what early stopping watches, higher is better; the best epoch, in green, is kept." : $"{curve.Stage}: mean loss of each epoch.");
        }

        _html.Append("</div>");
    }

    private void AddCosts()
    {
        _html.Append("<h2>What it costs</h2><div class=\"scroll\"><table><tbody>");
        foreach ((string name, string value) in _report.Costs)
        {
            _html.Append($"<tr><th>{Html.Encode(name)}</th><td>{Html.Encode(value)}</td></tr>");
        }

        _html.Append("</tbody></table></div>");
    }

    private void AddLists()
    {
        _html.Append("<h2>Three people</h2>");
        if (_report.Lists.Count == 0)
        {
            _html.Append("<p>No patch changes anybody's ten best items.</p>");
            return;
        }

        _html.Append("<p class=\"note\">The ten best items without and with the patch, for the first user, in the order of the log, of each group whose list it ")
            .Append("changes. Green: new in the list; \u2713: taken in the test.</p><div class=\"three\">");
        foreach (UserLists lists in _report.Lists)
        {
            _html.Append($"<div class=\"scroll\"><table><caption>User {Html.Encode(lists.User)}, of the {lists.Activity}</caption>")
                .Append("<thead><tr><th></th><th>before</th><th>after</th></tr></thead><tbody>");
            for (int i = 0; i < Math.Max(lists.Before.Count, lists.After.Count); i++)
            {
                _html.Append($"<tr><th>{i + 1}</th><td>{GetItem(lists, lists.Before, i)}</td>")
                    .Append($"<td{(i < lists.After.Count && !lists.Before.Contains(lists.After[i]) ? " class=\"better\"" : "")}>{GetItem(lists, lists.After, i)}</td></tr>");
            }

            _html.Append("</tbody></table></div>");
        }

        _html.Append("</div>");
    }

    private static string GetItem(UserLists lists, IReadOnlyList<string> items, int place) =>
        place >= items.Count ? "" : Html.Encode(items[place]) + (lists.Taken.Contains(items[place]) ? " \u2713" : "");

    private void AddMethod() => _html.Append("<h2>How it was measured</h2>")
        .Append($"<p>{Html.Encode(_report.Split)}. The cloud model was fitted to the first part, patches to the second, and all figures are those of the last, which nothing ")
        .Append("was fitted to. Each positive test event is ranked by itself among all items that its user has not had; equal scores share their mean rank. Every ")
        .Append("stage gets the same history, the device period included. Intervals: 1,000 paired bootstraps over users.</p>");

    private void AddFigure(string svg, string caption) => _html.Append($"<figure>{svg}<figcaption>{Html.Encode(caption)}</figcaption></figure>");
}
