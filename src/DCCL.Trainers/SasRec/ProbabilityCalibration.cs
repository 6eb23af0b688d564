using DCCL.ML.Data;
using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.SasRec;

/// <summary>
/// Sets the output's bias, which a softmax does not see, so that the logistic function of a score is the probability that the item is
/// the next one and not one of <see cref="NumberOfNegatives"/> random ones: what DIN's scores are, and what patches learn on.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class ProbabilityCalibration
{
    /// <summary>The number of random items to one event.</summary>
    public const int NumberOfNegatives = 4;

    private const int MaximumNumberOfWindows = 512;
    private const int NumberOfSteps = 30;

    private readonly SasRecModule _model;
    private readonly SequenceTable _table;
    private readonly SequenceWindow[] _windows;
    private readonly long[] _candidates;

    /// <summary>Draws the events to look at.</summary>
    public ProbabilityCalibration(SasRecModule model, SequenceTable table, InteractionLog seen, SeededRandom random)
    {
        _model = model;
        _table = table;
        SequenceWindow[] windows = [.. table.Cut(random)];
        random.Shuffle<SequenceWindow>(windows);
        _windows = windows[..Math.Min(windows.Length, MaximumNumberOfWindows)];
        NegativeSampler sampler = new(seen, seed: random.Next(int.MaxValue));
        List<long> candidates = [];
        foreach (SequenceWindow window in _windows)
        {
            foreach (int item in table.GetTargets([window]))
            {
                int[] negatives = new int[NumberOfNegatives];
                sampler.Sample(window.User, negatives, random);
                candidates.Add(item);
                candidates.AddRange(negatives.Select(negative => (long)negative));
            }
        }

        _candidates = [.. candidates];
    }

    /// <summary>Sets the bias.</summary>
    public void Apply()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        using IDisposable noGradients = torch.no_grad();
        int used = 0;
        List<float> logits = [];
        foreach (SequenceWindow[] part in _windows.Chunk(64))
        {
            using DisposeScope inner = torch.NewDisposeScope();
            (TrainingBatch batch, long[] rows, _, _) = _table.CreateBatch(part);
            Tensor states = _model.GetStates(batch.History, batch.Profiles, onlyLast: false, generator: null);
            Tensor users = states.reshape(-1, states.shape[2]).index_select(0, torch.tensor(rows)).unsqueeze(2);
            int count = rows.Length * (1 + NumberOfNegatives);
            Tensor candidates = torch.tensor(_candidates.AsSpan(used, count).ToArray(), rows.Length, 1 + NumberOfNegatives);
            Tensor items = LookupFunction.Look(_model.Weights["item.embedding"], candidates);                // [rows, candidates, dim]
            Tensor scores = items.matmul(users).squeeze(2).Plus(LookupFunction.Look(_model.Weights["item.bias"], candidates));
            logits.AddRange(scores.ToArray());
            used += count;
        }

        _model.Weights["output.bias"].CopyFrom([(float)Solve(logits)]);
    }

    /// <summary>Finds the bias with the least cross-entropy by Newton's method: the loss is convex, its slope between -1 and 1.</summary>
    /// <param name="logits">Of each event its own logit, then those of its negatives.</param>
    public static double Solve(IReadOnlyList<float> logits)
    {
        double bias = 0;
        for (int step = 0; step < NumberOfSteps; step++)
        {
            double slope = 0;
            double curvature = 1e-6 * logits.Count;
            for (int i = 0; i < logits.Count; i++)
            {
                double probability = 1 / (1 + Math.Exp(-(logits[i] + bias)));
                slope += probability - (i % (1 + NumberOfNegatives) == 0 ? 1 : 0);
                curvature += probability * (1 - probability);
            }

            // Far from the solution the curvature nearly vanishes, and a full step would overshoot.
            bias -= Math.Clamp(slope / curvature, -2, 2);
        }

        return bias;
    }
}
