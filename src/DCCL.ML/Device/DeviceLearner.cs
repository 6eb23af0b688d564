using DCCL.ML.Data;
using DCCL.ML.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace DCCL.ML.Device;

/// <summary>Learns one person's patch through the exported step graph, and judges it on the person's held-back events.</summary>
/// <remarks>The same objective, steps and samples as MetaPatchTrainer's in the cloud. Thread-safe.</remarks>
internal sealed class DeviceLearner
{
    /// <summary>The number of candidates that are encoded at once, over all events: results stay in a core's cache.</summary>
    private const int CandidatesInBatch = 50;

    /// <summary>The number of events whose ranked items are in memory at once.</summary>
    private const int EventsJudgedAtOnce = 64;

    private readonly PatchedSession _session;
    private readonly ExportedGraph _step;
    private readonly DevicePersonalizerOptions _options;
    private readonly float[] _profile;
    private readonly int _width;

    public DeviceLearner(PatchedSession session, ExportedGraph step, DevicePersonalizerOptions options)
    {
        _session = session;
        _step = step;
        _options = options;
        _profile = [.. options.Profile];
        _width = DeviceGraph.GetWidth(session.Graph.Patch!, session.Architecture);
    }

    /// <summary>Learns.</summary>
    /// <remarks>
    /// The events are divided into blocks; each block is judged by the patch that the others teach. So every event says whether patches
    /// help this person, none of them to a patch that it taught.
    /// </remarks>
    /// <param name="events">The events.</param>
    /// <param name="start">The patch to start from and to stay near.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>The patch, <paramref name="start"/> itself if patches do not help; and the mean gain on the held-back events.</returns>
    public (float[] Theta, double Gain) Learn(TrainingEvents events, float[] start, CancellationToken cancellation)
    {
        NegativeSampler? sampler = events.HasLabels ? null : events.CreateSampler(_session.Architecture.NumberOfItems);
        if (sampler?.GetSeenItems(1).Length == _session.Architecture.NumberOfItems)
        {
            return (start, 0); // who has had every item has nothing to choose from
        }

        SeededRandom random = new(_options.Seed);
        DeviceSamples samples = Encode(events, 0, events.Count, sampler, _options.NegativePoolSize, random, cancellation);
        SeededRandom ranking = random.Fork(1);
        double[][] gains = [.. HeldBackGate.Strengths.Select(_ => new double[events.Count])];
        int blocks = Math.Clamp((int)Math.Round(1 / _options.GateFraction, MidpointRounding.AwayFromZero), 2, events.Count);
        for (int block = 0; block < blocks; block++)
        {
            int first = (int)((long)events.Count * block / blocks);
            int end = (int)((long)events.Count * (block + 1) / blocks);
            DeviceSamples support = samples.WithoutWeight(first, end);
            float[] learnt = Solve(support, start, cancellation);
            float[][] patches = ApplyAll(support, start, learnt);
            for (int begin = first; begin < end; begin += EventsJudgedAtOnce)
            {
                int stop = Math.Min(begin + EventsJudgedAtOnce, end);
                DeviceSamples ranked = sampler is null
                    ? samples.Slice(begin, stop)
                    : Encode(events, begin, stop, sampler, _options.NumberOfRankedItems, ranking, cancellation);
                Judge(ranked, patches, gains, begin);
            }
        }

        (int strength, double gain) = HeldBackGate.Choose(gains, _options.GateStandardErrors);
        return strength == 0 ? (start, 0) : (ApplyAll(samples, start, Solve(samples, start, cancellation))[strength], gain);
    }

    // The patch of each strength; on labelled events, which say how often the owner likes something, with the intercept that fits it.
    private float[][] ApplyAll(DeviceSamples samples, float[] start, float[] learnt)
    {
        float[][] patches = [.. HeldBackGate.Strengths.Select((_, strength) => HeldBackGate.Apply(start, learnt, strength))];
        float fitted = start[0];
        for (int strength = 1; strength < patches.Length && samples.SamplesPerEvent == 1; strength++)
        {
            (float intercept, float others) = HeldBackGate.Strengths[strength];
            if (strength == 1 || others != HeldBackGate.Strengths[strength - 1].Others)
            {
                FitIntercept(samples, patches[strength], start[0]);
                fitted = patches[strength][0];
            }

            patches[strength][0] = start[0] + (intercept * (fitted - start[0]));
        }

        return patches;
    }

