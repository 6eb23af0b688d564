// Written by 'dccl train': says how good {{Name}} is. Needs the package DCCL.ML alone.
using DCCL.ML;
using DCCL.ML.Evaluation;
using Microsoft.ML;

namespace {{Name}}Code;

public static partial class {{Name}}
{
    /// <summary>Ranks each test event among all items that its user has not had.</summary>
    /// <param name="ml">The context.</param>
    /// <param name="model">The model.</param>
    /// <param name="test">Events that the model has not seen.</param>
    /// <param name="history">What came before; null for what the model remembers.</param>
    public static RankingReport Evaluate(MLContext ml, ITransformer model, IDataView test, IDataView? history = null) =>
        ml.DeviceCloud().EvaluateRanking(model, test, history);

    /// <summary>Says it in a line.</summary>
    public static string Describe(RankingReport report) => FormattableString.Invariant(
        $"{report.Overall.NumberOfUsers} users, HR@10 {report.Overall.HitRate(10):F4}, NDCG@10 {report.Overall.Ndcg(10):F4}, MRR {report.Overall.MeanReciprocalRank:F4}");
}
