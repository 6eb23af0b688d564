using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MetaPatch;

/// <summary>Learns patches by Gauss-Newton steps: around the present patch a logit is linear in theta, and what remains is a small logistic regression.</summary>
/// <remarks>
/// <para>
/// What touches the network is one forward and one backward pass through the layers after the first patched one, for many users in one product.
/// A user's own share is a problem in d numbers (<see cref="RidgeLogistic"/>), solved to the end.
/// </para>
/// <para>It minimises what <see cref="PatchSolver"/> minimises. Each user's problem is independent of who else is in the chunk. Not thread-safe.</para>
/// </remarks>
internal sealed class LinearizedSolver
{
    private readonly TorchBackbone _model;
    private readonly PatchTensors _patch;
    private readonly int _numberOfSteps;
    private readonly RidgeLogistic _logistic;
    private readonly int _size;
    private readonly int _rank;
    private readonly int _columns;

    /// <summary>Prepares a solver.</summary>
    /// <param name="model">The cloud model, a replica that asks for no gradients.</param>
    /// <param name="patch">Basis and offset.</param>
    /// <param name="l2">The weight of |theta - start|^2 / 2, the intercept aside.</param>
    /// <param name="interceptL2">The weight for the intercept.</param>
    /// <param name="numberOfSteps">How often the model is linearised.</param>
    public LinearizedSolver(TorchBackbone model, PatchTensors patch, double l2, double interceptL2, int numberOfSteps)
    {
        _model = model;
        _patch = patch;
        _numberOfSteps = numberOfSteps;
        _size = patch.Architecture.PatchSize;
        _rank = patch.Architecture.BottleneckSize;
        _columns = patch.Architecture.NumberOfBasisColumns;
        float[] penalty = new float[_size];
        Array.Fill(penalty, (float)l2);
        penalty[0] = (float)interceptL2;
        _logistic = new RidgeLogistic(penalty);
    }

    /// <summary>Computes the logits under patches, and their derivatives by theta there.</summary>
    /// <param name="chunk">The samples.</param>
    /// <param name="patches">theta [users, d].</param>
    public LinearizedProblem Linearize(SampleChunk chunk, ReadOnlySpan<float> patches)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        bool isZero = !patches.ContainsAnyExcept(0f);
        Tensor theta = torch.tensor(patches.ToArray(), chunk.Rows.Length, _size);
        (Tensor activation, Tensor? factors) = _patch.Divide(chunk.Activation);
        List<(int Layer, Tensor Before)> places = [];
        List<Tensor> patched = [];
        Tensor logits;
        IList<Tensor> slopes = [];
        using (torch.enable_grad())
        {
            logits = _model.Decode(
                activation,
                factors is null || isZero ? chunk.Offset : chunk.Offset.Plus(_patch.WeighFactors(factors, theta)),
                _patch.FirstLayer,
                (layer, z) =>
                {
                    Tensor after = isZero ? z : _patch.Apply(layer, z, theta);
                    after = after.requires_grad ? after : after.detach().requires_grad_();
                    if (_patch.IsPatched(layer))
                    {
                        places.Add((layer, z));
                        patched.Add(after);
                    }

                    return after;
                },
                generator: null);
            if (patched.Count > 0)
            {
                slopes = torch.autograd.grad([logits.sum()], patched);
            }
        }

        using IDisposable noGradients = torch.no_grad();
        float[] constants = logits.ToArray();
        float[] features = new float[constants.Length * _size];
        for (int i = 0; i < features.Length; i += _size)
        {
            features[i] = 1;
        }

        for (int i = 0; i < places.Count; i++)
        {
            AddFeatures(features, places[i].Layer, places[i].Before.detach(), slopes[i], isZero ? null : theta);
        }

        if (factors is not null)
        {
            AddFactors(features, factors);
        }

        if (!isZero)
        {
            SubtractLinear(features, constants, patches);
        }