    // Labelled events: the intercept that fits best beside the rest of a patch.
    private void FitIntercept(DeviceSamples samples, float[] patch, float start)
    {
        if (samples.SamplesPerEvent == 1)
        {
            float[] rest = [0, .. patch.AsSpan(1)];
            patch[0] = HeldBackGate.FitIntercept(Score(samples, rest), samples.Label, samples.Weight, start, _options.InterceptL2);
        }
    }

    /// <summary>Runs the steps; on labelled events each with the intercept that fits best there, as MetaPatchTrainer's do.</summary>
    private float[] Solve(DeviceSamples samples, float[] start, CancellationToken cancellation)
    {
        int size = start.Length;
        float[] patch = [.. start];
        float[] first = new float[size];
        float[] second = new float[size];
        for (int step = 1; step <= _options.NumberOfSteps && samples.Count > 0; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            FitIntercept(samples, patch, start[0]);
            double rate = _options.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * (step - 1) / _options.NumberOfSteps));
            float[] nextPatch = new float[size];
            float[] nextFirst = new float[size];
            float[] nextSecond = new float[size];
            _step.Run(
                CreateInputs(samples, patch, start, first, second, step, (float)rate),
                [
                    (TrainingStepGraph.NextPatchOutput, nextPatch, [1, size]),
                    (TrainingStepGraph.NextFirstMomentOutput, nextFirst, [1, size]),
                    (TrainingStepGraph.NextSecondMomentOutput, nextSecond, [1, size]),
                ]);
            (patch, first, second) = (nextPatch, nextFirst, nextSecond);
        }

        FitIntercept(samples, patch, start[0]);
        return Array.TrueForAll(patch, float.IsFinite) ? patch : start; // a diverged patch is none
    }

    /// <summary>Computes what the patches of all steps share.</summary>
    private DeviceSamples Encode(
        TrainingEvents events, int first, int end, NegativeSampler? sampler, int pool, SeededRandom random, CancellationToken cancellation)
    {
        int numberOfEvents = end - first;
        long samplesPerEvent = sampler is null ? 1 : 1L + pool;
        if (numberOfEvents * samplesPerEvent * _width > Array.MaxLength)
        {
            throw new InvalidOperationException(
                $"{numberOfEvents} events with {pool} items each must fit into {Array.MaxLength} numbers of memory, {_width} for an item, but do not. "
                + $"Lower {nameof(DevicePersonalizerOptions)}.{nameof(_options.NegativePoolSize)}, {nameof(_options.NumberOfRankedItems)} or {nameof(_options.MaximumNumberOfEvents)}.");
        }

        int perEvent = (int)samplesPerEvent;
        float[] activation = new float[numberOfEvents * perEvent * _width];
        float[] offset = new float[numberOfEvents * perEvent];
        float[] label = new float[offset.Length];
        float[] weight = new float[offset.Length];
        for (int i = 0; i < offset.Length; i++)
        {
            bool isOwn = i % perEvent == 0;
            label[i] = isOwn && events.GetLabel(first + (i / perEvent)) ? 1 : 0;
            weight[i] = isOwn ? 1 : (float)((double)_options.NumberOfNegatives / (perEvent - 1));
        }

        int[] negatives = new int[perEvent - 1];
        int rows = Math.Max(1, CandidatesInBatch / perEvent);
        for (int begin = first; begin < end; begin += rows)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(rows, end - begin);
            long[] items = new long[count * perEvent];
            long[][] histories = [.. Enumerable.Range(begin, count).Select(i => events.GetHistory(i, _session.Architecture.HistoryLength))];
            int length = Math.Max(1, histories.Max(history => history.Length));
            long[] history = new long[count * length];
            for (int row = 0; row < count; row++)
            {
                histories[row].CopyTo(history, row * length);
                items[row * perEvent] = events.GetItem(begin + row);
                sampler?.Sample(1, negatives, random);
                for (int i = 0; i < negatives.Length; i++)
                {
                    items[(row * perEvent) + 1 + i] = negatives[i];
                }
            }

            int place = (begin - first) * perEvent;
            EncodeBatch(items, history, count, perEvent, activation.AsSpan(place * _width), offset.AsSpan(place));
        }

        return new DeviceSamples(numberOfEvents, perEvent, _width, activation, offset, label, weight);
    }

    private void EncodeBatch(long[] items, long[] history, int rows, int perEvent, Span<float> activation, Span<float> offset)
    {
        float[] z = new float[rows * perEvent * _width];
        float[] bypass = new float[rows * perEvent];
        List<(string, OrtValue)> inputs =
        [
            (ModelGraph.ItemInput, ExportedGraph.Wrap(items, rows, perEvent)),
            (ModelGraph.HistoryInput, ExportedGraph.Wrap(history, rows, history.Length / rows)),
            (ModelGraph.PatchInput, ExportedGraph.Wrap(new float[_session.PatchSize], 1, _session.PatchSize)),
        ];
        if (_profile.Length > 0)
        {
            float[] profiles = [.. Enumerable.Range(0, rows).SelectMany(_ => _profile)];
            inputs.Add((ModelGraph.ProfileInput, ExportedGraph.Wrap(profiles, rows, _profile.Length)));
        }

        _session.Graph.Run(
            inputs, [(DeviceGraph.ActivationOutput, z, [rows, perEvent, _width]), (DeviceGraph.OffsetOutput, bypass, [rows, perEvent])]);
        z.CopyTo(activation);
        bypass.CopyTo(offset);
    }

    // What each held-back event gains over the start under each strength: cross-entropy, or its place among items that the owner has not had.
    private void Judge(DeviceSamples heldBack, float[][] patches, double[][] gains, int first)
    {
        double[] values = new double[heldBack.NumberOfEvents];
        for (int strength = 0; strength < gains.Length; strength++)
        {
            float[] scores = Score(heldBack, patches[strength]);
            for (int i = 0; i < values.Length; i++)
            {
                double value = heldBack.SamplesPerEvent == 1
                    ? -CrossEntropy(scores[i], heldBack.Label[i])
                    : GetPlace(scores.AsSpan(i * heldBack.SamplesPerEvent, heldBack.SamplesPerEvent));
                values[i] = strength == 0 ? value : values[i];
                gains[strength][first + i] = value - values[i];
            }
        }
    }

    private static double CrossEntropy(double logit, double label) =>
        Math.Max(logit, 0) - (logit * label) + Math.Log(1 + Math.Exp(-Math.Abs(logit)));

    // 1 / log2(1 + rank) of the first among all; equal scores take the mean rank.
    private static double GetPlace(ReadOnlySpan<float> scores)
    {
        int better = 0;
        int equal = 0;
        foreach (float score in scores[1..])
        {
            better += score > scores[0] ? 1 : 0;
            equal += score == scores[0] ? 1 : 0;
        }

        return 1 / Math.Log2(2 + better + (equal / 2.0));
    }

    private float[] Score(DeviceSamples samples, float[] patch)
    {
        float[] scores = new float[samples.Count];
        if (scores.Length > 0)
        {
            float[] zeros = new float[patch.Length];
            _step.Run(CreateInputs(samples, patch, patch, zeros, zeros, 1, 0), [(ModelGraph.ScoreOutput, scores, [samples.Count])]);
        }

        return scores;
    }

    private (string, OrtValue)[] CreateInputs(
        DeviceSamples samples, float[] patch, float[] start, float[] first, float[] second, int step, float rate) =>
    [
        (DeviceGraph.ActivationOutput, ExportedGraph.Wrap(samples.Activation, samples.Count, samples.Width)),
        (DeviceGraph.OffsetOutput, ExportedGraph.Wrap(samples.Offset, samples.Count)),
        (TrainingStepGraph.LabelInput, ExportedGraph.Wrap(samples.Label, samples.Count)),
        (TrainingStepGraph.WeightInput, ExportedGraph.Wrap(samples.Weight, samples.Count)),
        (ModelGraph.PatchInput, ExportedGraph.Wrap(patch, 1, patch.Length)),
        (TrainingStepGraph.StartInput, ExportedGraph.Wrap(start, 1, patch.Length)),
        (TrainingStepGraph.FirstMomentInput, ExportedGraph.Wrap(first, 1, patch.Length)),
        (TrainingStepGraph.SecondMomentInput, ExportedGraph.Wrap(second, 1, patch.Length)),
        (TrainingStepGraph.StepInput, ExportedGraph.Wrap([(float)step], 1)),
        (TrainingStepGraph.LearningRateInput, ExportedGraph.Wrap([rate], 1)),
        (TrainingStepGraph.L2Input, ExportedGraph.Wrap([(float)_options.L2], 1)),
        (TrainingStepGraph.InterceptL2Input, ExportedGraph.Wrap([(float)_options.InterceptL2], 1)),
    ];
}
