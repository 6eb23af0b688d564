using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers.Torch;

namespace DCCL.Trainers.MetaPatch;

/// <summary>Gates patches by how well they rank held-back events among all items, as an evaluation would.</summary>
/// <remarks>
/// Events without labels are learnt against negatives drawn at random, nearly all of which are easy: a patch may well tell them
/// apart better and yet make the first places of the list worse. Only a full ranking shows it. A sample of users is ranked.
/// </remarks>
internal sealed class RankingGate
{
    private const int Cutoff = 10;
    private readonly TrainingRun _run;
    private readonly DeviceCloudModelParameters _parameters;
    private readonly long _maximumNumberOfPairs;

    /// <summary>Prepares the gate.</summary>
    /// <param name="run">The run.</param>
    /// <param name="parameters">The cloud model with the basis.</param>
    /// <param name="log">All events.</param>
    /// <param name="events">Those of them that patches learn from, a user's one after the other in time order.</param>
    /// <param name="fraction">The share of a user's events that is held back.</param>
    /// <param name="maximumNumberOfPairs">The number of pairs of an event and an item to rank at most: of more, a sample of users is ranked.</param>
    public RankingGate(
        TrainingRun run, DeviceCloudModelParameters parameters, InteractionLog log, EventTable events, double fraction, long maximumNumberOfPairs)
    {
        _run = run;
        _parameters = parameters;
        _maximumNumberOfPairs = maximumNumberOfPairs;
        int[] first = new int[log.NumberOfUsers + 1];
        Array.Fill(first, int.MaxValue);
        foreach ((int user, int start, int count) in events.GetUsers())
        {
            for (int place = count - 1; place >= 0 && PatchTraining.IsHeldBack(place, count, fraction); place--)
            {
                first[user] = events.Indices[start + place];
            }
        }

        History = log.Where((user, index) => index < first[user]);
        HeldBack = log.Where((user, index) => index >= first[user]);
    }

    /// <summary>Gets the events before those that are held back.</summary>
    public InteractionLog History { get; }

    /// <summary>Gets the events that are held back, and ranked.</summary>
    public InteractionLog HeldBack { get; }

    /// <summary>Chooses each user's strength.</summary>
    /// <param name="users">The users who have events to learn from.</param>
    /// <param name="numberOfEvents">Their numbers of events.</param>
    /// <param name="fleet">Makes the patches, learnt without the held-back events, at one strength for all.</param>
    /// <returns>The index of each user's strength.</returns>
    public int[] Choose(int[] users, int[] numberOfEvents, Func<int, UserPatches> fleet)
    {
        (bool[] isRanked, double[][] gains) = Measure(users, [.. PatchGate.Strengths.Select(strength => strength.Others)], fleet);
        return PatchGate.ChooseByGain(numberOfEvents, isRanked, gains);
    }

    private (bool[] IsRanked, double[][] Gains) Measure(int[] users, IReadOnlyList<float> strengths, Func<int, UserPatches> fleet)
    {
        using ModelScorer scorer = new(_parameters, _run.Threads);
        double[][] gains = [.. users.Select(_ => new double[strengths.Count])];
        bool[] isRanked = new bool[users.Length];
        Dictionary<int, int> rows = users.Select((user, row) => (user, row)).ToDictionary();
        for (int strength = 0; strength < strengths.Count; strength++)
        {
            _run.Report("metapatch: ranking", (double)strength / strengths.Count);
            if (strength > 0 && strengths[strength] == strengths[strength - 1])
            {
                // An intercept changes no ranking.
                foreach (double[] own in gains)
                {
                    own[strength] = own[strength - 1];
                }

                continue;
            }

            foreach (UserEvaluation user in Rank(scorer, fleet(strength)).Users)
            {
                int row = rows[user.User];
                isRanked[row] = true;
                foreach (double rank in user.Ranks.Span)
                {
                    gains[row][strength] += rank <= Cutoff ? 1 / Math.Log2(1 + rank) : 0;
                }
            }
        }

        _run.Report("metapatch: ranking", 1);
        return (isRanked, gains);
    }

    private RankingReport Rank(ModelScorer scorer, UserPatches patches) => ItemRankingEvaluator.Evaluate(
        scorer,
        new PatchSelector(_parameters, patches),
        History,
        HeldBack,
        new RankingEvaluationOptions
        {
            MaximumNumberOfPairs = _maximumNumberOfPairs,
            Seed = _run.Seed,
            NumberOfThreads = _run.Threads,
            CancellationToken = _run.Cancellation,
        });
}
