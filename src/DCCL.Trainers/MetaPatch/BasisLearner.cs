using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MetaPatch;

/// <summary>
/// Learns the patch basis across users: an inner problem finds each user's patch from the user's earlier events, the outer
/// loss is the patched model's cross-entropy on the same user's later events.
/// </summary>
/// <remarks>
/// <para>
/// Around theta = 0 a patched logit is linear in theta, so the inner problem is a ridge logistic regression on d features; one or
/// two Newton steps solve it, in closed form and differentiably, where unrolled gradient steps would neither converge nor
/// be cheap. The outer loss uses the patch itself, not its linearisation.
/// </para>
/// <para>Source: Bertinetto et al., "Meta-learning with differentiable closed-form solvers", ICLR 2019, section 3.2.</para>
/// </remarks>
internal sealed class BasisLearner
{
    private const int NumberOfNewtonSteps = 1;
    private const int NumberOfScaleSamples = 20_000;
    private readonly TorchBackbone _model;
    private readonly PatchTensors _patch;
    private readonly PatchSolver.Settings _settings;

    public BasisLearner(TorchBackbone model, PatchTensors patch, PatchSolver.Settings settings)
    {
        _model = model;
        _patch = patch;
        _settings = settings;
    }

    /// <summary>Derivatives of the logit by theta at theta = 0, and the cloud model's logits.</summary>
    /// <returns>[users, samples, d] and [users, samples].</returns>
    public (Tensor Features, Tensor Logits) Linearize(SampleChunk chunk)
    {
        long users = chunk.Offset.shape[0];
        long samples = chunk.Offset.shape[1];
        (List<Tensor> activations, IList<Tensor> slopes, Tensor logits) = Differentiate(chunk);
        Tensor features = torch.zeros(users * samples, _patch.Architecture.NumberOfBasisColumns);
        for (int i = 0; i < activations.Count; i++)
        {
            int layer = _patch.FirstLayer + i;
            if (_patch.IsPatched(layer))
            {
                long width = activations[i].shape[2];
                features = features.Plus(_patch.Differentiate(layer, activations[i].detach().view(-1, width), slopes[i].detach().view(-1, width)));
            }
        }

        Tensor intercept = torch.ones(users, samples, 1);
        Tensor? factors = _patch.Divide(chunk.Activation).Factors;
        Tensor columns = features.view(users, samples, _patch.Architecture.NumberOfBasisColumns);
        return (torch.cat(factors is null ? [intercept, columns] : [intercept, columns, factors], dim: 2), logits);
    }

    // The cloud model's activations from the first patched layer on, the logit's derivatives by them, and the logits.
    private (List<Tensor> Activations, IList<Tensor> Slopes, Tensor Logits) Differentiate(SampleChunk chunk)
    {
        using IDisposable gradients = torch.enable_grad();
        List<Tensor> activations = [];
        Tensor logits = _model.Decode(
            _patch.Divide(chunk.Activation).Activation,
            chunk.Offset,
            _patch.FirstLayer,
            (layer, z) =>
            {
                // Layers in between ask for gradients as well, but only patched ones are looked at.
                Tensor leaf = z.requires_grad ? z : z.detach().requires_grad_();
                activations.Add(leaf);
                return leaf;
            },
            generator: null);
        return (activations, torch.autograd.grad([logits.sum()], activations), logits.detach());
    }

