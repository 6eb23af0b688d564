using DCCL.ML.Scoring;

namespace DCCL.ML.Evaluation;

/// <summary>A batch whose groups are test events: it fills in each event's history, profile and patch.</summary>
internal sealed class EventBatch(EvaluatedModel model)
{
    private readonly List<(UserTimeline Timeline, int Position)> _moments = [];
    private readonly long[] _history = new long[model.Architecture.HistoryLength];

    public ScoringBatch Scoring { get; } = new();

    /// <summary>Sets the groups.</summary>
    /// <param name="plan">The plan that the events belong to.</param>
    /// <param name="events">One event for each group.</param>
    /// <param name="numberOfCandidates">The number of candidates of each group.</param>
    public void Fill(EvaluationPlan plan, ReadOnlySpan<EvaluationPlan.EventReference> events, int numberOfCandidates)
    {
        int historyLength = 1;
        foreach (EvaluationPlan.EventReference reference in events)
        {
            historyLength = Math.Max(historyLength, Math.Min(reference.Position, _history.Length));
        }

        _moments.Clear();
        int profileDimension = model.Architecture.ProfileDimension;
        Scoring.Resize(
            model.Architecture, events.Length, numberOfCandidates, historyLength, model.PatchSize > 0 ? events.Length : 0, model.PatchSize);
        for (int i = 0; i < events.Length; i++)
        {
            UserTimeline timeline = plan.Timelines[events[i].Timeline];
            _moments.Add((timeline, events[i].Position));
            timeline.CopyHistory(events[i].Position, _history);
            _history.AsSpan(0, historyLength).CopyTo(Scoring.History.AsSpan(i * historyLength));
            timeline.Profile.CopyTo(Scoring.Profiles.AsSpan(i * profileDimension));
            if (model.PatchSize > 0)
            {
                model.SelectPatch(timeline.User, _history, timeline.Profile, Scoring.Patches.AsSpan(i * model.PatchSize, model.PatchSize));
            }
        }
    }

    /// <summary>Scores the batch.</summary>
    public void Score() => model.Score(this);

    /// <summary>Scores the batch with any recommender, an event at a time.</summary>
    /// <param name="scorer">The recommender.</param>
    public void ScoreWith(IItemScorer scorer)
    {
        int count = Scoring.NumberOfCandidates;
        int[] items = new int[count];
        for (int group = 0; group < _moments.Count; group++)
        {
            (UserTimeline timeline, int position) = _moments[group];
            for (int i = 0; i < count; i++)
            {
                items[i] = (int)Scoring.Items[(group * count) + i];
            }

            UserMoment moment = new(
                timeline.User, timeline.GetItemsBefore(position), timeline.GetPositivesBefore(position), timeline.Profile);
            scorer.Score(moment, items, Scoring.Scores.AsSpan(group * count, count));
        }
    }
}
