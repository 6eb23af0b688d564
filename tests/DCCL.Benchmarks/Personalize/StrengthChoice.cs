using DCCL.Benchmarks.Evidence;
using DCCL.ML;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers;
using Microsoft.ML;
using QuickStart;

namespace DCCL.Benchmarks.Personalize;

/// <summary>Chooses how much of patches is kept on validation, as the step size of fine-tuning is: by users' last device events.</summary>
internal static class StrengthChoice
{
    private const double ValidationShare = 0.25;

    /// <summary>Gets what there is to choose from.</summary>
    public static IReadOnlyList<float> Strengths { get; } = [0, 0.25f, 0.5f, 0.75f, 1];

    /// <summary>Chooses the strength under which patches of the earlier device events serve the later ones best.</summary>
    /// <param name="ml">The context.</param>
    /// <param name="context">The run.</param>
    /// <param name="data">The log, for its columns.</param>
    /// <param name="model">The model with a basis and without patches.</param>
    /// <param name="options">The options of MetaPatch, at full strength.</param>
    /// <param name="strengths">What to choose from.</param>
    /// <returns>The strength, and its NDCG@10, or the negative of its log loss where events have labels.</returns>
    public static (double Strength, double Value) Choose(
        MLContext ml, MethodContext context, EventData data, ITransformer model, MetaPatchTrainer.Options options, IReadOnlyList<float> strengths)
    {
        InteractionLog history = context.Data.History;
        int[] first = new int[history.NumberOfUsers + 1];
        for (int user = 1; user <= history.NumberOfUsers; user++)
        {
            int device = user <= context.Data.DeviceLog.NumberOfUsers ? context.Data.DeviceLog.GetItems(user).Length : 0;
            first[user] = history.GetItems(user).Length - (int)(device * ValidationShare);
        }

        RowsByUser rows = RowsByUser.Read(context.Data.Device, data.Columns);
        byte[] isLater = new byte[rows.NumberOfRows];
        for (int user = 0; user < rows.NumberOfUsers; user++)
        {
            ReadOnlySpan<int> own = rows.GetRows(user);
            foreach (int row in own[(own.Length - (int)(own.Length * ValidationShare))..])
            {
                isLater[row] = 1;
            }
        }

        DeviceCloudPredictionTransformer fleet = ml.DeviceCloud().Trainers.MetaPatch(model, options)
            .Fit(new RowSubset(context.Data.Device, isLater, 0)).DeviceCloudModel();
        using ModelScorer scorer = new(fleet.Parameters, options.Run.NumberOfThreads);
        InteractionLog before = history.Where((user, index) => index < first[user]);
        InteractionLog later = history.Where((user, index) => index >= first[user]);
        return strengths.Select(strength =>
        {
            RankingFigures figures = ItemRankingEvaluator.Evaluate(
                scorer,
                new PatchSelector(fleet.Parameters, Scale(fleet.Patches!, strength)),
                before,
                later,
                new RankingEvaluationOptions
                {
                    MaximumNumberOfPairs = 1_000_000,
                    RanksItems = !history.HasLabels,
                    NumberOfThreads = options.Run.NumberOfThreads,
                    CancellationToken = options.Run.CancellationToken,
                }).Overall;
            return ((double)strength, history.HasLabels ? -figures.LogLoss : figures.Ndcg(10));
        }).MaxBy(pair => pair.Item2);
    }

    private static UserPatches Scale(UserPatches patches, float strength)
    {
        float[] values = new float[patches.NumberOfUsers * patches.PatchSize];
        PatchStatus[] statuses = new PatchStatus[patches.NumberOfUsers];
        for (int user = 1; user <= patches.NumberOfUsers; user++)
        {
            Span<float> own = values.AsSpan((user - 1) * patches.PatchSize, patches.PatchSize);
            patches[user].CopyTo(own);
            foreach (ref float value in own[1..])
            {
                value *= strength;
            }

            statuses[user - 1] = own.ContainsAnyExcept(0f) ? PatchStatus.Patched : PatchStatus.Gated;
        }

        return new UserPatches(patches.PatchSize, values, statuses);
    }
}
