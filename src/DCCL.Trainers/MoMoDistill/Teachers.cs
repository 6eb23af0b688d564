using DCCL.ML.Model;
using DCCL.Trainers.MetaPatch;
using DCCL.Trainers.Torch;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace DCCL.Trainers.MoMoDistill;

/// <summary>The patched models of all users: a batch is scored with each row's own patch.</summary>
/// <remarks>
/// Teachers are over-confident on the events they learnt from, so each of a user's device events has a fold, and its teacher is a
/// patch learnt from the other folds. Users without a patch, or whose patch was gated, teach nothing: weight 0. Neither does anyone
/// on the cloud's events: the patch has not learnt from them, and what remains is the old cloud model, which only holds the new
/// one back. Scoring is thread-safe. Owns nothing.
/// </remarks>
internal sealed class Teachers
{
    private readonly TorchBackbone _model;
    private readonly PatchTensors _patch;
    private readonly UserPatches _patches;
    private readonly float[][] _foldPatches;

    /// <summary>Creates the teachers.</summary>
    /// <param name="model">The old cloud model, frozen.</param>
    /// <param name="patch">The old basis.</param>
    /// <param name="patches">The patches of all users.</param>
    /// <param name="foldPatches">The patches learnt without each fold [folds][(user - 1) d + k].</param>
    public Teachers(TorchBackbone model, PatchTensors patch, UserPatches patches, float[][] foldPatches)
    {
        _model = model;
        _patch = patch;
        _patches = patches;
        _foldPatches = foldPatches;
    }

    /// <summary>Gets the length of a patch.</summary>
    public int PatchSize => _patches.PatchSize;

    /// <summary>Whether a user's patch teaches.</summary>
    public bool Teaches(int user) => _patches.GetStatus(user) == PatchStatus.Patched;

    /// <summary>A user's patch that has not seen a fold.</summary>
    /// <param name="user">The user's key value.</param>
    /// <param name="fold">The fold.</param>
    public ReadOnlySpan<float> GetPatch(int user, int fold) =>
        _foldPatches[fold].AsSpan((user - 1) * _patches.PatchSize, _patches.PatchSize);

    /// <summary>The teachers' logits, and their weights.</summary>
    /// <param name="batch">The events.</param>
    /// <param name="users">Each event's user.</param>
    /// <param name="folds">Each event's fold.</param>
    /// <returns>[events, candidates] and [events, 1], or null if none of the users teaches.</returns>
    public (Tensor Logits, Tensor Weights)? Score(TrainingBatch batch, ReadOnlySpan<int> users, ReadOnlySpan<int> folds)
    {
        int size = _patches.PatchSize;
        float[] values = new float[users.Length * size];
        float[] weights = new float[users.Length];
        for (int i = 0; i < users.Length; i++)
        {
            if (folds[i] >= 0 && Teaches(users[i]))
            {
                weights[i] = 1;
                GetPatch(users[i], folds[i]).CopyTo(values.AsSpan(i * size));
            }
        }

        if (!weights.AsSpan().Contains(1f))
        {
            return null;
        }

        using IDisposable noGradients = torch.no_grad();
        Tensor patches = torch.tensor(values, users.Length, size);
        (Tensor activation, Tensor offset) = _model.Encode(batch, _patch.FirstLayer, generator: null);
        Tensor logits = _model.Decode(activation, offset, _patch.FirstLayer, (layer, z) => _patch.Apply(layer, z, patches), generator: null)
            + patches.narrow(1, 0, 1);
        return (logits, torch.tensor(weights, users.Length, 1));
    }

    /// <summary>The logits of a chunk's users, each with one patch [users, samples].</summary>
    /// <param name="chunk">The samples, encoded by the old cloud model.</param>
    /// <param name="patches">The patches [users, d].</param>
    public Tensor Score(SampleChunk chunk, Tensor patches) =>
        _model.Decode(chunk.Activation, chunk.Offset, _patch.FirstLayer, (layer, z) => _patch.Apply(layer, z, patches), generator: null)
        + patches.narrow(1, 0, 1);
}
