using System.Numerics.Tensors;
using DCCL.ML.Data;
using DCCL.ML.Evaluation;
using DCCL.ML.Model;
using DCCL.ML.Scoring;
using DCCL.Trainers.Torch;

namespace DCCL.Trainers.MetaPatch;

/// <summary>Chooses how much of patches that are sums is kept, one strength for all users, by how held-back events rank among all items.</summary>
/// <remarks>
/// The cloud model scores the items once before each event, and each strength of the user's sum is added to that: so many times as many events are ranked as
/// where a patch changes the network. Of each user the first held-back events are ranked, as many as the pairs suffice for, and where they do not suffice
/// for one event of everybody, those of a sample of users.
/// </remarks>
internal sealed class SumGate : IDisposable
{
    private const int Cutoff = 10;

    // As many strengths as other patches are ranked at take as long.
    private const int PairsForOne = 5;
    private readonly TrainingRun _run;
    private readonly ModelScorer _scorer;
    private readonly InteractionLog _log;
    private readonly EventTable _events;
    private readonly long[] _items;
    private readonly (int User, int First, int Count)[] _heldBack;
    private readonly (int User, int First, int Count)[] _ranked;

    /// <summary>Prepares the gate.</summary>
    /// <param name="run">The run.</param>
    /// <param name="parameters">The cloud model.</param>
    /// <param name="log">All events.</param>
    /// <param name="events">Those of them that are new to the cloud model, a user's one after the other in time order.</param>
    /// <param name="fraction">The share of a user's events, the most recent ones, that is held back.</param>
    /// <param name="numberOfPairs">The number of pairs of an event and an item that may be ranked at five strengths.</param>
    public SumGate(TrainingRun run, DeviceCloudModelParameters parameters, InteractionLog log, EventTable events, double fraction, long numberOfPairs)
    {
        _run = run;
        _scorer = new ModelScorer(parameters, numberOfThreads: 1);
        _log = log;
        _events = events;
        _items = [.. Enumerable.Range(1, parameters.Architecture.NumberOfItems)];
        _heldBack = [.. events.GetUsers().Select(own =>
        {
            int early = Enumerable.Range(0, own.Count).TakeWhile(place => !PatchTraining.IsHeldBack(place, own.Count, fraction)).Count();
            return (own.User, own.First + early, own.Count - early);
        })];
        long most = PairsForOne * numberOfPairs / parameters.Architecture.NumberOfItems;
        (int User, int First, int Count)[] ranked = [.. _heldBack];
        if (most < ranked.Length)
        {
            new SeededRandom(run.Seed).Shuffle<(int, int, int)>(ranked);
            ranked = ranked[..(int)Math.Max(1, most)];
        }

        int perUser = (int)Math.Min(int.MaxValue, Math.Max(1, most / Math.Max(1, ranked.Length)));
        _ranked = Array.ConvertAll(ranked, own => own with { Count = Math.Min(own.Count, perUser) });
    }

    /// <summary>Selects the events before those that are held back.</summary>
    public InteractionLog GetHistory()
    {
        Dictionary<int, int> first = _heldBack.ToDictionary(own => own.User, own => _events.Indices[own.First]);
        return _log.Where((user, index) => index < first.GetValueOrDefault(user, int.MaxValue));
    }

    /// <summary>Chooses the strength.</summary>
    /// <param name="sums">Sums what was before the first held-back event.</param>
    /// <param name="strengths">The strengths to choose from; the first is none.</param>
    /// <returns>The index of the strength; 0 if none is surely better than none.</returns>
    public int Choose(FactorSums sums, IReadOnlyList<float> strengths) => PatchGate.ChooseForAll(Measure(sums, strengths));

    /// <summary>Ranks the events under each strength.</summary>
    /// <param name="sums">Sums what was before the first held-back event.</param>
    /// <param name="strengths">The strengths.</param>
    /// <returns>The discounted gain of each ranked user's events, summed [users][strengths].</returns>
    internal double[][] Measure(FactorSums sums, IReadOnlyList<float> strengths)
    {
        double[][] gains = new double[_ranked.Length][];
        int done = 0;
        Parallel.For(0, gains.Length, _run.Parallel, i =>
        {
            gains[i] = Rank(_ranked[i], sums, strengths);
            _run.Report("metapatch: ranking", (double)Interlocked.Increment(ref done) / gains.Length);
        });
        return gains;
    }

    public void Dispose() => _scorer.Dispose();

    // The discounted gain of a user's held-back events under each strength, summed.
    private double[] Rank((int User, int First, int Count) own, FactorSums sums, IReadOnlyList<float> strengths)
    {
        BackboneArchitecture architecture = _scorer.Parameters.Architecture;
        int items = architecture.NumberOfItems;
        ReadOnlySpan<int> had = _log.GetItems(own.User);
        float[] added = sums.Score(had[.._events.Indices[own.First]]);
        float[] scores = new float[items];
        double[] gains = new double[strengths.Count];
        ScoringBatch batch = new() { Items = _items };
        for (int place = own.First; place < own.First + own.Count; place++)
        {
            ScoreItems(batch, place);
            ReadOnlySpan<float> cloud = batch.Scores.AsSpan(0, items);
            int target = _events.Items[place] - 1;
            for (int strength = 0; strength < gains.Length; strength++)
            {
                TensorPrimitives.MultiplyAdd(added, strengths[strength], cloud, scores);
                float score = scores[target];
                foreach (int item in had[.._events.Indices[place]])
                {
                    if (item > 0)
                    {
                        scores[item - 1] = float.NegativeInfinity;
                    }
                }

                scores[target] = score;
                (int greater, int equal) = ItemRankingMetrics.CountGreaterAndEqual(scores, score);
                double rank = ItemRankingMetrics.GetRank(score, greater, equal - 1);
                gains[strength] += rank <= Cutoff ? 1 / Math.Log2(1 + rank) : 0;
            }
        }

        return gains;
    }

    private void ScoreItems(ScoringBatch batch, int place)
    {
        BackboneArchitecture architecture = _scorer.Parameters.Architecture;
        ReadOnlySpan<int> history = _events.GetHistory(place);
        batch.Resize(architecture, 1, architecture.NumberOfItems, Math.Max(1, history.Length));
        batch.History[0] = 0;
        for (int i = 0; i < history.Length; i++)
        {
            batch.History[i] = history[^(i + 1)];
        }

        _events.GetProfile(place).CopyTo(batch.Profiles);
        _scorer.Score(batch);
    }
}
