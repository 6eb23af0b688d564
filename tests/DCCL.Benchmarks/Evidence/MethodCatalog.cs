using DCCL.Benchmarks.Evidence.Baselines;
using DCCL.Benchmarks.Evidence.Personal;
using DCCL.ML;

namespace DCCL.Benchmarks.Evidence;

/// <summary>All methods, in the order of the tables.</summary>
internal static class MethodCatalog
{
    public const string Baseline = "baseline";
    public const string CloudModel = "cloud model";
    public const string Personal = "personal model";
    public const string DeviceCloud = "DCCL";

    /// <summary>The name of the method that others are compared with first.</summary>
    public const string Cloud = "cloud";

    /// <summary>The name of the method of whose gain others have a share.</summary>
    public const string Reachable = "reachable";

    public static IReadOnlyList<EvidenceMethod> All { get; } =
    [
        new("popularity", Baseline, "how often items were taken; with labels, their smoothed rate", context => Contender.Of(
            Popularity.Train(context.Data.History), isProbabilistic: context.Data.HasLabels)) { IsDeterministic = true },
        new("item-knn", Baseline, "cosine of the users who took both, summed over the history", context => Contender.Of(
            ItemNeighbors.Train(context.Data.History), isProbabilistic: false)) { IsDeterministic = true },
        new("bpr", Baseline, "matrix factorisation with the BPR loss", context => Contender.Of(
            MatrixFactorization.Train(context.Data.History, context.Seed, context.Options.IsQuick ? 30 : 200, context.Cancellation),
            isProbabilistic: false)),
        new("logistic-mf", Baseline, "logistic matrix factorisation of the labels, with a bias for each user and item", context => Contender.Of(
            LogisticFactorization.Train(context.Data.History, context.Seed, context.Options.IsQuick ? 20 : 60, context.Cancellation),
            isProbabilistic: true)) { NeedsLabels = true },
        new("ffm", Baseline, "ML.NET's field-aware factorisation machine on user, item, last items and profile", context => Contender.Of(
            FactorizationMachine.Train(context.Ml, context.Data.History, context.Seed, context.Options.IsQuick ? 3 : 8), isProbabilistic: true)),
        new("lightgbm", Baseline, "ML.NET's LightGBM on hand-made features", context => Contender.Of(
            BoostedTrees.Train(context.Ml, context.Data, context.Seed, context.Options.IsQuick ? 30 : 100), isProbabilistic: true)),
        new("truth", Baseline, "all that was planted in the built-in data: nothing tells better what is taken", context => Contender.Of(
            PlantedTruth.Create(context, cloud: null), isProbabilistic: context.Data.HasLabels)) { IsDeterministic = true, NeedsTruth = true },
        new("cloud", CloudModel, "the cloud model, which has not seen the device period", context => Contender.Of(
            context.Models.Cloud.DeviceCloudModel().WithoutPatches(), owns: true)),
        new(Reachable, Baseline, "the cloud model and what was planted for each person on devices: what patches are to find", context => Contender.Of(
            PlantedTruth.Create(context, context.Models.Cloud.DeviceCloudModel()), isProbabilistic: context.Data.HasLabels)) { NeedsTruth = true },
        new("intercept", Personal, "the cloud model and one smoothed number per user", context => Contender.Of(
            context.Models.Intercept.DeviceCloudModel(), owns: false)) { NeedsLabels = true },
        new("retrained", CloudModel, "the cloud model trained on with the device period, without teachers", context => Contender.Of(
            context.Models.Retrained().DeviceCloudModel().WithoutPatches(), owns: true)),
        .. Enumerable.Range(2, 4).Select(CreateRetraining),
        new("retrained-intercept", Personal, "retrained with one smoothed number per user, which was learnt before, on the cloud model", context => Contender.Of(
            context.Models.RetrainedIntercept.DeviceCloudModel(), owns: false)) { NeedsLabels = true },
        new("fedavg", CloudModel, "the cloud model after rounds of federated averaging of fine-tuned models (FedAvg)", context =>
            FederatedAveraging.Train(context, context.Options.IsQuick ? 1 : 3)),
        new("fine-tuned", Personal, "a copy of the cloud model for each user, all weights fine-tuned on the user's device period", context =>
            UserModels.Create(context, context.Models.Cloud.DeviceCloudModel().Parameters, new FullTuner(context, context.Models.Cloud))),
        new("last-layer", Personal, "the cloud model with a last layer of each user's own", context => UserModels.Create(
            context,
            context.Models.Cloud.DeviceCloudModel().Parameters,
            new LastLayerTuner(context, context.Models.Cloud.DeviceCloudModel().Parameters))) { NeedsDin = true },
        new("random-basis", DeviceCloud, "patches on a basis that was drawn, not learnt", context => Contender.Of(
            context.Models.RandomBasis.DeviceCloudModel(), owns: false)),
        new("basis-e", DeviceCloud, "the cloud model and a patch per user on a learnt basis", context => Contender.Of(
            context.Models.BasisPatched.DeviceCloudModel(), owns: false)),
        new("profile-only", DeviceCloud, "the cloud model that patches on a basis taught, with the patches that its encoder predicts, U(0, u), for everybody", context =>
            Contender.Of(StageModels.WithPredictedPatches(context.Models.BasisDistilled), owns: true)) { NeedsDin = true },
        new("dccl-e", DeviceCloud, "the cloud model and a patch per user (MetaPatch)", context => Contender.Of(
            context.Models.Patched.DeviceCloudModel(), owns: false)),
        new("distilled", DeviceCloud, "the cloud model trained on with patches as teachers (MoMoDistill), without patches", context => Contender.Of(
            context.Models.Distilled().DeviceCloudModel().WithoutPatches(), owns: true)),
        .. Enumerable.Range(1, 5).Select(CreateRounds),
    ];

    // More rounds are more steps: what they are worth shows against as many steps without teachers.
    private static EvidenceMethod CreateRetraining(int rounds) => new(
        $"retrained-{rounds}",
        CloudModel,
        $"the same with the steps of {rounds} rounds",
        context => Contender.Of(context.Models.Retrained(rounds).DeviceCloudModel().WithoutPatches(), owns: true))
    { IsSlow = rounds > 2 };

    private static EvidenceMethod CreateRounds(int rounds) => new(
        $"dccl-m-{rounds}",
        DeviceCloud,
        rounds == 1 ? "the distilled cloud model with the patches that came along: the whole loop" : $"the same after {rounds} rounds",
        context => Contender.Of(context.Models.Distilled(rounds).DeviceCloudModel(), owns: false))
    { IsSlow = rounds > 2 };
}
