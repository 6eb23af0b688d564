using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace DCCL.ML.Evaluation;

/// <summary>Carries out a plan: ranks and scores its events, several batches at the same time.</summary>
internal sealed class EvaluationRun(EvaluationPlan plan, EvaluatedModel model, RankingEvaluationOptions options)
{
    /// <summary>The number of events that are scored, each for its own item, in one batch.</summary>
    private const int NumberOfScoredEventsPerBatch = 128;

    private long _numberOfPairs;

    /// <summary>Gets the number of pairs compared so far.</summary>
    public long NumberOfPairs => Interlocked.Read(ref _numberOfPairs);

    /// <summary>Ranks every ranked event of the plan.</summary>
    /// <returns>The mean ranks, in the order of <see cref="EvaluationPlan.RankedEvents"/>.</returns>
    public double[] Rank()
    {
        double[] ranks = new double[plan.RankedEvents.Length];
        ForEachBatch(
            ranks.Length,
            EventRanker.GetNumberOfGroups(model),
            () => new EventRanker(model),
            (ranker, start, count) =>
            {
                long pairs = ranker.Rank(plan, plan.RankedEvents.AsSpan(start, count), ranks.AsSpan(start, count));
                Interlocked.Add(ref _numberOfPairs, pairs);
            });
        return ranks;
    }

    /// <summary>Scores every labelled event of the plan as it is.</summary>
    /// <returns>The logits, in the order of <see cref="EvaluationPlan.LabelledEvents"/>.</returns>
    public float[] Score()
    {
        float[] logits = new float[plan.LabelledEvents.Length];
        ForEachBatch(
            logits.Length,
            NumberOfScoredEventsPerBatch,
            () => new EventBatch(model),
            (batch, start, count) =>
            {
                ReadOnlySpan<EvaluationPlan.EventReference> events = plan.LabelledEvents.AsSpan(start, count);
                batch.Fill(plan, events, numberOfCandidates: 1);
                for (int i = 0; i < count; i++)
                {
                    batch.Scoring.Items[i] = plan.Timelines[events[i].Timeline].GetItem(events[i].Position);
                }

                batch.Score();
                batch.Scoring.Scores.AsSpan(0, count).CopyTo(logits.AsSpan(start));
            });
        return logits;
    }

    /// <summary>Computes what identifies the patches that users are served with at their first test event.</summary>
    /// <returns>64 lower-case hexadecimal digits, or null if the cloud model is evaluated alone.</returns>
    public string? ComputePatchFingerprint()
    {
        if (model.PatchSize == 0)
        {
            return null;
        }

        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long[] history = new long[model.Architecture.HistoryLength];
        float[] patch = new float[model.PatchSize];
        foreach (UserTimeline timeline in plan.Timelines)
        {
            timeline.CopyHistory(timeline.TestStart, history);
            model.SelectPatch(timeline.User, history, timeline.Profile, patch);
            hash.AppendData(MemoryMarshal.AsBytes<int>([timeline.User]));
            hash.AppendData(MemoryMarshal.AsBytes(patch.AsSpan()));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private void ForEachBatch<TWorker>(int count, int batchSize, Func<TWorker> createWorker, Action<TWorker, int, int> process)
    {
        ParallelOptions parallel = new()
        {
            MaxDegreeOfParallelism = options.NumberOfThreads ?? Environment.ProcessorCount,
            CancellationToken = options.CancellationToken,
        };
        try
        {
            Parallel.For(
                0,
                (count + batchSize - 1) / batchSize,
                parallel,
                createWorker,
                (index, _, worker) =>
                {
                    int start = index * batchSize;
                    process(worker, start, Math.Min(batchSize, count - start));
                    return worker;
                },
                _ => { });
        }
        catch (AggregateException exception)
        {
            // One thread's fault is the caller's; those of the others are of the same kind.
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }
    }
}
