using DCCL.ML.Scoring;

namespace DCCL.ML.Evaluation;

/// <summary>Ranks the item of each test event among all items that the user has not seen before.</summary>
/// <remarks>
/// Masked items are never scored. The candidates of an event go in runs of equal length, the target first of all, so that each
/// score is computed in a batch of the same shape and equal items keep equal scores. Not thread-safe: one for each thread.
/// </remarks>
internal sealed class EventRanker
{
    /// <summary>
    /// The number of pairs in a batch. <see cref="ModelScorer"/> divides it further, but prepares each group once for a batch:
    /// so a batch should hold all candidates of an event, whole events for each thread, and not much more.
    /// </summary>
    public const int NumberOfPairsPerBatch = 16_384;

    private readonly EvaluatedModel _model;
    private readonly EventBatch _batch;
    private readonly int _maximumNumberOfCandidates;
    private readonly int[][] _candidates;
    private readonly int[] _lengths;
    private readonly int[] _lastSeen;
    private int _stamp;

    public EventRanker(EvaluatedModel model, int numberOfPairsPerBatch = NumberOfPairsPerBatch)
    {
        _model = model;
        _batch = new EventBatch(model);
        _maximumNumberOfCandidates = numberOfPairsPerBatch;
        int numberOfGroups = GetNumberOfGroups(model, numberOfPairsPerBatch);
        _candidates = [.. Enumerable.Range(0, numberOfGroups).Select(_ => new int[model.NumberOfItems])];
        _lengths = new int[numberOfGroups];
        _lastSeen = new int[model.NumberOfItems + 1];
    }

    /// <summary>Gets the number of events in a batch: more than one only where the items are few.</summary>
    public static int GetNumberOfGroups(EvaluatedModel model, int numberOfPairsPerBatch = NumberOfPairsPerBatch) =>
        Math.Max(1, numberOfPairsPerBatch / model.NumberOfItems);

    /// <summary>Ranks some events.</summary>
    /// <param name="plan">The plan that the events belong to.</param>
    /// <param name="events">The events, at most as many as <see cref="GetNumberOfGroups"/>.</param>
    /// <param name="ranks">Receives the mean rank of each event's item.</param>
    /// <returns>The number of pairs compared.</returns>
    public long Rank(EvaluationPlan plan, ReadOnlySpan<EvaluationPlan.EventReference> events, Span<double> ranks)
    {
        int longest = 0;
        long numberOfPairs = 0;
        for (int group = 0; group < events.Length; group++)
        {
            ListCandidates(plan.Timelines[events[group].Timeline], events[group].Position, group);
            longest = Math.Max(longest, _lengths[group]);
            numberOfPairs += _lengths[group];
        }

        int numberOfRuns = DivideUp(longest, _maximumNumberOfCandidates);
        int runLength = DivideUp(longest, numberOfRuns);
        _batch.Fill(plan, events, runLength);
        Span<int> greater = stackalloc int[events.Length];
        Span<int> equal = stackalloc int[events.Length];
        Span<float> targets = stackalloc float[events.Length];
        greater.Clear();
        equal.Clear();
        for (int start = 0; start < longest; start += runLength)
        {
            ScoreRun(events.Length, start, runLength);
            for (int group = 0; group < events.Length; group++)
            {
                int length = Math.Clamp(_lengths[group] - start, 0, runLength);
                ReadOnlySpan<float> scores = _batch.Scoring.Scores.AsSpan(group * runLength, length);
                if (start == 0)
                {
                    targets[group] = scores[0];
                }

                (int runGreater, int runEqual) = ItemRankingMetrics.CountGreaterAndEqual(scores, targets[group]);
                greater[group] += runGreater;
                equal[group] += runEqual;
            }
        }

        for (int group = 0; group < events.Length; group++)
        {
            // The target is equal to itself.
            ranks[group] = ItemRankingMetrics.GetRank(targets[group], greater[group], equal[group] - 1);
        }

        return numberOfPairs;
    }

    private static int DivideUp(int value, int divisor) => (value + divisor - 1) / divisor;

    private void ScoreRun(int numberOfGroups, int start, int runLength)
    {
        ScoringBatch scoring = _batch.Scoring;
        for (int group = 0; group < numberOfGroups; group++)
        {
            ReadOnlySpan<int> run = _candidates[group].AsSpan(0, _lengths[group])[Math.Min(start, _lengths[group])..];
            Span<long> items = scoring.Items.AsSpan(group * runLength, runLength);
            int length = Math.Min(run.Length, runLength);
            for (int i = 0; i < length; i++)
            {
                items[i] = run[i];
            }

            // What fills up the run is not looked at.
            items[length..].Fill(1);
        }

        _batch.Score();
    }

    private void ListCandidates(UserTimeline timeline, int position, int group)
    {
        _stamp++;
        foreach (int item in timeline.GetItemsBefore(position))
        {
            _lastSeen[item] = _stamp;
        }

        int target = timeline.GetItem(position);
        int[] candidates = _candidates[group];
        candidates[0] = target;
        int length = 1;
        for (int item = 1; item <= _model.NumberOfItems; item++)
        {
            if (_lastSeen[item] != _stamp && item != target)
            {
                candidates[length++] = item;
            }
        }

        _lengths[group] = length;
    }
}
