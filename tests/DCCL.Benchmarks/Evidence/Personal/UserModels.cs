using DCCL.Benchmarks.Evidence.Outcomes;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Model;
using DCCL.ML.Scoring;

namespace DCCL.Benchmarks.Evidence.Personal;

/// <summary>A model for each user, made, tested and forgotten one user after the other.</summary>
internal static class UserModels
{
    private const int NumberOfValidationUsers = 50;
    private const double ValidationShare = 0.25;

    /// <summary>Chooses the strength on validation, and makes a contender that tunes a model for each user when it is tested.</summary>
    public static Contender Create(MethodContext context, DeviceCloudModelParameters cloud, IUserTuner tuner)
    {
        double strength = ChooseStrength(context, tuner);
        int[] order = [.. context.Users];
        new SeededRandom(1).Shuffle<int>(order);
        HashSet<int> users = [.. order.Take(context.Options.MaximumNumberOfTunedUsers)];
        return Contender.OfUsers(
            (study, facts, options) => Evaluate(context, cloud, tuner, strength, study, facts, options, users), tuner, users.Count);
    }

    /// <summary>Chooses the strength that serves a sample of users' last device events best.</summary>
    public static double ChooseStrength(MethodContext context, IUserTuner tuner)
    {
        InteractionLog history = context.Data.History;
        int[] candidates = [.. context.Users.Where(user => context.Data.DeviceLog.GetItems(user).Length >= 1 / ValidationShare)];
        new SeededRandom(context.Seed).Shuffle<int>(candidates);
        int[] users = [.. candidates.Take(context.Options.IsQuick ? 5 : NumberOfValidationUsers)];
        if (users.Length == 0)
        {
            return tuner.Strengths[0];
        }

        return tuner.Strengths.MaxBy(strength =>
        {
            double sum = 0;
            double weight = 0;
            foreach (int user in users)
            {
                context.Cancellation.ThrowIfCancellationRequested();
                int all = history.GetItems(user).Length;
                int held = Math.Max(1, (int)(context.Data.DeviceLog.GetItems(user).Length * ValidationShare));
                if (tuner.Tune(user, strength, held) is DeviceCloudModelParameters model)
                {
                    using ModelScorer scorer = new(model, numberOfThreads: 1);
                    RankingFigures figures = ItemRankingEvaluator.Evaluate(
                        scorer, null, SingleUser.Take(history, user, 0, all - held), SingleUser.Take(history, user, all - held, all),
                        new RankingEvaluationOptions { NumberOfThreads = 1, RanksItems = !history.HasLabels }).Overall;
                    int events = history.HasLabels ? figures.NumberOfLabelledEvents : figures.NumberOfRankedEvents;
                    sum += events == 0 ? 0 : events * (history.HasLabels ? -figures.LogLoss : figures.Ndcg(10));
                    weight += events;
                }
            }

            return sum / weight;
        });
    }

    private static UserOutcome[] Evaluate(
        MethodContext context, DeviceCloudModelParameters cloud, IUserTuner tuner, double strength, EvidenceStudy study, TestFacts facts,
        RankingEvaluationOptions options, HashSet<int> users)
    {
        List<UserOutcome> outcomes = [];
        foreach (UserTimeline timeline in facts.Plan.Timelines.Where(timeline => users.Contains(timeline.User)))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            using ModelScorer scorer = new(tuner.Tune(timeline.User, strength) ?? cloud, numberOfThreads: 1);
            UserEvaluation user = ItemRankingEvaluator.Evaluate(
                scorer, null, SingleUser.Take(study.Training.History, timeline.User), SingleUser.Take(study.Test, timeline.User), options).Users[0];
            int[] list = MethodEvaluator.GetTopList(
                timeline, facts.NumberOfItems, new ModelItemScorer(scorer, new PatchSelector(scorer.Parameters, null)));
            outcomes.Add(new UserOutcome(
                timeline.User, timeline.Quintile, user.Ranks.ToArray(), user.Logits.ToArray(), user.Labels.ToArray(), list));
        }

        return [.. outcomes];
    }
}