    /// <summary>Newton steps on the linearised problem.</summary>
    /// <returns>theta [users, d], differentiable by the basis.</returns>
    public Tensor SolveLinearized(Tensor features, Tensor logits, Tensor label, Tensor weight, int steps)
    {
        long size = features.shape[2];
        float[] precisions = new float[size];
        Array.Fill(precisions, (float)_settings.L2);
        precisions[0] = (float)_settings.InterceptL2;
        Tensor precision = torch.tensor(precisions);
        Tensor patches = torch.zeros(features.shape[0], size);
        for (int step = 0; step < steps; step++)
        {
            Tensor current = logits.Plus(torch.bmm(features, patches.unsqueeze(2)).squeeze(2));
            Tensor probability = torch.sigmoid(current);
            Tensor curvature = weight * probability * probability.Complement();
            Tensor gradient = torch.bmm(features.transpose(1, 2), (weight * (label - probability)).unsqueeze(2)).squeeze(2) - (precision * patches);
            Tensor hessian = torch.bmm(features.transpose(1, 2), features * curvature.unsqueeze(2)).Plus(torch.diag(precision));
            patches = patches.Plus(torch.linalg.solve(hessian, gradient.unsqueeze(2)).squeeze(2));
        }

        return patches;
    }

    /// <summary>The patched model's cross-entropy on later events, with patches from earlier ones.</summary>
    /// <param name="chunk">The samples.</param>
    /// <param name="support">The weight of each sample in the inner problem [users, samples].</param>
    /// <param name="query">The weight of each sample in the outer loss [users, samples].</param>
    /// <returns>The sum, differentiable by the basis.</returns>
    public Tensor QueryLoss(SampleChunk chunk, Tensor support, Tensor query) =>
        PatchSolver.Loss(chunk, ScoreAdapted(chunk, support), query).sum();

    /// <summary>How badly the patched model predicts held-back events, with patches from earlier ones.</summary>
    /// <param name="chunk">The samples.</param>
    /// <param name="support">The weight of each sample in the inner problem [users, samples].</param>
    /// <param name="heldBack">The weight of each sample in the judgement [users, samples].</param>
    /// <returns>The sum.</returns>
    public Tensor HeldBackLoss(SampleChunk chunk, Tensor support, Tensor heldBack) =>
        PatchSolver.HeldBackLoss(chunk, ScoreAdapted(chunk, support), heldBack).sum();

    private Tensor ScoreAdapted(SampleChunk chunk, Tensor support)
    {
        (Tensor features, Tensor logits) = Linearize(chunk);
        Tensor patches = SolveLinearized(features, logits, chunk.Label, support, NumberOfNewtonSteps);
        return new PatchSolver(_model, _patch, _settings).Score(chunk, patches);
    }

    /// <summary>Rescales the columns of the basis to the same root-mean-square effect on the logit.</summary>
    /// <param name="chunks">The samples.</param>
    /// <param name="scale">The effect of a column.</param>
    /// <returns>The factors that the columns were multiplied by [d - 1 - K].</returns>
    public Tensor Normalize(IReadOnlyList<SampleChunk> chunks, double scale = 1)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor factors = MeasureEffects(chunks).reciprocal().Times(scale);
        _patch.ScaleColumns(factors);
        return factors.MoveToOuterDisposeScope();
    }

    /// <summary>The root-mean-square effect on the logit of each column of the basis, as measured on a part of the samples.</summary>
    /// <param name="chunks">The samples; of each chunk the same share of users is looked at.</param>
    /// <returns>[d - 1 - K].</returns>
    public Tensor MeasureEffects(IReadOnlyList<SampleChunk> chunks)
    {
        using IDisposable noGradients = torch.no_grad();
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor squares = torch.zeros(_patch.Architecture.NumberOfBasisColumns);
        Tensor weights = torch.zeros(1);
        double share = Math.Min(1, NumberOfScaleSamples / (double)chunks.Sum(chunk => chunk.Weight.numel()));
        foreach (SampleChunk whole in chunks)
        {
            using DisposeScope inner = torch.NewDisposeScope();
            SampleChunk chunk = whole.Narrow(0, (int)Math.Ceiling(whole.Rows.Length * share));
            (Tensor features, _) = Linearize(chunk);
            squares.AddInPlace((features.narrow(2, 1, squares.shape[0]).Squared() * chunk.Weight.unsqueeze(2)).sum([0, 1]));
            weights.AddInPlace(chunk.Weight.sum());
        }

        return (squares / weights).AtLeast(1e-12).sqrt().detach().MoveToOuterDisposeScope();
    }
}
