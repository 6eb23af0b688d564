using DCCL.ML.Data;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;
using TorchSharp;

namespace DCCL.Trainers.MetaPatch;

/// <summary>Makes patches that are sums of item factors where events have labels: each with the intercept that fits beside it, judged on later events.</summary>
/// <remarks>
/// <para>
/// The sum of factors that know the earlier events alone, over what was had before the later ones, is judged on these as other patches are
/// (<see cref="HeldBackJudge"/>). What is kept is the sum of all, of factors that know all. Where an intercept is fitted, no event is foreseen from itself.
/// </para>
/// <para>Not thread-safe. Holds the cloud model's logits of all events.</para>
/// </remarks>
internal sealed class LabelledSums
{
    private const int EventsAtOnce = 256;
    private readonly TrainingRun _run;
    private readonly MetaPatchTrainer.Options _options;
    private readonly InteractionLog _log;
    private readonly EventTable _events;
    private readonly (int User, int First, int Count)[] _users;
    private readonly float[] _logits;

    /// <summary>Scores the events by the cloud model.</summary>
    /// <param name="run">The run.</param>
    /// <param name="options">The options.</param>
    /// <param name="model">The cloud model, a replica that asks for no gradients.</param>
    /// <param name="log">All events: what is remembered, then the devices' own.</param>
    /// <param name="events">Those of them that are new to the cloud model, with labels, a user's one after the other.</param>
    public LabelledSums(TrainingRun run, MetaPatchTrainer.Options options, TorchBackbone model, InteractionLog log, EventTable events)
    {
        _run = run;
        _options = options;
        _log = log;
        _events = events;
        _users = [.. events.GetUsers()];
        _logits = new float[events.Count];
        Parallel.For(0, (events.Count + EventsAtOnce - 1) / EventsAtOnce, run.Parallel, part =>
        {
            TrainingRun.PrepareThread();
            using DisposeScope scope = torch.NewDisposeScope();
            using IDisposable noGradients = torch.no_grad();
            int first = part * EventsAtOnce;
            int[] places = [.. Enumerable.Range(first, Math.Min(EventsAtOnce, events.Count - first))];
            model.Forward(events.CreateBatch(places, []), generator: null).ToArray().CopyTo(_logits.AsSpan(first));
        });
    }

    /// <summary>Makes every user's patch.</summary>
    /// <param name="early">Sums factors that know no event which judges.</param>
    /// <param name="full">Sums the factors that are kept.</param>
    /// <param name="fraction">The share of a user's events, the most recent ones, that judges.</param>
    /// <param name="start">The patches of before; null if there are none.</param>
    public UserPatches Create(FactorSums early, FactorSums full, double fraction, UserPatches? start)
    {
        IReadOnlyList<(float Intercept, float Others)> strengths = _options.Strength is double strength ? [(1, (float)strength)] : PatchGate.Strengths;
        int[] chosen = _options.Strength is null ? Choose(early, strengths, fraction, start) : new int[_users.Length];
        int size = full.PatchSize;
        float[] values = new float[_log.NumberOfUsers * size];
        PatchStatus[] statuses = new PatchStatus[_log.NumberOfUsers];
        for (int user = 1; user <= statuses.Length; user++)
        {
            statuses[user - 1] = start?.GetStatus(user) ?? PatchStatus.Cloud;
            GetStart(start, user, size).CopyTo(values.AsSpan((user - 1) * size, size));
        }

        Parallel.For(0, _users.Length, _run.Parallel, i =>
        {
            Sums sums = Sum(_users[i], full, int.MaxValue, start);
            HeldBackJudge judge = new([strengths[chosen[i]]], _options.InterceptL2);
            float[] all = new float[_users[i].Count];
            Array.Fill(all, 1f);
            float[] intercepts = judge.FitIntercepts(Score(sums, [strengths[chosen[i]]]), sums.Labels, all, [sums.Start[0]]);
            Span<float> patch = values.AsSpan((_users[i].User - 1) * size, size);
            PatchGate.Apply(sums.Start, sums.Patch, strengths[chosen[i]], patch);
            patch[0] = intercepts[0];
            statuses[_users[i].User - 1] = patch.ContainsAnyExcept(0f) ? PatchStatus.Patched : PatchStatus.Gated;
        });
        int gated = chosen.Count(index => strengths[index] == (0, 0));
        float kept = _users.Length == 0 ? 0 : chosen.Max(index => strengths[index].Others);
        _run.Info(FormattableString.Invariant(
            $"metapatch: {_users.Length - gated} patches summed, of which {kept:P0} is kept, {gated} users gated, {_log.NumberOfUsers - _users.Length} without new events"));
        return new UserPatches(size, values, statuses);
    }