        return new LinearizedProblem(chunk, features, constants);
    }

    /// <summary>Solves each user's problem, and linearises again as often as asked for.</summary>
    /// <param name="problem">The linearised problem.</param>
    /// <param name="weights">The weight of each sample [users, samples].</param>
    /// <param name="start">Where the penalty draws to [users, d].</param>
    /// <param name="solution">Where to begin; receives theta [users, d].</param>
    public void Solve(LinearizedProblem problem, float[] weights, ReadOnlySpan<float> start, Span<float> solution)
    {
        LinearizedProblem current = problem;
        for (int step = 1; ; step++)
        {
            SolveLinear(current, weights, start, solution);
            if (step == _numberOfSteps)
            {
                return;
            }

            current = Linearize(problem.Chunk, solution);
        }
    }

    /// <summary>The logits without intercept on the way from one patch to another.</summary>
    /// <remarks>A logit is taken as a quadratic function of the strength, of which both ends and the slope at the start are exact.</remarks>
    /// <param name="problem">The problem, linearised at the start.</param>
    /// <param name="start">The patches at strength 0 [users, d].</param>
    /// <param name="learnt">The patches at full strength [users, d].</param>
    /// <param name="strengths">The strengths; those next to each other with the same rest share an array.</param>
    /// <returns>[strengths][users, samples].</returns>
    public float[][] ScoreByStrength(
        LinearizedProblem problem, ReadOnlySpan<float> start, ReadOnlySpan<float> learnt, IReadOnlyList<(float Intercept, float Others)> strengths)
    {
        float[] ends = Score(problem.Chunk, learnt);
        float[] beginnings = new float[ends.Length];
        float[] slopes = new float[ends.Length];
        float[] distance = new float[_size];
        for (int i = 0; i < ends.Length; i++)
        {
            int first = i / problem.NumberOfSamples * _size;
            if (i % problem.NumberOfSamples == 0)
            {
                TensorPrimitives.Subtract(learnt.Slice(first, _size), start.Slice(first, _size), distance);
            }

            ReadOnlySpan<float> features = problem.Features.AsSpan((i * _size) + 1, _size - 1);
            beginnings[i] = problem.Constants[i] + TensorPrimitives.Dot(features, start.Slice(first + 1, _size - 1));
            slopes[i] = TensorPrimitives.Dot<float>(features, distance.AsSpan(1));
        }

        float[][] scores = new float[strengths.Count][];
        for (int strength = 0; strength < scores.Length; strength++)
        {
            float others = strengths[strength].Others;
            if (strength > 0 && others == strengths[strength - 1].Others)
            {
                scores[strength] = scores[strength - 1];
                continue;
            }

            float[] logits = scores[strength] = new float[ends.Length];
            for (int i = 0; i < logits.Length; i++)
            {
                float curvature = ends[i] - beginnings[i] - slopes[i];
                logits[i] = beginnings[i] + (others * (slopes[i] + (others * curvature)));
            }
        }

        return scores;
    }

    // The logits without the intercept [users, samples].
    private float[] Score(SampleChunk chunk, ReadOnlySpan<float> patches)
    {
        using IDisposable noGradients = torch.no_grad();
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor theta = torch.tensor(patches.ToArray(), chunk.Rows.Length, _size);
        return _patch.Decode(_model, chunk.Activation, chunk.Offset, theta).ToArray();
    }

    private void SolveLinear(LinearizedProblem problem, float[] weights, ReadOnlySpan<float> start, Span<float> solution)
    {
        int samples = problem.NumberOfSamples;
        for (int user = 0; user < problem.NumberOfUsers; user++)
        {
            int from = user * samples;
            _logistic.Solve(
                problem.Features.AsSpan(from * _size, samples * _size), problem.Constants.AsSpan(from, samples), problem.Labels.AsSpan(from, samples),
                weights.AsSpan(from, samples), start.Slice(user * _size, _size), solution.Slice(user * _size, _size));
        }
    }

    // What a layer adds: dlogit/dz' . (Basis_up a + W_up (act'(W_down z) * Basis_down z)) with a = act(W_down z). At zero W_up is zero.
    private void AddFeatures(float[] features, int layer, Tensor z, Tensor slope, Tensor? theta)
    {
        long width = z.shape[2];
        Tensor basis = _patch.Tensors[$"patch.{layer}.basis"];
        Tensor basisUp = basis.narrow(1, _rank * width, _rank * width).view(_columns, width, _rank).permute(1, 2, 0).reshape(width, _rank * _columns);
        Tensor up = slope.reshape(-1, width).matmul(basisUp);                                                // [samples, rank columns]
        if (theta is null)
        {
            Tensor offset = _patch.Tensors[$"patch.{layer}.offset"].narrow(0, 0, _rank * width).view(_rank, width);
            AddProducts(features, up, _patch.Activate(z.reshape(-1, width).matmul(offset.t())));
            return;
        }

        (Tensor downMatrix, Tensor upMatrix) = _patch.GetMatrices(layer, theta);
        Tensor hidden = _patch.Activate(torch.bmm(z, downMatrix.transpose(1, 2)));                           // [users, samples, rank]
        Tensor back = torch.bmm(slope, upMatrix) * _patch.GetSlope(hidden);
        Tensor basisDown = basis.narrow(1, 0, _rank * width).view(_columns, _rank, width).permute(2, 1, 0).reshape(width, _rank * _columns);
        AddProducts(features, up, hidden);
        AddProducts(features, z.reshape(-1, width).matmul(basisDown), back);
    }

    // The last derivatives are the factors themselves.
    private void AddFactors(float[] features, Tensor factors)
    {
        float[] values = factors.ToArray();
        int count = _size - 1 - _columns;
        for (int i = 0; i < values.Length / count; i++)
        {
            values.AsSpan(i * count, count).CopyTo(features.AsSpan(((i + 1) * _size) - count));
        }
    }

    // features[1..] += sum over r of factors[r] matrices[r], for each sample.
    private void AddProducts(float[] features, Tensor matrices, Tensor factors)
    {
        using Tensor held = matrices.contiguous();
        ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(held.bytes);
        float[] weights = factors.ToArray();
        for (int i = 0, from = 0; i < weights.Length; i++, from += _columns)
        {
            Span<float> own = features.AsSpan((i / _rank * _size) + 1, _columns);
            TensorPrimitives.MultiplyAdd(values.Slice(from, _columns), weights[i], own, own);
        }

        GC.KeepAlive(held);
    }

    // Decode's logits are without the intercept; its derivative is 1 everywhere.
    private void SubtractLinear(float[] features, float[] logits, ReadOnlySpan<float> patches)
    {
        int samples = logits.Length / (patches.Length / _size);
        for (int i = 0; i < logits.Length; i++)
        {
            logits[i] -= TensorPrimitives.Dot<float>(
                features.AsSpan((i * _size) + 1, _size - 1), patches.Slice((i / samples * _size) + 1, _size - 1));
        }
    }
}
