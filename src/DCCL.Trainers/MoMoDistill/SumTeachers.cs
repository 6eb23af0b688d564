using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using DCCL.ML.Model;
using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MoMoDistill;

/// <summary>Models with patches that are sums of item factors.</summary>
/// <remarks>
/// On the devices' events of a fold a teacher knows none of them: neither are they among what its user had, nor have its factors learnt from them.
/// Who has no patch teaches nothing, and nobody teaches on the cloud's events: the cloud model knows them. Owns its factors, but not the cloud model.
/// </remarks>
internal sealed class SumTeachers : ITeachers, IDisposable
{
    private readonly TorchBackbone _model;
    private readonly UserPatches _patches;
    private readonly float[][] _foldPatches;
    private readonly Tensor _factors;
    private readonly int _numberOfRows;

    /// <summary>Creates the teachers.</summary>
    /// <param name="model">The cloud model that they stand on, frozen.</param>
    /// <param name="patches">The patches of all users.</param>
    /// <param name="foldFactors">The factors that have not learnt from each fold [folds][items + 1, K].</param>
    /// <param name="foldPatches">The sums of these without each fold [folds][(user - 1) d + k].</param>
    public SumTeachers(TorchBackbone model, UserPatches patches, float[][] foldFactors, float[][] foldPatches)
    {
        _model = model;
        _patches = patches;
        _foldPatches = foldPatches;
        int numberOfFactors = patches.PatchSize - 1;
        _numberOfRows = foldFactors[0].Length / numberOfFactors;
        using Tensor managed = torch.tensor(foldFactors.SelectMany(factors => factors).ToArray(), (long)_numberOfRows * foldFactors.Length, numberOfFactors);
        _factors = managed.clone().DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public (Tensor Logits, Tensor Weights)? Score(TrainingBatch batch, ReadOnlySpan<int> users, ReadOnlySpan<int> folds)
    {
        int size = _patches.PatchSize;
        float[] values = new float[users.Length * (size - 1)];
        float[] weights = new float[users.Length];
        long[] rows = MemoryMarshal.Cast<byte, long>(batch.Items.bytes).ToArray();                           // [events, candidates]
        int candidates = rows.Length / users.Length;
        for (int i = 0; i < users.Length; i++)
        {
            if (folds[i] >= 0 && _patches.GetStatus(users[i]) == PatchStatus.Patched)
            {
                weights[i] = 1;
                TensorPrimitives.Add(rows.AsSpan(i * candidates, candidates), (long)folds[i] * _numberOfRows, rows.AsSpan(i * candidates, candidates));
                _foldPatches[folds[i]].AsSpan(((users[i] - 1) * size) + 1, size - 1).CopyTo(values.AsSpan(i * (size - 1)));
            }
        }

        if (!weights.AsSpan().Contains(1f))
        {
            return null;
        }

        using IDisposable noGradients = torch.no_grad();
        Tensor factors = LookupFunction.Look(_factors, torch.tensor(rows, users.Length, candidates));        // [events, candidates, K]
        Tensor sums = torch.tensor(values, users.Length, size - 1, 1);
        return (_model.Forward(batch, generator: null).Plus(torch.bmm(factors, sums).squeeze(2)), torch.tensor(weights, users.Length, 1));
    }

    public void Dispose() => _factors.Dispose();
}