    private int[] Choose(FactorSums early, IReadOnlyList<(float Intercept, float Others)> strengths, double fraction, UserPatches? start)
    {
        HeldBackEvidence[] evidence = new HeldBackEvidence[_users.Length];
        HeldBackJudge judge = new(strengths, _options.InterceptL2);
        Parallel.For(0, evidence.Length, _run.Parallel, i =>
        {
            (_, int first, int count) = _users[i];
            float[] isHeldBack = [.. Enumerable.Range(0, count).Select(place => PatchTraining.IsHeldBack(place, count, fraction) ? 1f : 0f)];
            float[] isEarly = Array.ConvertAll(isHeldBack, held => 1 - held);
            Sums sums = Sum(_users[i], early, _events.Indices[first + Array.IndexOf(isHeldBack, 1f)], start);
            float[][] scores = Score(sums, strengths);
            float[] intercepts = judge.FitIntercepts(scores, sums.Labels, isEarly, [sums.Start[0]]);
            evidence[i] = judge.Judge(scores, intercepts, sums.Labels, isHeldBack)[0];
        });
        return PatchGate.Choose([.. _users.Select(own => own.Count)], evidence, _options.GatePriorEvents);
    }

    // The sum over what a user had before an index, and what it and the starting point add to each event's logit.
    private Sums Sum((int User, int First, int Count) own, FactorSums sums, int end, UserPatches? start)
    {
        (int user, int first, int count) = own;
        float[] patch = new float[sums.PatchSize];
        float[] origin = [.. GetStart(start, user, patch.Length)];
        sums.Sum(_log.GetItems(user), _log.GetLabels(user), index => index < end, strength: 1, patch);
        float[] labels = new float[count];
        float[] before = new float[count];
        float[] added = new float[count];
        for (int i = 0; i < count; i++)
        {
            int item = _events.Items[first + i];
            labels[i] = _events.GetLabel(first + i) ? 1 : 0;
            before[i] = _logits[first + i] + sums.Weigh(origin, item);
            float itself = _events.Indices[first + i] >= end ? 0 : _events.GetLabel(first + i) ? sums.WeighItself(item) : -sums.WeighItself(item);
            added[i] = sums.Weigh(patch, item) - itself - sums.Weigh(origin, item);
        }

        return new Sums(origin, patch, labels, before, added);
    }

    // Logits without intercept [strengths][events]; strengths of the same rest share an array.
    private static float[][] Score(Sums sums, IReadOnlyList<(float Intercept, float Others)> strengths)
    {
        float[][] scores = new float[strengths.Count][];
        for (int i = 0; i < scores.Length; i++)
        {
            float others = strengths[i].Others;
            scores[i] = i > 0 && others == strengths[i - 1].Others
                ? scores[i - 1]
                : [.. sums.Before.Zip(sums.Added, (before, added) => before + (others * added))];
        }

        return scores;
    }

    private static ReadOnlySpan<float> GetStart(UserPatches? start, int user, int size) =>
        start is not null && user <= start.NumberOfUsers ? start[user] : new float[size];

    private sealed record Sums(float[] Start, float[] Patch, float[] Labels, float[] Before, float[] Added);
}
