using DCCL.Trainers.Torch;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MetaPatch;

/// <summary>
/// Learns the patches of all users of a chunk at once: full-batch Adam on each user's cross-entropy plus an L2 term towards the
/// user's starting point.
/// </summary>
/// <remarks>
/// <para>
/// With labels Adam moves the rest of a patch alone, and each step takes the intercept that fits best there (variable projection): a few steps would
/// not bring it home from zero, and the rest would learn how often a user likes something instead of what.
/// </para>
/// <para>Each user's problem is independent of who else is in the chunk. Not thread-safe.</para>
/// </remarks>
internal sealed class PatchSolver
{
    private readonly TorchBackbone _model;
    private readonly PatchTensors _patch;
    private readonly Settings _settings;

    /// <summary>How to learn patches.</summary>
    /// <param name="L2">The weight of |theta - start|^2 / 2, the intercept aside.</param>
    /// <param name="InterceptL2">The weight for the intercept.</param>
    /// <param name="NumberOfSteps">Adam's steps.</param>
    /// <param name="LearningRate">Adam's first step size; it falls to zero along a cosine.</param>
    public sealed record Settings(double L2, double InterceptL2, int NumberOfSteps, double LearningRate);

    /// <summary>Prepares a solver.</summary>
    /// <param name="model">The cloud model, a replica that asks for no gradients.</param>
    /// <param name="patch">Basis and offset.</param>
    /// <param name="settings">How to learn.</param>
    public PatchSolver(TorchBackbone model, PatchTensors patch, Settings settings)
    {
        _model = model;
        _patch = patch;
        _settings = settings;
    }

    /// <summary>The logits with each user's patch [users, samples].</summary>
    /// <param name="chunk">The samples.</param>
    /// <param name="patches">theta [users, d].</param>
    public Tensor Score(SampleChunk chunk, Tensor patches) => ScoreWithoutIntercept(chunk, patches).Plus(patches.narrow(1, 0, 1));

    /// <summary>The cross-entropy of each user [users].</summary>
    public static Tensor Loss(SampleChunk chunk, Tensor logits, Tensor weight) =>
        (torch.nn.functional.binary_cross_entropy_with_logits(logits, chunk.Label, reduction: nn.Reduction.None) * weight).sum(1);

    /// <summary>How badly each user's held-back events are predicted [users].</summary>
    /// <remarks>
    /// Of labelled events the cross-entropy. Of others, the negative log-probability of the event's item among its negatives: the
    /// cross-entropy would reward a patch for what changes no ranking, such as how many items a user is said to like.
    /// </remarks>
    public static Tensor HeldBackLoss(SampleChunk chunk, Tensor logits, Tensor weight)
    {
        if (chunk.SamplesPerEvent == 1)
        {
            return Loss(chunk, logits, weight);
        }

        long users = logits.shape[0];
        Tensor candidates = logits.view(users, -1, chunk.SamplesPerEvent);                                   // [users, events, 1 + negatives]
        Tensor ownWeight = weight.view(users, -1, chunk.SamplesPerEvent).select(2, 0);                       // [users, events]
        return (torch.nn.functional.log_softmax(candidates, dim: 2).select(2, 0) * ownWeight).sum(1).neg();
    }

    /// <summary>The logits without intercept on the way from one patch to another.</summary>
    /// <param name="chunk">The samples.</param>
    /// <param name="start">The patches at strength 0 [users, d].</param>
    /// <param name="learnt">The patches at full strength [users, d].</param>
    /// <param name="strengths">The strengths; those next to each other with the same rest share a pass through the network, and the array.</param>
    /// <returns>[strengths][users, samples].</returns>
    public float[][] ScoreByStrength(SampleChunk chunk, Tensor start, Tensor learnt, IReadOnlyList<(float Intercept, float Others)> strengths)
    {
        using IDisposable noGradients = torch.no_grad();
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor distance = learnt - start;
        float[][] scores = new float[strengths.Count][];
        for (int i = 0; i < scores.Length; i++)
        {
            float others = strengths[i].Others;
            scores[i] = i > 0 && others == strengths[i - 1].Others
                ? scores[i - 1]
                : ScoreWithoutIntercept(chunk, start.Plus(distance.Times(others))).ToArray();
        }

        return scores;
    }

    /// <summary>Learns the patches.</summary>
    /// <param name="chunk">The samples.</param>
    /// <param name="weight">The weight of each sample in the loss [users, samples].</param>
    /// <param name="start">The starting points [users, d].</param>
    /// <returns>theta [users, d].</returns>
    public Tensor Solve(SampleChunk chunk, Tensor weight, Tensor start)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        float[] patches = start.ToArray();
        float[] first = new float[patches.Length];
        float[] second = new float[patches.Length];
        bool hasLabels = chunk.SamplesPerEvent == 1;
        float[] labels = hasLabels ? chunk.Label.ToArray() : [];
        float[] weights = hasLabels ? weight.ToArray() : [];
        float[] starts = hasLabels ? start.select(1, 0).ToArray() : [];
        float[] intercepts = [.. starts];
        for (int step = 1; step <= _settings.NumberOfSteps; step++)
        {
            using DisposeScope inner = torch.NewDisposeScope();
            Tensor variable = torch.tensor(patches, start.shape, requires_grad: true);
            Tensor scores = ScoreWithoutIntercept(chunk, variable);
            if (hasLabels)
            {
                FitIntercepts(scores);
            }

            Tensor intercept = hasLabels ? torch.tensor(intercepts, intercepts.Length, 1) : variable.narrow(1, 0, 1);
            Tensor loss = Loss(chunk, scores.Plus(intercept), weight).sum().Plus(Penalty(variable - start));
            Tensor gradient = torch.autograd.grad([loss], [variable])[0];
            double rate = _settings.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * (step - 1) / _settings.NumberOfSteps));
            Adam.Update(patches, gradient.ToArray(), first, second, step, rate);
        }

        if (hasLabels)
        {
            using IDisposable noGradients = torch.no_grad();
            FitIntercepts(ScoreWithoutIntercept(chunk, torch.tensor(patches, start.shape)));
            for (int user = 0; user < intercepts.Length; user++)
            {
                patches[user * (patches.Length / intercepts.Length)] = intercepts[user];
            }
        }

        return torch.tensor(patches, start.shape).MoveToOuterDisposeScope();

        void FitIntercepts(Tensor scores) => InterceptSolver.Solve(scores.ToArray(), labels, weights, starts, _settings.InterceptL2, intercepts);
    }

    private Tensor ScoreWithoutIntercept(SampleChunk chunk, Tensor patches) =>
        _patch.Decode(_model, chunk.Activation, chunk.Offset, patches);

    private Tensor Penalty(Tensor distance)
    {
        Tensor intercept = distance.narrow(1, 0, 1).Squared().sum().Times(_settings.InterceptL2 / 2);
        return _patch.Architecture.PatchSize == 1
            ? intercept
            : intercept.Plus(distance.narrow(1, 1, _patch.Architecture.PatchSize - 1).Squared().sum().Times(_settings.L2 / 2));
    }
}
