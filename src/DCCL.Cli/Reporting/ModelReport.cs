using DCCL.ML.Evaluation;
using OxyPlot;

namespace DCCL.Cli.Reporting;

/// <summary>What a report shows.</summary>
/// <param name="Name">The name of the model.</param>
/// <param name="Facts">What the data and the model are, by name.</param>
/// <param name="Split">What was tested on what.</param>
/// <param name="Metric">What models are compared by; more is better.</param>
/// <param name="MetricTitle">Its name.</param>
/// <param name="Stages">The model and what becomes of it, the model without patches first.</param>
/// <param name="Curves">How each training went.</param>
/// <param name="Costs">Sizes and times, by name.</param>
/// <param name="Lists">The lists of a few users.</param>
internal sealed record ModelReport(
    string Name,
    IReadOnlyList<(string Name, string Value)> Facts,
    string Split,
    EvaluationMetric Metric,
    string MetricTitle,
    IReadOnlyList<ReportStage> Stages,
    IReadOnlyList<LearningCurve> Curves,
    IReadOnlyList<(string Name, string Value)> Costs,
    IReadOnlyList<UserLists> Lists);

/// <summary>A model in the report.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it is.</param>
/// <param name="Color">Its colour.</param>
/// <param name="Report">How good it is.</param>
internal sealed record ReportStage(string Name, string Description, OxyColor Color, RankingReport Report);

/// <summary>How a training went.</summary>
/// <param name="Stage">What was trained.</param>
/// <param name="Losses">The loss of each epoch.</param>
/// <param name="Metrics">The validation metric of each epoch; empty where there was none.</param>
internal sealed record LearningCurve(string Stage, IReadOnlyList<double> Losses, IReadOnlyList<double> Metrics);

/// <summary>What a user was recommended without a patch and is with it.</summary>
/// <param name="User">The raw id.</param>
/// <param name="Activity">Which fifth of the users, by activity.</param>
/// <param name="Before">The items without the patch, the best first.</param>
/// <param name="After">The items with it.</param>
/// <param name="Taken">The items that the user took in the test.</param>
internal sealed record UserLists(string User, string Activity, IReadOnlyList<string> Before, IReadOnlyList<string> After, IReadOnlySet<string> Taken);
